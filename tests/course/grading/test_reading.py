"""A notebook is read without running it."""

import json
import os

import pytest

from prepack_lab.course.exercises.catalogue import exercise
from prepack_lab.course.grading import reading
from prepack_lab.course.grading.reading import UnreadableNotebookError, read_notebook, read_progress
from tests.course.grading.conftest import write_notebook

WASTE = "def padding_share(lengths):\n    return 1 - sum(lengths) / (len(lengths) * max(lengths))"
CHECK = 'lab.check("01-waste", padding_share)'


def read(tmp_path, *cells, heading=""):
    return read_notebook(write_notebook(tmp_path / "a.ipynb", cells, heading))


def test_a_lesson_is_told_by_its_checks_its_heading_or_its_name(tmp_path):
    assert read(tmp_path, CHECK).lessons("x.ipynb") == ["01"]
    assert read(tmp_path, "1", heading="# 02 · Bin packing").lessons("x.ipynb") == ["02"]
    assert read(tmp_path, "1").lessons("ada 03_masks_and_positions (1).ipynb") == ["03"]
    assert read(tmp_path, "1").lessons("x.ipynb") == []


def test_cells_keep_their_numbers_and_their_text(tmp_path):
    notebook = read(tmp_path, "%%time\nx = 1", "y = (", heading="# A lesson")
    assert notebook.cells == ((2, "%%time\nx = 1"), (3, "y = (")) and notebook.texts == ("# A lesson",)


def test_the_function_that_the_check_is_given_counts(tmp_path):
    renamed = read(tmp_path, WASTE.replace("padding_share", "mine"), 'lab.check("01-waste", mine)')
    assert renamed.function_name(exercise("01-waste")) == "mine"
    deleted = read(tmp_path, WASTE)
    assert deleted.function_name(exercise("01-waste")) == "padding_share" and not deleted.checks("01-waste")


def test_the_last_cell_that_makes_a_name_is_found(tmp_path):
    notebook = read(tmp_path, "f = 1", "def f(x):\n    return x", "x = f\nff = 1\nf == 2", "async def g (): pass")
    assert [notebook.last_cell_that_makes(name) for name in ("f", "g", "h")] == [2, 4, None]
    assert read(tmp_path, "%%time\ndef f(x):\n    return x").text_of("f") == "def f(x):\n    return x"
    assert notebook.text_of("h") == ""


def test_the_shown_verdict_is_read(tmp_path):
    path = write_notebook(tmp_path / "a.ipynb", [CHECK])
    held = json.loads(path.read_text())
    held["cells"][0]["outputs"] = [
        {"output_type": "execute_result", "data": {"text/plain": ["✓ 01-waste: 9 cases, all right."]}}
    ]
    path.write_text(json.dumps(held))
    assert read_notebook(path).claims("01-waste") and not read_notebook(path).claims("01-batches")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty"),
        ("{", "broken"),
        ("[1, 2]", "no cells"),
        ('{"cells": 3}', "no cells"),
        ('{"cells": [3]}', "no cells"),
        ("[" * 100_000, "nested|broken"),
        ('{"cells": [' + "9" * 5000 + "]}", "broken"),
    ],
)
def test_a_file_that_is_no_notebook_says_why(tmp_path, content, words):
    (tmp_path / "a.ipynb").write_text(content)
    with pytest.raises(UnreadableNotebookError, match=words):
        read_notebook(tmp_path / "a.ipynb")


def test_other_bytes_and_large_files_say_why(tmp_path, monkeypatch):
    (tmp_path / "a.ipynb").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnreadableNotebookError, match="broken"):
        read_notebook(tmp_path / "a.ipynb")
    monkeypatch.setattr(reading, "LARGEST", 2)
    with pytest.raises(UnreadableNotebookError, match="clear its outputs"):
        read_notebook(tmp_path / "a.ipynb")


def test_devices_and_pipes_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "a.ipynb")
    (tmp_path / "progress.json").symlink_to("/dev/zero")
    with pytest.raises(UnreadableNotebookError, match="not a file"):
        read_notebook(tmp_path / "a.ipynb")
    assert read_progress(tmp_path / "a.ipynb") == {}
