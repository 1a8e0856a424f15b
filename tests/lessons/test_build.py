"""The notebooks are what their sources make of them, and hold no outputs."""

import re
from dataclasses import replace

import nbformat
import pytest

from prepack_lab.course.exercises import catalogue
from prepack_lab.course.exercises.exercise import Exercise
from prepack_lab.course.exercises.judges import number
from prepack_lab.course.lessons import LESSONS
from tests.lessons.sources import build

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


@pytest.mark.long
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


def double(length):
    return 2 * length


def test_an_exercise_is_written_in_one_place(tmp_path, monkeypatch):
    """It is added to the catalogue, and the lesson names it: statement, stub, solution and check come by themselves."""
    added = Exercise(
        key="07-double",
        title="Twice as long",
        minutes=3,
        level="warm-up",
        task="Given a `length`, return its double.\n\nIt is a whole number.",
        reference=double,
        cases=lambda draw: [(3,)],
        judge=number,
        hints=("Two times.",),
        stub="""
        twice = ...
        return twice
        """,
    )
    monkeypatch.setitem(catalogue.EXERCISES, added.key, added)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "07_small.py").write_text('# %% [markdown]\n# # A lesson\n\n# %% exercise="07-double"\n')
    learner, solved = (
        [cell["source"] for cell in nbformat.reads(build.built(tmp_path)[tmp_path / name], as_version=4).cells]
        for name in ("07_small.ipynb", "solutions/07_small.ipynb")
    )
    heading = "### Exercise 1: Twice as long (warm-up, 3 minutes)"
    statement = f"{heading}\n\nGiven a `length`, return its double.\n\nIt is a whole number."
    check = 'lab.check("07-double", double)'
    assert learner == ["# A lesson", statement, "def double(length):\n    twice = ...\n    return twice", check]
    assert solved == ["# A lesson", statement, "def double(length):\n    return 2 * length", check]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_progress_lists_the_exercises_in_the_order_of_the_page(lesson):
    page = (build.NOTEBOOKS / "source" / f"{lesson.name}.py").read_text()
    keys = [key for key in catalogue.EXERCISES if key.startswith(lesson.name[:2])]
    assert re.findall('exercise="(.*)"', page) == keys


def test_an_exercise_of_a_minute_is_no_exercise_of_minutes():
    asked = replace(catalogue.EXERCISES["05-ttft"], minutes=1)
    assert build.exercise_cells(asked, 5)[0].source.startswith(f"### Exercise 5: {asked.title} (warm-up, 1 minute)\n")


def test_a_lesson_that_names_no_exercise_of_the_catalogue_is_not_built(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "07_small.py").write_text('# %% exercise="07-dubble"\n')
    with pytest.raises(ValueError, match="there is no exercise '07-dubble'"):
        build.built(tmp_path)
