"""Notebooks as students hand them in, and a sandbox to grade them in."""

import json
import os

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from prepack_lab.course.exercises.catalogue import EXERCISES
from prepack_lab.course.grading.judge import Options, grades_of
from prepack_lab.course.grading.sandbox import Desk, SandboxError, find_wall
from prepack_lab.course.grading.submissions.finding import Submission

OPTIONS = Options(seconds=2, memory_bytes=600_000_000)
HEAD = "import prepack_lab as lab\nimport torch"
CHECK = 'lab.check("01-waste", padding_share)'
RIGHT = "1 - sum(lengths) / len(lengths) / max(lengths)"


def waste(body):
    return "def padding_share(lengths):\n" + "\n".join(f"    {line}" for line in body.splitlines())


def solved_cells(lesson):
    """Functions and checks of a lesson, all right, as its solution notebook has them."""
    cells = [HEAD]
    for one in EXERCISES.values():
        if one.lesson == lesson:
            cells += [one.solution, f'lab.check("{one.key}", {one.reference.__name__})']
    return cells


def write_notebook(path, cells, heading="", claims=()):
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = [new_markdown_cell(heading)] if heading else []
    code = [new_code_cell(source) for source in cells]
    if claims:
        words = "\n".join(f"✓ {key}: 47 cases, all right." for key in claims)
        code[-1].outputs = [{"output_type": "stream", "name": "stdout", "text": words}]
    path.write_text(json.dumps(new_notebook(cells=shown + code)))
    return path


@pytest.fixture
def hand_in(tmp_path):
    """Write a notebook into the folder of submissions."""
    return lambda name, cells, heading="": write_notebook(tmp_path / "in" / name, cells, heading)


@pytest.fixture(scope="session")
def wall():
    """The wall that this machine has; without one the test is skipped, unless it is required."""
    try:
        return find_wall()
    except SandboxError as error:
        if os.environ.get("PREPACK_LAB_REQUIRE_SANDBOX"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def desk(wall):
    """A sandbox, for one notebook after the other."""
    desk = Desk(wall, OPTIONS.memory_bytes)
    yield desk
    desk.close()


@pytest.fixture
def grades(tmp_path, desk):
    """Cells → the grades of their notebook, by exercise."""

    def graded(*cells, claims=(), options=OPTIONS):
        path = write_notebook(tmp_path / "01_padding_waste.ipynb", [HEAD, *cells], claims=claims)
        found = grades_of(Submission("ada", path, path.name), desk.sandbox, options, set(), lambda key: None)
        return {grade.exercise: grade for grade in found}

    return graded


@pytest.fixture
def grade(grades):
    """Cells → what became of 01-waste."""
    return lambda *cells, **options: grades(*cells, **options)["01-waste"]
