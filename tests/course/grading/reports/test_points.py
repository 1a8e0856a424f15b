"""Every figure of a total is computed by hand."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prepack_lab.course.grading.grades import Grade
from prepack_lab.course.grading.reports.course import Course
from prepack_lab.course.grading.reports.overrides import Override
from prepack_lab.course.grading.reports.points import class_results
from prepack_lab.course.grading.submissions.roster import Student

WORTH = {"01": Decimal(2), "02-ffd": Decimal(3), "02-quiz-bound": Decimal("0.5")}
DUE = {"01": datetime(2026, 10, 1, tzinfo=UTC), "02": datetime(2026, 10, 8, tzinfo=UTC)}


def grade(key, right, cases=4, day="", student="ada", status=None):
    submitted = f"2026-10-{day}+00:00" if day else ""
    status = status or ("solved" if right == cases else "wrong")
    return Grade(student, f"{student}/a.ipynb", key, status, "", right, cases, submitted=submitted)


def only(grades, *arguments, **options):
    return class_results(grades, *arguments, **options).results[0]


def points(result):
    return {score.asked.key: score.points for score in result.scores}


def test_without_rules_what_is_solved_brings_a_point():
    found = class_results([grade("01-waste", 4), grade("01-order", 3), grade("02-quiz-bound", 1, 1)])
    assert points(found.results[0]) == {"01-waste": 1, "01-order": 0, "02-quiz-bound": 0}
    assert (found.results[0].total, found.worth) == (1, 2)


def test_points_weights_and_quizzes():
    course = Course(WORTH, {"02": Decimal(2)})
    result = only([grade("01-waste", 4), grade("02-ffd", 4), grade("02-quiz-bound", 1, 1)], course)
    assert points(result) == {"01-waste": 2, "02-ffd": 6, "02-quiz-bound": 1} and result.total == 9


def test_a_quiz_that_brings_points_is_asked_even_if_nobody_answered_it():
    found = class_results([grade("02-ffd", 4)], Course(WORTH))
    assert points(found.results[0]) == {"02-ffd": 3, "02-quiz-bound": 0} and found.worth == Decimal("3.5")


def test_partial_credit_goes_by_cases_and_is_rounded_to_hundredths():
    course = Course({"default": Decimal(1), "01-order": Decimal("0.5")}, partial={"01": True})
    result = only(
        [grade("01-waste", 2, 3), grade("01-batches", 1, 8), grade("01-order", 3), grade("02-ffd", 3)], course
    )
    # 2/3; 1/8 = 0.125, and halves go up; 3/4 of 0.5; no partial credit in lesson 02
    expected = {"01-waste": "0.67", "01-batches": "0.13", "01-order": "0.38", "02-ffd": "0"}
    assert points(result) == {key: Decimal(value) for key, value in expected.items()}
    assert result.total == Decimal("1.18")
    assert points(only([grade("01-waste", 9, 3, status="wrong")], course)) == {"01-waste": 1}
    assert points(only([grade("01-waste", 0, 0, status="crashed")], course)) == {"01-waste": 0}


def test_late_days_go_to_what_was_due_first_and_the_rest_costs():
    course = Course({"default": Decimal(10)}, due=DUE, late_days=2, penalty=Decimal("0.1"))
    grades = [
        grade("01-waste", 4, day="01T00:00:00"),  # to the second: in time
        grade("01-order", 4, day="01T00:00:01"),  # a day has begun
        grade("02-ffd", 4, day="10T12:00:00"),  # 2.5 days: three have begun
        grade("02-rows", 1, day="20T00:00:00"),  # wrong: no late days are spent on it
    ]
    found = class_results(grades, course)
    result = found.results[0]
    by_key = {score.asked.key: (score.late, score.charged, score.points) for score in result.scores}
    assert by_key == {
        "01-waste": (0, 0, 10), "01-order": (1, 0, 10), "02-ffd": (3, 2, 8), "02-rows": (12, 0, 0),
    }  # fmt: skip
    assert (result.late_days, result.total) == (2, 28) and not found.problems


def test_a_penalty_takes_no_more_than_there_is():
    course = Course(due={"default": DUE["01"]}, penalty=Decimal("0.4"))
    assert only([grade("01-waste", 4, day="03T00:00:00")], course).total == Decimal("0.2")
    assert only([grade("01-waste", 4, day="09T00:00:00")], course).total == 0


def test_a_notebook_without_a_time_counts_as_in_time_and_is_named():
    found = class_results([grade("01-waste", 4)], Course(due=DUE, penalty=Decimal(1)))
    assert found.results[0].total == 1
    assert found.problems == ("notebooks without a time of submission, which count as in time: 1",)


def test_what_the_grader_could_not_do_is_not_final():
    grades = [grade("01-waste", 4), grade("01-order", 0, status="not graded")]
    assert points(only(grades)) == {"01-waste": 1, "01-order": None} and not only(grades).is_final
    whole = [grade("01-waste", 4), grade("", 0, student="bob", status="not graded")]
    bob = class_results(whole).results[1]
    assert points(bob) == {"01-waste": None} and not bob.is_final
    decided = only(grades, overrides=[Override("ada", "01-order", Decimal("0.5"), "", 2)])
    assert decided.is_final and decided.total == Decimal("1.5")


def test_who_handed_in_nothing_has_nothing_of_all():
    roster = [Student("bob", ("7",), "b@x.org"), Student("ada")]
    found = class_results(
        [grade("01-waste", 4), grade("", 0, student="bob", status="nothing handed in")], roster=roster
    )
    ada, bob = found.results
    assert (ada.total, bob.total, bob.student.id) == (1, 0, "7")
    assert [file.status for file in bob.files] == ["nothing handed in"], "it says what came in place of a notebook"
    assert [score.grade.status for score in bob.scores] == ["nothing handed in"]


def test_only_what_was_chosen_counts():
    grades = [grade("01-waste", 4), grade("02-ffd", 4)]
    assert points(only(grades, chosen=["02-ffd", "02-rows"])) == {"02-ffd": 1, "02-rows": 0}


def test_an_override_takes_the_place_of_points_and_is_seen_as_one():
    overrides = [
        Override("ada", "01-waste", Decimal("0.5"), "nearly", 2),
        Override("a@x.org", "01-order", None, "see me", 3),
        Override("ada", "", None, "well done", 4),
    ]
    grades = [grade("01-waste", 3), grade("01-order", 4)]
    found = class_results(grades, roster=[Student("ada", ("1",), "A@x.org")], overrides=overrides)
    first, second = found.results[0].scores
    assert (first.points, first.earned, first.is_overridden, first.comment) == (Decimal("0.5"), 0, True, "nearly")
    assert (second.points, second.is_overridden, second.comment) == (1, False, "see me")
    assert found.results[0].total == Decimal("1.5") and found.results[0].comment == "well done"
    assert found.problems == ()


PROBLEMS = [
    (Override("adda", "01-waste", None, "", 2), "line 2: no student is called 'adda'; did you mean 'ada'?"),
    (Override("ada", "01-wast", None, "", 3), "line 3: there is no exercise '01-wast'; did you mean '01-waste'?"),
    (Override("ada", "", Decimal(1), "", 4), "line 4: points are given for an exercise"),
    (Override("7", "01-waste", None, "", 5), "line 5: several students are called '7'"),
    (Override("ada", "01-waste", Decimal(3), "", 6), "line 6: 3 points count, and 01-waste is worth 1"),
    (Override("ada", "02-ffd", Decimal(1), "", 7), "1 of them are for exercises that this run does not grade"),
]


@pytest.mark.parametrize(("override", "words"), PROBLEMS)
def test_an_override_that_does_not_fit_is_reported(override, words):
    roster = [Student("ada", ("7",)), Student("bob", ("7",))]
    (problem,) = class_results([grade("01-waste", 4)], roster=roster, overrides=[override]).problems
    assert words in problem


def test_students_whose_names_differ_in_large_letters_only_are_told_apart():
    grades = [grade("01-waste", 0, student=student) for student in ("Ada", "ada", "Bob")]
    overrides = [Override("ada", "01-waste", Decimal(1), "", 2), Override("bob", "01-waste", Decimal(1), "", 3)]
    found = class_results(grades, overrides=overrides)
    assert {result.student.name: result.total for result in found.results} == {"Ada": 0, "ada": 1, "Bob": 1}
    assert (
        "line 4: several students are called 'ADA'"
        in class_results(grades, overrides=[Override("ADA", "01-waste", Decimal(1), "", 4)]).problems[0]
    )


def test_of_two_overrides_the_later_counts_and_says_so():
    overrides = [Override("ada", "01-waste", Decimal(0), "", 2), Override("ADA", "01-waste", Decimal(1), "", 3)]
    found = class_results([grade("01-waste", 0)], overrides=overrides)
    assert found.results[0].total == 1 and found.problems == ("overrides, line 3: it takes the place of line 2",)


KEYS = ("01-waste", "01-order", "02-ffd")
OVERRIDES = st.builds(
    Override,
    st.sampled_from(["ada", "bob", "nobody"]),
    st.sampled_from([*KEYS, "", "99-none"]),
    st.none() | st.decimals(0, 1, places=2),
    st.sampled_from(["", "a word"]),
    st.integers(2, 99),
)


@given(st.lists(OVERRIDES, max_size=8))
def test_each_override_counts_or_is_reported(overrides):
    grades = [grade(key, 4, student=student) for student in ("ada", "bob") for key in KEYS]
    found = class_results(grades, overrides=overrides)
    used = {id(score.override) for result in found.results for score in result.scores}
    comments = {(result.student.name, result.comment) for result in found.results}
    for one in overrides:
        reported = any(f"line {one.line}:" in words or words.endswith(f"line {one.line}") for words in found.problems)
        assert id(one) in used or reported or (not one.exercise and (one.student, one.comment) in comments)
    for result in found.results:
        assert result.total == sum(score.points for score in result.scores)
