"""Notebooks as students hand them in."""

import json

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from prepack_lab.course.exercises.catalogue import EXERCISES


def solved_cells(lesson):
    """Functions and checks of a lesson, all right, as its solution notebook has them."""
    cells = ["import torch\nimport prepack_lab as lab"]
    for one in EXERCISES.values():
        if one.lesson == lesson:
            cells += [one.solution, f'lab.check("{one.key}", {one.reference.__name__})']
    return cells


def write_notebook(path, cells, heading=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = [new_markdown_cell(heading)] if heading else []
    path.write_text(json.dumps(new_notebook(cells=shown + [new_code_cell(source) for source in cells])))
    return path


@pytest.fixture
def hand_in(tmp_path):
    """Write a notebook into the folder of submissions."""
    return lambda name, cells, heading="": write_notebook(tmp_path / "in" / name, cells, heading)
