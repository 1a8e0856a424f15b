"""Gradebooks have the columns that Moodle and Canvas read, and the same class gives the same bytes."""

import csv
import json
from dataclasses import replace
from decimal import Decimal

import pytest

from prepack_lab.course.grading.grades import Grade
from prepack_lab.course.grading.reports import gradebooks
from prepack_lab.course.grading.reports.course import Course
from prepack_lab.course.grading.reports.overrides import Override
from prepack_lab.course.grading.reports.points import class_results
from prepack_lab.course.grading.reports.summary import to_json
from prepack_lab.course.grading.submissions.roster import Student

GRADES = [
    Grade("ada", "ada/01.ipynb", "01-waste", "solved", "4 cases, all right.", 4, 4, 2, 1, seconds=1.5),
    Grade("ada", "ada/02.ipynb", "02-ffd", "wrong", "With n = 1: wrong\n-1 is no index", 1, 4, flags=("=1", "b")),
    Grade("bob", "bob/01.ipynb", "01-waste", "not graded", "the grader itself failed"),
    Grade("eve", "eve/x.ipynb", "", "unreadable", "the file is empty"),
]
ROSTER = [Student("ada", ("a1",), "ada@x.org"), Student("bob", ("b2",)), Student("eve", (), "eve@x.org")]
COURSE = Course({"default": Decimal(2)}, partial={"default": True})
OVERRIDES = [Override("eve", "01-waste", Decimal("1.5"), "on paper", 2)]


@pytest.fixture
def found():
    return class_results(GRADES, COURSE, ROSTER, OVERRIDES)


def table(path, encoding="utf-8"):
    with path.open(encoding=encoding, newline="") as file:
        return [*csv.reader(file)]


def test_moodle_finds_students_in_a_column_and_gets_nobody_without_one(found, tmp_path):
    """A line without an identifier would give its points to the student above."""
    assert gradebooks.write_moodle(found, tmp_path / "moodle.csv") == 1
    assert table(tmp_path / "moodle.csv") == [
        ["Email address", "Full name", "01 Padding waste", "02 Bin packing", "Total", "Total in percent"],
        ["ada@x.org", "ada", "2", "0.5", "2.5", "62.5"],
        ["eve@x.org", "eve", "1.5", "0", "1.5", "37.5"],
    ]


def test_moodle_is_given_the_id_where_more_students_have_one(tmp_path):
    found = class_results(GRADES, COURSE, [*ROSTER[:2], Student("eve", ("e3",))])
    assert gradebooks.write_moodle(found, tmp_path / "moodle.csv") == 0
    heading, *rows = table(tmp_path / "moodle.csv")
    assert heading[0] == "ID number" and [row[0] for row in rows] == ["a1", "b2", "e3"]
    assert rows[1][2:] == ["", "0", "", ""], "what is not final is left empty"


def test_canvas_has_its_columns_and_the_points_possible(found, tmp_path):
    gradebooks.write_canvas(found, tmp_path / "canvas.csv")
    assert table(tmp_path / "canvas.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "01 Padding waste", "02 Bin packing"],
        ["    Points Possible", "", "", "", "", "2", "2"],
        ["ada", "", "a1", "ada@x.org", "", "2", "0.5"],
        ["bob", "", "b2", "", "", "", "0"],
        ["eve", "", "", "eve@x.org", "", "1.5", "0"],
    ]


def test_every_grade_has_a_row_and_an_override_is_seen_as_one(found, tmp_path):
    gradebooks.write_grades(found, tmp_path / "grades.csv")
    heading, *lines = table(tmp_path / "grades.csv", "utf-8-sig")
    rows = [dict(zip(heading, line, strict=True)) for line in lines]
    assert tuple(heading) == gradebooks.GRADES and "seconds" not in heading
    by_place = {(row["student"], row["exercise"]): row for row in rows}
    assert len(rows) == len(by_place) == 7
    ada = by_place["ada", "02-ffd"]
    assert [ada[name] for name in ("points", "worth", "earned", "override")] == ["0.5", "2", "0.5", ""]
    assert [ada[name] for name in ("right", "cases", "attempts", "title")] == ["1", "4", "", "First-fit decreasing"]
    assert ada["flags"] == "'=1; b" and ada["diagnosis"] == "With n = 1: wrong\n'-1 is no index"
    eve = by_place["eve", "01-waste"]
    assert [eve[name] for name in ("points", "earned", "override", "comment")] == ["1.5", "0", "1.5", "on paper"]
    assert by_place["eve", ""]["status"] == "unreadable" and by_place["bob", "01-waste"]["points"] == ""


def test_totals(found, tmp_path):
    gradebooks.write_totals(found, tmp_path / "totals.csv")
    heading, *rows = table(tmp_path / "totals.csv", "utf-8-sig")
    assert tuple(heading) == gradebooks.TOTALS
    assert rows == [
        ["ada", "a1", "ada@x.org", "1", "2", "2.5", "4", "62.5", "0", ""],
        ["bob", "b2", "", "0", "2", "", "4", "", "0", ""],
        ["eve", "", "eve@x.org", "0", "2", "1.5", "4", "37.5", "0", ""],
    ]


def test_two_runs_give_the_same_bytes(found, tmp_path):
    slower = class_results([replace(one, seconds=9.0) for one in reversed(GRADES)], COURSE, ROSTER[::-1], OVERRIDES)
    for write in (gradebooks.write_grades, gradebooks.write_totals, gradebooks.write_moodle, gradebooks.write_canvas):
        written = []
        for number, results in enumerate((found, slower)):
            write(results, tmp_path / f"{number}.csv")
            written.append((tmp_path / f"{number}.csv").read_bytes())
        assert written[0] == written[1]
    assert to_json(found) == to_json(slower)


def test_a_program_reads_the_same(found):
    held = json.loads(to_json(found))
    assert [one["student"] for one in held["students"]] == ["ada", "bob", "eve"] and held["worth"] == 4
    ada, bob, eve = held["students"]
    assert (ada["total"], ada["final"], bob["final"], bob["grades"][0]["points"]) == (2.5, True, False, None)
    assert (eve["grades"][0]["overridden"], eve["grades"][0]["comment"]) == (True, "on paper")
    assert eve["files"] == [{"notebook": "eve/x.ipynb", "status": "unreadable", "diagnosis": "the file is empty"}]
