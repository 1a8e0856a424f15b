"""A notebook is read without running it."""

import json
from pathlib import Path

import pytest

from prepack_lab.course.exercises.catalogue import exercise
from prepack_lab.course.grading import reading
from prepack_lab.course.grading.reading import UnreadableNotebookError, read_notebook
from prepack_lab.course.lessons import LESSONS
from tests.course.grading.conftest import solved_cells, write_notebook

WASTE = "def padding_share(lengths):\n    return 1 - sum(lengths) / (len(lengths) * max(lengths))"
CHECK = 'lab.check("01-waste", padding_share)'


def read(tmp_path, *cells, heading=""):
    return read_notebook(write_notebook(tmp_path / "a.ipynb", cells, heading))


def test_a_lesson_is_told_by_its_checks_its_heading_or_its_name(tmp_path):
    assert read(tmp_path, CHECK).lessons("x.ipynb") == ["01"]
    assert read(tmp_path, "1", heading="# 02 · Bin packing").lessons("x.ipynb") == ["02"]
    assert read(tmp_path, "1").lessons("ada 03_masks_and_positions (1).ipynb") == ["03"]
    assert read(tmp_path, "1").lessons("x.ipynb") == []


def test_cells_that_define_something_keep_their_lines(tmp_path):
    ((name, source),) = read(tmp_path, "print('!')", "model = load()\n\ndef f(x):\n    return x").definitions()
    assert name == "cell 2" and source.split("\n")[2] == "def f(x):"


def test_what_is_not_run_leaves_names_out(tmp_path):
    cells = ("WIDTH = 3\nmodel = load()", "sizes = model.sizes\nfor one in sizes:\n    import math", "half = sizes[0]")
    assert read(tmp_path, *cells).left_out() == {"model": 1, "sizes": 2, "one": 2, "math": 2, "half": 3}


def test_magics_are_no_syntax_errors(tmp_path):
    notebook = read(tmp_path, "%matplotlib inline\n!ls\nlab.check?", f"%%time\n{CHECK}", f"%load_ext x\n{WASTE}")
    assert [cell.error for cell in notebook.cells] == [None, None, None]
    assert notebook.defined_in("padding_share").number == 3
    assert notebook.checks == {"01-waste": "padding_share"}


def test_what_a_magic_wraps_is_read_with_its_lines(tmp_path):
    notebook = read(tmp_path, f"%%capture out\n%%time\n{WASTE}", "%%time\n\ndef f(x):\n    return (")
    assert notebook.text_of("padding_share") == WASTE
    assert notebook.broken_in("f").error.startswith("cell 2, line 4: ")
    assert read(tmp_path, "%time lab.check = print").tampering == ("cell 1 replaces lab.check",)


def test_a_syntax_error_is_found_with_its_cell_and_line(tmp_path):
    notebook = read(tmp_path, "x = 1", "def padding_share(lengths):\n    return sum(lengths")
    assert notebook.defined_in("padding_share") is None
    assert notebook.broken_in("padding_share").error.startswith("cell 2, line 2: ")
    assert notebook.broken_in("other") is None


def test_the_function_that_the_check_is_given_counts(tmp_path):
    renamed = read(tmp_path, WASTE.replace("padding_share", "mine"), 'lab.check("01-waste", mine)')
    assert renamed.function_name(exercise("01-waste")) == "mine"
    deleted = read(tmp_path, WASTE)
    assert deleted.function_name(exercise("01-waste")) == "padding_share" and deleted.checks == {}


def test_of_several_definitions_the_last_counts(tmp_path):
    notebook = read(tmp_path, WASTE, WASTE.replace("1 -", "2 -"))
    assert "2 -" in notebook.text_of("padding_share")
    assert read(tmp_path, "padding_share = lambda lengths: 1").text_of("padding_share").endswith(": 1")


def test_another_name_of_a_function_is_one(tmp_path):
    notebook = read(tmp_path, WASTE.replace("padding_share", "mine"), "padding_share = other = mine")
    assert notebook.defined_in("padding_share").number == 2
    assert notebook.text_of("padding_share") == notebook.text_of("mine") != ""
    assert read(tmp_path, "a = b\nb = a").text_of("a") == "b = a"


@pytest.mark.parametrize(
    "source",
    [
        "lab.check = lambda *_: None",
        "def check(key, function): return True",
        "lab.exercises.checking._try = lambda *_: True",
        "setattr(lab, 'check', print)",
        "from prepack_lab.course.exercises.catalogue import EXERCISES",
        "import prepack_lab.course.exercises.catalogue as c",
        "from prepack_lab.course.capstone.reference import packed_mask",
        "answer = exercise('01-waste').reference",
        "open('progress.json', 'w').write('{}')",
    ],
)
def test_tampering_is_named_with_its_cell(tmp_path, source):
    (words,) = read(tmp_path, "x = 1", source).tampering
    assert words.startswith("cell 2 ")


@pytest.mark.parametrize("lesson", ["01", "02", "03", "04", "05"])
def test_an_honest_notebook_is_not_suspected(tmp_path, lesson):
    assert read(tmp_path, *solved_cells(lesson)).tampering == ()


def test_the_lessons_themselves_are_not_suspected():
    paths = sorted((Path(__file__).parents[3] / "notebooks").rglob("[01]*.ipynb"))
    assert len(paths) >= 2 * len(LESSONS)
    for path in paths:
        assert read_notebook(path).tampering == (), path.name


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
