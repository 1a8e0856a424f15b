"""Lesson 02, bin packing."""

from prepack_lab.course.exercises.lesson_02.beat_first_fit_decreasing import BEAT_IT
from prepack_lab.course.exercises.lesson_02.best_fit import BEST_FIT
from prepack_lab.course.exercises.lesson_02.first_fit_decreasing import FIRST_FIT_DECREASING
from prepack_lab.course.exercises.lesson_02.lower_bound import LOWER_BOUND
from prepack_lab.course.exercises.lesson_02.next_fit import NEXT_FIT
from prepack_lab.course.exercises.lesson_02.quizzes import QUIZZES

__all__ = ["EXERCISES", "QUIZZES"]

EXERCISES = (LOWER_BOUND, NEXT_FIT, BEST_FIT, FIRST_FIT_DECREASING, BEAT_IT)
