"""Every notebook runs from a fresh kernel to its end, in both editions, without a word on stderr."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
EDITIONS = sorted([*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("solutions/*.ipynb")])


def run(path, folder):
    """Run a copy in a folder of its own, and return it with its outputs."""
    copy = Path(shutil.copy(path, folder))
    notebook = nbformat.read(copy, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def outputs(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def words(notebook):
    return " ".join(out.get("text", "") + out.get("data", {}).get("text/html", "") for out in outputs(notebook))


@pytest.mark.slow
@pytest.mark.parametrize("path", EDITIONS, ids=[str(path.relative_to(NOTEBOOKS)) for path in EDITIONS])
def test_a_notebook_runs_to_its_end(path, tmp_path):
    notebook = run(path, tmp_path)
    noise = [out.text for out in outputs(notebook) if out.output_type == "stream" and out.name == "stderr"]
    assert noise == []
    if path.stem == "00_start_here":
        said = words(notebook)
        assert "9 of 9 continuations are the same as one_by_one, token for token" in said
        assert ("You found it!" in said) == (path.parent.name == "solutions")


@pytest.mark.slow
def test_a_notebook_that_fails_fails_the_test(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")])
    nbformat.write(notebook, tmp_path / "bad.ipynb")
    (tmp_path / "run").mkdir()
    with pytest.raises(Exception, match="ZeroDivisionError"):
        run(tmp_path / "bad.ipynb", tmp_path / "run")
