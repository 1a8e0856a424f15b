"""The command: what it reads before it grades, what it writes, and what it says."""

import json

import pytest

from prepack_lab import cli
from prepack_lab.course.grading import command
from prepack_lab.course.grading.grades import Grade

GRADES = [
    Grade("ada", "ada/01.ipynb", "01-waste", "solved", "4 cases, all right.", 4, 4),
    Grade("bob", "bob/01.ipynb", "01-waste", "wrong", "no", 1, 4, flags=("odd",)),
]
FILES = {"canvas.csv", "feedback", "grades.csv", "grades.html", "moodle.csv", "overrides.csv", "totals.csv"}


@pytest.fixture
def graded(tmp_path, monkeypatch):
    """A grader that gives the same grades each time; the list of what it was asked for."""
    asked = []
    monkeypatch.setattr(command, "_graded", lambda options, roster, keys: asked.append((options, keys)) or GRADES)
    monkeypatch.chdir(tmp_path)
    return asked


def test_it_writes_all_and_says_what_came_out(graded, tmp_path, capsys):
    assert cli.main(["grade", "in"]) == 0
    said = capsys.readouterr().out
    for words in ("students: 2", "exercises solved: 1 of 2", "points in all: 1", "1 flagged", "not in moodle.csv: 2"):
        assert words in said
    assert {path.name for path in (tmp_path / "grades").iterdir()} == FILES
    assert len([*(tmp_path / "grades" / "feedback").iterdir()]) == 2


def test_two_runs_write_the_same_bytes_and_leave_the_overrides_alone(graded, tmp_path):
    def contents():
        files = [path for path in (tmp_path / "grades").rglob("*") if path.is_file()]
        return {path.name: path.read_bytes() for path in files}

    cli.main(["grade", "in"])
    first = contents()
    cli.main(["grade", "in"])
    assert contents() == first
    mine = "student,exercise,points,comment\nbob,01-waste,0.5,nearly\nnobody,01-waste,1,\n"
    (tmp_path / "grades" / "overrides.csv").write_text(mine, encoding="utf-8")
    cli.main(["grade", "in"])
    assert (tmp_path / "grades" / "overrides.csv").read_text(encoding="utf-8") == mine
    assert "bob,,,0,1,0.5,1,50,0," in (tmp_path / "grades" / "totals.csv").read_text(encoding="utf-8-sig")


def test_an_override_for_nobody_is_reported(graded, tmp_path, capsys):
    (tmp_path / "o.csv").write_text("student,exercise,points,comment\nadda,01-waste,1,\n", encoding="utf-8")
    assert cli.main(["grade", "in", "--overrides", "o.csv"]) == 0
    assert (
        "to put right: overrides, line 2: no student is called 'adda'; did you mean 'ada'?" in capsys.readouterr().out
    )


def test_json_alone_goes_to_the_standard_output(graded, tmp_path, capsys):
    cli.main(["grade", "in", "--json", "-"])
    said = capsys.readouterr()
    assert [one["total"] for one in json.loads(said.out)["students"]] == [1, 0] and "students: 2" in said.err
    cli.main(["grade", "in", "--json", "all.json"])
    assert json.loads((tmp_path / "all.json").read_text()) == json.loads(said.out)


def test_rules_and_roster_are_read(graded, tmp_path):
    (tmp_path / "course.toml").write_text("[points]\ndefault = 4\n[partial]\ndefault = true", encoding="utf-8")
    (tmp_path / "class.csv").write_text("Name;Email\nada;a@x.org\ncy;c@x.org\n", encoding="utf-8")
    cli.main(["grade", "in", "--course", "course.toml", "--roster", "class.csv"])
    moodle = (tmp_path / "grades" / "moodle.csv").read_text(encoding="utf-8").splitlines()
    assert moodle[1:] == ["a@x.org,ada,4,4,100", "c@x.org,cy,0,0,0"]


KEYS = {
    "": None,
    "--lesson 1": ("01-waste", "01-batches", "01-order", "01-attention", "01-quiz-grows", "01-quiz-none",
                   "01-quiz-attention"),
    "--exercise 02-ffd --exercise 01-waste": ("01-waste", "02-ffd"),
    "--lesson 01_padding_waste --exercise 02-quiz-bound": ("01-waste", "01-batches", "01-order", "01-attention",
                                                          "01-quiz-grows", "01-quiz-none", "01-quiz-attention",
                                                          "02-quiz-bound"),
}  # fmt: skip


@pytest.mark.parametrize("words", KEYS)
def test_lessons_and_exercises_can_be_chosen(graded, words):
    cli.main(["grade", "in", *words.split()])
    assert graded[0][1] == KEYS[words]


WRONG = [
    *((f"--seconds {value}", f"--seconds is {float(value):g}; give a number") for value in ("0", "-1", "nan", "inf")),
    *((f"--memory {value}", f"--memory is {float(value):g}; give a number") for value in ("0", "nan", "inf")),
    ("--jobs 0", "--jobs is 0; give 1 or more"),
    ("--level 0", "--level is 0; give 1 or more"),
    ("--lesson 00", "there are no exercises in a lesson '00'; there are lessons 01, 02"),
    ("--exercise 02-fdd", "there is no exercise '02-fdd'; did you mean '02-ffd'?"),
    ("--course none.toml", "none.toml can't be read"),
    ("--roster none.csv", "there is no roster none.csv"),
    ("--overrides none.csv", "there is no file none.csv"),
    ("--dry-run", "there is no folder in"),
]


@pytest.mark.parametrize(("words", "error"), WRONG)
def test_what_is_wrong_is_said_before_anything_is_graded(graded, capsys, words, error):
    assert cli.main(["grade", "in", *words.split()]) == 2
    assert error in capsys.readouterr().err and not graded


def test_after_ctrl_c_it_says_how_to_go_on(graded, monkeypatch, capsys):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_graded", stopped)
    assert cli.main(["grade", "in", "--out", "mine"]) == command.STOPPED
    assert "What is graded is kept in mine: the same command goes on from here" in capsys.readouterr().err


def test_a_file_that_is_open_elsewhere_is_named(graded, tmp_path, capsys):
    (tmp_path / "grades" / "totals.csv").mkdir(parents=True)
    assert cli.main(["grade", "in"]) == 2
    assert "totals.csv can't be written" in capsys.readouterr().err


def test_a_dry_run_names_the_notebooks_and_grades_none(graded, hand_in, tmp_path, capsys):
    hand_in("ada/a.ipynb", ["1"])
    assert cli.main(["grade", "in", "--dry-run"]) == 0
    assert (
        "ada (the folder's name)\n    ada/a.ipynb\nstudents: 1, notebooks: 1; none was graded"
        in capsys.readouterr().out
    )
    assert not graded and not (tmp_path / "grades").exists()
