"""Every lesson runs from a fresh kernel to its end, in both editions, without a word on stderr.

The editions differ in what learners write, and nothing but its check uses that. So one run serves both: each stub and
its check, then the solution and the check again. The first lesson has no checks, but a cell that says the verdict.
What lessons time runs once, as no test here reads a time; the browser's tests run the first lesson as it is.
"""

import ast
import re

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from prepack_lab.course.capstone import checking
from prepack_lab.course.exercises.catalogue import EXERCISES
from tests.lessons.sources import NOTEBOOKS, SOURCES, cells

FIRST = "00_start_here"
CHECKS = ["lab.check(", "capstone.check(", "capstone.race("]
ONCE = """from prepack_lab.measuring import timing
every_run = timing._runs
timing._runs = lambda fns, warmup, repeats, device: every_run(fns, warmup, 1, device)"""
CLAIMS = {
    "03_masks_and_positions": [r"alone +\[' Rex', ' (?!Max)", r"causal mask only +\[' Rex', ' Max', ' Max'\]"],
    "04_packed_equals_unpacked": [
        *(rf"float32 +{method} +32 of 32" for method in ("full_batching", "prepacked", "padding_free")),
        *(rf"bfloat16 +{method} .*off by \de-0[12]" for method in ("full_batching", "prepacked")),
    ],
}
"""What the text of a lesson says about what its cells print."""
LESSONS = [name for name in SOURCES if name[:2].isdigit() and name != FIRST]


def run(notebook, folder):
    """Run a notebook in a folder of its own."""
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def outputs(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def noise(notebook):
    return [out.text for out in outputs(notebook) if out.output_type == "stream" and out.name == "stderr"]


def words(notebook):
    return " ".join(out.get("text", "") + out.get("data", {}).get("text/html", "") for out in outputs(notebook))


def tagged(cell, tag):
    return tag in cell.metadata.get("tags", [])


def both_editions(name):
    """A lesson whose checks come twice: after the stub, and after the solution."""
    judges = ["Packing still saves"] if name == FIRST else CHECKS
    kept, stubs, solutions = [], [], []
    for cell in cells(name, "code"):
        if tagged(cell, "stub"):
            stubs.append(cell.source)
        elif tagged(cell, "solution"):
            solutions.append(cell.source)
        elif any(judge in cell.source for judge in judges):
            kept += [*stubs, cell.source, *solutions, cell.source]
            stubs, solutions = [], []
        else:
            kept.append(cell.source)
    assert not stubs and not solutions, "something to fill in comes without a check"
    return new_notebook(cells=[new_code_cell(source) for source in (ONCE, *kept)])


@pytest.mark.parametrize("name", LESSONS)
def test_nothing_but_its_check_uses_what_a_learner_writes(name):
    written, used = set(), set()
    for cell in cells(name, "code"):
        tree = ast.parse(cell.source)
        if tagged(cell, "stub") or tagged(cell, "solution"):
            written |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        elif not any(judge in cell.source for judge in CHECKS):
            used |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert written and not written & used


@pytest.mark.slow
@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_to_its_end_in_both_editions(name, tmp_path):
    notebook = run(both_editions(name), tmp_path)
    assert noise(notebook) == []
    for claim in CLAIMS.get(name, ()):
        assert re.search(claim, words(notebook)), claim
    verdicts = [out["data"]["text/plain"] for out in outputs(notebook) if out.get("data", {}).get("text/plain")]
    optional = [checking.KEY] if "capstone.check(" in str(notebook) else []
    for key in [*(key for key, one in EXERCISES.items() if one.lesson == name[:2]), *optional]:
        assert [said[0] for said in verdicts if said[1:].startswith(f" {key}:")] == ["○", "✓"], key


@pytest.mark.slow
def test_the_first_lesson_runs_to_its_end_in_both_editions(tmp_path):
    notebook = run(both_editions(FIRST), tmp_path)
    assert noise(notebook) == []
    assert "9 of 9 continuations are the same as one_by_one, token for token" in words(notebook)
    said = [text for cell in notebook.cells for text in [words(new_notebook(cells=[cell]))] if "prompts fill" in text]
    assert ["You found it!" in text for text in said] == [False, True]


@pytest.mark.slow
def test_the_glossary_runs_to_its_end(tmp_path):
    assert noise(run(nbformat.read(NOTEBOOKS / "glossary.ipynb", as_version=4), tmp_path)) == []


@pytest.mark.slow
def test_a_notebook_that_fails_fails_the_test(tmp_path):
    with pytest.raises(Exception, match="ZeroDivisionError"):
        run(new_notebook(cells=[new_code_cell("1 / 0")]), tmp_path)
