"""Lesson 04, packed equals unpacked."""

from prepack_lab.course.exercises.lesson_04.last_token_logits import LAST_TOKEN_LOGITS
from prepack_lab.course.exercises.lesson_04.places import PLACES
from prepack_lab.course.exercises.lesson_04.planted_bugs import PLANTED_BUGS
from prepack_lab.course.exercises.lesson_04.quizzes import QUIZZES
from prepack_lab.course.exercises.lesson_04.same_results import SAME_RESULTS
from prepack_lab.course.exercises.lesson_04.unpack_keys import UNPACK_KEYS

__all__ = ["EXERCISES", "QUIZZES"]

EXERCISES = (SAME_RESULTS, LAST_TOKEN_LOGITS, PLACES, UNPACK_KEYS, PLANTED_BUGS)
