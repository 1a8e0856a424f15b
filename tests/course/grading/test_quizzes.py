"""Quizzes are graded from whatever progress.json holds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prepack_lab.course.exercises.catalogue import EXERCISES, QUIZZES
from prepack_lab.course.grading.quizzes import QUIZ_KEYS, quiz_grades

QUIZ = QUIZZES["02-bound"]
RIGHT = next(answer for answer in QUIZ.answers if answer.right)
WRONG = next(answer for answer in QUIZ.answers if not answer.right)


def test_no_quiz_is_called_as_an_exercise_in_grades():
    assert not QUIZ_KEYS.keys() & EXERCISES.keys() and len(QUIZ_KEYS) == len(QUIZZES)
    assert QUIZ_KEYS["02-quiz-bound"] is QUIZ


def test_the_last_choice_counts():
    (grade,) = quiz_grades("ada", "ada/02.ipynb", {"answers": {"02-bound": [WRONG.text, WRONG.text, RIGHT.text]}})
    assert (grade.student, grade.notebook, grade.exercise) == ("ada", "ada/02.ipynb", "02-quiz-bound")
    assert (grade.status, grade.right, grade.cases, grade.attempts) == ("solved", 1, 1, 3)
    assert grade.diagnosis == f"You chose: {RIGHT.text}\n{RIGHT.why}"
    (grade,) = quiz_grades("ada", "", {"answers": {"02-bound": [RIGHT.text, WRONG.text]}})
    assert (grade.status, grade.right, grade.attempts) == ("wrong", 0, 2) and WRONG.why in grade.diagnosis
    (grade,) = quiz_grades("ada", "", {"answers": {"02-bound": ["42"]}})
    assert grade.status == "wrong" and "none of this quiz's" in grade.diagnosis


HOSTILE = [
    "1e999", "[]", "null", '"answers"', '{"answers": []}', '{"answers": {"02-bound": null}}',
    '{"answers": {"02-bound": {"0": "x"}}}', '{"answers": {"02-bound": [1e999, null, [[]], {}]}}',
    '{"answers": {"02-bound": ' + "9" * 400 + "}}", '{"answers": {"02-bound": ' + "[" * 400 + "]" * 400 + "}}",
    '{"answers": {"no-such": ["x"]}}', '{"answers": {"02-bound": []}}', '{"answers": {"02-bound": "abc"}}',
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_holds_no_answer_gives_no_grade(text):
    assert quiz_grades("ada", "", json.loads(text)) == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([RIGHT.text, WRONG.text]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["answers", "02-bound", "x"]), inner),
)


@given(VALUES, VALUES)
def test_no_value_stops_the_grader(value, inner):
    quiz_grades("ada", "", value)
    for grade in quiz_grades("ada", "", {"answers": {"02-bound": inner}}):
        texts = [text for text in inner if isinstance(text, str)]
        assert grade.solved == (texts[-1] == RIGHT.text) and grade.attempts == len(texts)
