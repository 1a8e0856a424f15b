"""The rules of a course are read from a file, and each wrong entry of it is named."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from prepack_lab.course.grading.reports.course import Course, read_course

INSTRUCTOR = Path(__file__).parents[4] / "notebooks" / "INSTRUCTOR.md"
GOOD = """
late_days = 2
penalty = 0.1
[points]
default = 2
quizzes = 0.25
"02" = 3
"02-ffd" = 4.5
"02-quiz-bound" = 1
[weights]
"04" = 0.125
[partial]
"02" = true
"02-ffd" = false
[due]
"01" = 2026-10-01T23:59:00+02:00
"""


@pytest.fixture
def read(tmp_path):
    def read(text):
        (tmp_path / "course.toml").write_text(text, encoding="utf-8")
        return read_course(tmp_path / "course.toml")

    return read


def test_a_key_goes_before_its_lesson_and_that_before_the_default(read):
    course = read(GOOD)
    worth = {"01-waste": "2", "02-bound": "3", "02-ffd": "4.5", "01-quiz-grows": "0.25", "02-quiz-bound": "1"}
    assert {key: course.worth(key) for key in worth} == {key: Decimal(points) for key, points in worth.items()}
    assert course.worth("04-same") == Decimal("0.25") and course.worth("04-quiz-trap") == Decimal("0.03")
    assert [course.is_partial(key) for key in ("02-bound", "02-ffd", "01-waste")] == [True, False, False]
    assert course.due_of("01") == datetime(2026, 10, 1, 21, 59, tzinfo=UTC) and course.due_of("02") is None
    assert (course.late_days, course.penalty) == (2, Decimal("0.1"))


def test_without_a_file_an_exercise_is_worth_a_point_and_a_quiz_none():
    course = Course()
    assert (course.worth("01-waste"), course.worth("01-quiz-grows")) == (1, 0)
    assert not course.is_partial("01-waste") and course.due_of("01") is None and course.late_days == 0


def test_the_example_for_instructors_means_what_it_says(read):
    course = read(re.search(r"```toml\n(.*?)```", INSTRUCTOR.read_text(encoding="utf-8"), re.DOTALL)[1])
    worth = {"01-waste": "1", "02-ffd": "2", "02-beat-ffd": "0", "04-same": "1.5", "02-quiz-bound": "1",
             "01-quiz-grows": "0.5"}  # fmt: skip
    assert {key: course.worth(key) for key in worth} == {key: Decimal(points) for key, points in worth.items()}
    assert (course.late_days, course.penalty, course.is_partial("03-mask")) == (3, Decimal("0.1"), True)
    assert course.due_of("02") == datetime(2026, 10, 8, 21, 59, tzinfo=UTC) and course.due_of("03") is None


WRONG = {
    "pionts = 1": "there is no pionts; did you mean points?",
    "points = 1": "points is a table",
    "[points]\n'02-fdd' = 1": "there is no points.02-fdd; did you mean 02-ffd?",
    "[points]\ndefault = -1": "points.default is -1; it is to be a number from 0",
    "[points]\ndefault = nan": "points.default is NaN",
    "[points]\ndefault = inf": "points.default is Infinity",
    "[points]\ndefault = true": "points.default is true",
    "[points]\ndefault = 1e999999": "points.default is 1E+999999",
    "[points]\ndefault = [1]": "points.default is [1]",
    "[weights]\nquizes = 1": "there is no weights.quizes",
    "[partial]\n'02' = 1": "partial.02 is 1; it is to be true or false",
    "[due]\n'01' = 2026-10-01T23:59:00": "it is to be a time with its zone",
    "[due]\n'01' = 2026-10-01": "it is to be a time with its zone",
    "[due]\n'02-ffd' = 2026-10-01T23:59:00Z": "there is no due.02-ffd; did you mean",
    "late_days = 1.5": "late_days is 1.5; it is to be a whole number",
    "penalty = 10": "penalty is 10; it is to be a number from 0 to 1",
    "penalty = [": "is not a file in TOML",
    "penalty = " + "9" * 5000: "is not a file in TOML",
}


@pytest.mark.parametrize("text", WRONG, ids=[text[:40] for text in WRONG])
def test_a_wrong_entry_is_named_with_its_file(read, text):
    with pytest.raises(ValueError) as error:
        read(text)
    assert WRONG[text] in str(error.value) and "course.toml" in str(error.value)


def test_all_wrong_entries_are_named_at_once(read):
    with pytest.raises(ValueError) as error:
        read("pionts = 1\npenalty = 2\n[points]\nx = 1")
    assert len(str(error.value).splitlines()) == 3


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.toml can't be read"):
        read_course(tmp_path / "none.toml")
