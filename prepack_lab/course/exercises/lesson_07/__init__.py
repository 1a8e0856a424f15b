"""Lesson 07, whole datasets."""

from prepack_lab.course.exercises.lesson_07.back_in_order import BACK_IN_ORDER
from prepack_lab.course.exercises.lesson_07.delivered import DELIVERED
from prepack_lab.course.exercises.lesson_07.quizzes import QUIZZES
from prepack_lab.course.exercises.lesson_07.slots_in_windows import SLOTS_IN_WINDOWS
from prepack_lab.course.exercises.lesson_07.token_budget import TOKEN_BUDGET

__all__ = ["EXERCISES", "QUIZZES"]

EXERCISES = (BACK_IN_ORDER, TOKEN_BUDGET, DELIVERED, SLOTS_IN_WINDOWS)
