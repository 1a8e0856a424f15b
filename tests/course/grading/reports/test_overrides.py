"""What an instructor wrote survives each run, letter by letter."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prepack_lab.course.grading.grades import Grade
from prepack_lab.course.grading.reports.overrides import COLUMNS, Override, begin_overrides, read_overrides
from prepack_lab.course.grading.reports.points import class_results
from prepack_lab.course.grading.reports.spreadsheet import write_rows
from prepack_lab.course.grading.reports.visible import visible


def test_a_file_is_begun_once_and_never_written_again(tmp_path):
    path = tmp_path / "overrides.csv"
    assert read_overrides(path) == []
    begin_overrides(path)
    assert path.read_text(encoding="utf-8-sig") == "student,exercise,points,comment\n" and read_overrides(path) == []
    path.write_text("mine", encoding="utf-8")
    begin_overrides(path)
    assert path.read_text(encoding="utf-8") == "mine"


def test_points_and_comments_are_read(tmp_path):
    path = tmp_path / "overrides.csv"
    path.write_text("student;exercise;points;comment\nada;01-Waste;0,5;nearly\n\nbob;;;\n", encoding="utf-8")
    assert read_overrides(path) == [
        Override("ada", "01-waste", Decimal("0.5"), "nearly", 2), Override("bob", "", None, "", 4),
    ]  # fmt: skip


@pytest.mark.parametrize("points", ["x", "-1", "nan", "inf", "1e9", "1/2"])
def test_points_that_are_none_are_named_by_their_line(tmp_path, points):
    path = tmp_path / "overrides.csv"
    write_rows(path, [COLUMNS, ("ada", "01-waste", "1", ""), ("bob", "01-waste", points, "")])
    with pytest.raises(ValueError, match=r"overrides\.csv, line 3: the points are"):
        read_overrides(path)


@given(st.text(min_size=1).filter(lambda name: visible(name).strip()), st.text(max_size=20))
def test_a_student_of_any_name_is_found_again_as_the_csv_files_name_them(tmp_path_factory, name, comment):
    path = tmp_path_factory.mktemp("csv") / "overrides.csv"
    write_rows(path, [COLUMNS, (name, "01-waste", Decimal("0.5"), comment)])
    found = class_results([Grade(name, "a.ipynb", "01-waste", "wrong", "")], overrides=read_overrides(path))
    assert found.problems == () and found.results[0].total == Decimal("0.5")
    assert found.results[0].scores[0].comment == visible(comment).strip()
