"""A whole class: nothing stops it, and nothing is done twice."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from unittest.mock import Mock

import pytest

from prepack_lab import cli
from prepack_lab.course.exercises.catalogue import EXERCISES
from prepack_lab.course.grading import classroom, sandbox
from prepack_lab.course.grading.classroom import RECORD, grade_folder
from prepack_lab.course.grading.grades import Grade
from prepack_lab.course.grading.judge import Options
from prepack_lab.course.grading.likeness import compared, shape_of
from prepack_lab.course.grading.sandbox import Desk, SandboxError
from prepack_lab.measuring.machine import cores
from tests.course.grading.conftest import solved_cells

pytestmark = pytest.mark.long

KEYS = [key for key, one in EXERCISES.items() if one.lesson == "01"]


def test_one_broken_file_never_stops_the_rest(hand_in, tmp_path, wall):
    hand_in("ada/01_padding_waste.ipynb", solved_cells("01"))
    hand_in("bob/deep/er/x (1).ipynb", solved_cells("01")[:3])
    (tmp_path / "in" / "carol").mkdir()
    (tmp_path / "in" / "carol" / "broken.ipynb").write_bytes(b"\x00\xff")
    grades = grade_folder(tmp_path / "in", tmp_path / "out", jobs=2)
    found = {(grade.student, grade.exercise): grade.status for grade in grades}
    assert found == {
        **{("ada", key): "solved" for key in KEYS},
        **{("bob", key): "solved" if key == KEYS[0] else "missing" for key in KEYS},
        ("carol", ""): "unreadable",
    }


def test_a_fault_of_the_grader_itself_stops_nobody_else_and_is_not_final(hand_in, tmp_path, monkeypatch, wall):
    def fails(sitting):
        raise RuntimeError("a fault")

    hand_in("ada/a.ipynb", solved_cells("01")[:3])
    with monkeypatch.context() as patched:
        patched.setattr(classroom._Sitting, "grades", fails)
        (grade,) = grade_folder(tmp_path / "in", tmp_path / "out")
    assert grade.status == "not graded" and "the grader itself failed (RuntimeError: a fault)" in grade.diagnosis
    assert any(grade.solved for grade in grade_folder(tmp_path / "in", tmp_path / "out"))


def test_an_answer_that_takes_for_ever_to_judge_costs_no_other_exercise(hand_in, tmp_path, wall):
    """A message that was forged: keys of equal hashes make a dict quadratic."""
    forged = (
        "from prepack_lab.course.inside import notebook\n"
        "def padding_share(lengths):\n"
        "    keys = [[n * (2**61 - 1), 1] for n in range(90_000)]\n"
        "    notebook._message = lambda outcome: {'returned': {'dict': keys}}\n"
    )
    hand_in("ada/01_padding_waste.ipynb", [*solved_cells("01"), forged, 'lab.check("01-waste", padding_share)'])
    hand_in("bob/01_padding_waste.ipynb", [*solved_cells("01")[:1], forged, 'lab.check("01-waste", padding_share)'])
    found = {(one.student, one.exercise): one for one in grade_folder(tmp_path / "in", tmp_path / "out")}
    assert all(found["ada", key].solved for key in KEYS), "what was right before stays right"
    grade = found["bob", "01-waste"]
    assert grade.status == "huge output" and "takes more than 10 seconds" in grade.diagnosis


def test_a_sandbox_that_is_gone_is_begun_anew(hand_in, tmp_path, monkeypatch, wall):
    began = []

    def desk(wall, memory_bytes):
        began.append(Desk(wall, memory_bytes))
        if len(began) == 1:
            began[0].close()
        return began[-1]

    monkeypatch.setattr(classroom, "Desk", desk)
    hand_in("ada/a.ipynb", solved_cells("01")[:3])
    grades = grade_folder(tmp_path / "in", tmp_path / "out", jobs=1)
    assert any(grade.solved for grade in grades)
    assert len(began) == (2 if began[1:] or wall == "bubblewrap" else 1)


def test_without_a_sandbox_nothing_is_graded_but_by_the_instructors_own_word(hand_in, tmp_path, monkeypatch, capsys):
    def none():
        raise SandboxError("students' code needs a sandbox, and there is none: With --no-sandbox it runs")

    monkeypatch.setattr(classroom, "find_wall", none)
    monkeypatch.chdir(tmp_path)
    hand_in("ada/01_padding_waste.ipynb", solved_cells("01")[:3])
    assert cli.main(["grade", "in"]) == 2
    assert "students' code needs a sandbox" in capsys.readouterr().err
    assert cli.main(["grade", "in", "--no-sandbox", "--exercise", "01-waste"]) == 0
    assert "exercises solved: 1 of 1" in capsys.readouterr().out


def test_without_ipython_nothing_is_graded_and_the_extra_is_named(hand_in, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sandbox, "find_spec", lambda name: None if name == "IPython" else name)
    monkeypatch.chdir(tmp_path)
    hand_in("ada/01_padding_waste.ipynb", solved_cells("01")[:3])
    assert cli.main(["grade", "in", "--no-sandbox"]) == 2
    said = "prepack-lab: notebooks are run by IPython, which is not installed: pip install 'prepack-lab[grading]'\n"
    assert capsys.readouterr().err == said
    assert not (tmp_path / "grades" / "grades.csv").exists()


ODD = {
    "raised": "def padding_share(lengths):\n    raise ValueError(chr(0xD800))",
    "source": f"def padding_share(lengths):\n    return '{chr(0xD800)}'",
    "lines": "def padding_share(lengths):\n    raise ValueError('one' + chr(0x2028) + 'two' + chr(0x85) + 'three')",
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_letters_stop_nobody_and_are_kept(hand_in, tmp_path, monkeypatch, odd, wall):
    hand_in("ada/01_padding_waste.ipynb", [ODD[odd], 'lab.check("01-waste", padding_share)'])
    monkeypatch.chdir(tmp_path)
    assert cli.main(["grade", "in"]) == 0
    again = Mock()
    monkeypatch.setattr(classroom, "_grade", again)
    grades = {one.exercise: one for one in grade_folder(tmp_path / "in", tmp_path / "grades")}
    assert grades["01-waste"].status in ("crashed", "syntax error") and not again.called
    assert "ada" in (tmp_path / "grades" / "grades.csv").read_text(encoding="utf-8-sig")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_name_that_is_no_text_stops_nobody(hand_in, tmp_path, monkeypatch, wall):
    hand_in("ada/01_padding_waste.ipynb", solved_cells("01")[:3])
    os.rename(tmp_path / "in" / "ada", os.fsencode(tmp_path / "in") + b"/ad\xe9")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["grade", "in"]) == 0
    page = (tmp_path / "grades" / "grades.html").read_text(encoding="utf-8")
    assert "ad\\udce9" in page and "4 points in all" in page


@pytest.fixture
def counted(monkeypatch):
    """Grading that only counts."""
    names = []

    def count(submission, *_):
        names.append(submission.name)
        return [Grade(submission.student, submission.name, KEYS[0], "solved", "fine")]

    monkeypatch.setattr(classroom, "find_wall", lambda: "none")
    monkeypatch.setattr(classroom, "_grade", count)
    return names


def test_what_was_graded_is_kept_and_what_changed_is_graded_anew(hand_in, tmp_path, counted):
    folder, out = tmp_path / "in", tmp_path / "out"
    hand_in("ada/a.ipynb", ["1"])
    hand_in("bob/b.ipynb", ["1"])
    first = grade_folder(folder, out)
    assert sorted(counted) == ["ada/a.ipynb", "bob/b.ipynb"]
    assert grade_folder(folder, out) == first and len(counted) == 2
    hand_in("bob/b.ipynb", ["2"])
    grade_folder(folder, out)
    assert counted[2:] == ["bob/b.ipynb"]
    grade_folder(folder, out, Options(seed=1))
    assert len(counted) == 5
    grade_folder(folder, out, fresh=True)
    assert len(counted) == 7


def test_what_was_graded_by_other_code_is_graded_anew(hand_in, tmp_path, monkeypatch, counted):
    """A case, a judge or a mistake that was changed is not in the reference's text."""
    assert {path.name for path in classroom.CODE} == {"exercises", "grading", "inside"}
    judge = tmp_path / "exercises" / "lessons" / "judge.py"
    judge.parent.mkdir(parents=True)
    judge.write_text("strict = False")
    monkeypatch.setattr(classroom, "CODE", (judge.parents[1],))
    monkeypatch.setattr(classroom, "_code", classroom._code.__wrapped__)
    hand_in("ada/a.ipynb", ["1"])
    for code, times in (("strict = False", 1), ("strict = True", 2), ("strict = True", 2)):
        judge.write_text(code)
        grade_folder(tmp_path / "in", tmp_path / "out")
        assert len(counted) == times


