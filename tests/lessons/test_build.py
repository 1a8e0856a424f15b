"""The notebooks are what their sources make of them, and hold no outputs."""

import importlib.util
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

spec = importlib.util.spec_from_file_location("build", NOTEBOOKS / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)

SOURCE = """# %% [markdown]
# # A lesson

# %% tags=["stub"]
answer = ...

# %% tags=["solution"]
answer = 42

# %%
print(answer)
"""


@pytest.fixture
def lesson(tmp_path):
    """A folder with one small lesson, built."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "07_small.py").write_text(SOURCE)
    (tmp_path / "solutions").mkdir()
    for path, text in build.built(tmp_path).items():
        path.write_text(text)
    return tmp_path


def sources(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


def test_every_notebook_is_as_its_source_makes_it():
    assert build.drifted() == []


def test_a_learner_gets_the_stub_and_an_instructor_the_solution(lesson):
    assert sources(lesson / "07_small.ipynb") == ["# A lesson", "answer = ...", "print(answer)"]
    assert sources(lesson / "solutions" / "07_small.ipynb") == ["# A lesson", "answer = 42", "print(answer)"]


def test_building_twice_gives_the_same(lesson):
    assert build.built(lesson) == build.built(lesson)
    assert build.drifted(lesson) == []


def test_an_edited_notebook_is_drift(lesson):
    path = lesson / "07_small.ipynb"
    path.write_text(path.read_text().replace("A lesson", "My lesson"))
    assert build.drifted(lesson) == ["07_small.ipynb: differs from its source"]


def test_an_output_is_drift(lesson):
    path = lesson / "07_small.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].outputs = [nbformat.v4.new_output("stream", text="42")]
    nbformat.write(notebook, path)
    assert build.drifted(lesson) == ["07_small.ipynb: holds outputs"]


def test_a_notebook_that_was_not_built_or_has_no_source_is_drift(lesson):
    (lesson / "solutions" / "07_small.ipynb").rename(lesson / "solutions" / "08_stray.ipynb")
    assert build.drifted(lesson) == ["solutions/08_stray.ipynb: has no source", "solutions/07_small.ipynb: not built"]