def test_the_code_that_counts_is_there():
    assert {"judges.py", "lesson_01.py", "judge.py", "attempt.py"} <= {
        path.name for folder in classroom.CODE for path in folder.rglob("*.py")
    }


def test_after_an_interruption_nobody_waits_for_the_others(hand_in, tmp_path, monkeypatch):
    begun = []

    def interrupted(submission, *_):
        begun.append(submission.name)
        sleep(0.3)
        raise KeyboardInterrupt

    monkeypatch.setattr(classroom, "find_wall", lambda: "none")
    monkeypatch.setattr(classroom, "_grade", interrupted)
    for number in range(6):
        hand_in(f"s{number}/a.ipynb", ["1"])
    with pytest.raises(KeyboardInterrupt):
        grade_folder(tmp_path / "in", tmp_path / "out", jobs=1)
    assert 1 <= len(begun) <= 2


def test_no_more_at_a_time_than_there_are_processors_for_us(hand_in, tmp_path, monkeypatch, counted):
    """A server of 64 processors may give a container two of them."""
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    asked = []
    monkeypatch.setattr(classroom, "ThreadPoolExecutor", lambda jobs: asked.append(jobs) or ThreadPoolExecutor(jobs))
    for number in range(70):
        hand_in(f"s{number}/a.ipynb", ["1"])
    grade_folder(tmp_path / "in", tmp_path / "out")
    assert asked == [cores()]


def test_a_run_that_was_cut_off_is_resumed(hand_in, tmp_path, counted):
    folder, out = tmp_path / "in", tmp_path / "out"
    hand_in("ada/a.ipynb", ["1"])
    hand_in("bob/b.ipynb", ["1"])
    grade_folder(folder, out)
    lines = (out / RECORD).read_text().strip().splitlines()
    (out / RECORD).write_text(lines[0] + "\n" + lines[1][:20])
    counted.clear()
    assert len(grade_folder(folder, out)) == 2 and len(counted) == 1
    assert len(grade_folder(folder, out)) == 2 and len(counted) == 1


def test_of_two_notebooks_the_better_counts(hand_in, tmp_path, wall):
    hand_in(
        "ada/first.ipynb", [*solved_cells("01")[:1], "def padding_share(lengths):\n    return 7.0"], "# 01 · Padding"
    )
    hand_in("ada/second.ipynb", solved_cells("01")[:3])
    grades = {one.exercise: one for one in grade_folder(tmp_path / "in", tmp_path / "out")}
    assert grades["01-waste"].solved and grades["01-waste"].notebook == "ada/second.ipynb"


def test_who_hands_in_all_notebooks_has_no_row_for_those_without_exercises_and_nobody_is_lost(hand_in, tmp_path, wall):
    for student in ("ada", "bob"):
        hand_in(f"{student}/glossary.ipynb", ["1"], "# Glossary")
        hand_in(f"{student}/00_start_here.ipynb", ["1"], "# 00 · Start here")
    hand_in("ada/01_padding_waste.ipynb", solved_cells("01"))
    found = [(one.student, one.exercise, one.status) for one in grade_folder(tmp_path / "in", tmp_path / "out")]
    assert [row for row in found if row[0] == "ada"] == [("ada", key, "solved") for key in sorted(KEYS)]
    assert [row for row in found if row[0] == "bob"] == [("bob", "", "nothing handed in")] * 2


def test_a_file_of_any_size_is_looked_at_in_a_moment(tmp_path, hand_in, wall):
    path = hand_in("ada/01_padding_waste.ipynb", ["1"])
    os.truncate(path, 10**13)  # of which nothing is on the disk
    (grade,) = grade_folder(tmp_path / "in", tmp_path / "out")
    assert grade.status == "unreadable" and "10,000,000 MB" in grade.diagnosis


LONG = """def next_fit(lengths, capacity):
    bins, used = [], capacity + 1
    for prompt, length in enumerate(lengths):
        if used + length > capacity:
            bins.append([])
            used = 0
        bins[-1].append(prompt)
        used += length
    return bins  # {}
"""


def solved(student, code, key="02-next-fit"):
    return Grade(student, f"{student}.ipynb", key, "solved", "", code=code, shape=shape_of(code))


def test_functions_that_are_alike_are_flagged():
    mine = LONG.replace("used", "held").replace("    return", "    assert bins\n    return")
    theirs = mine.replace("held", "x").replace("prompt", "i").replace("# {}", "# all my own work")
    flags = [one.flags for one in compared([solved("ada", mine), solved("bob", theirs), solved("eve", LONG)])]
    assert flags == [("the same as bob",), ("the same as ada",), ()]
    reference = solved("dan", EXERCISES["02-next-fit"].solution)
    assert compared([reference])[0].flags == ("the same as the reference",)
    changed = theirs.replace("> capacity", ">= capacity")
    assert not any(one.flags for one in compared([solved("ada", mine), solved("bob", changed)]))


def test_one_liners_are_alike_because_there_is_only_one_way():
    short = EXERCISES["01-waste"].solution
    assert not any(one.flags for one in compared([solved(name, short, "01-waste") for name in ("ada", "bob")]))
