"""Lesson 08, predicting the gain."""

from prepack_lab.course.exercises.lesson_08.best_method import BEST_METHOD
from prepack_lab.course.exercises.lesson_08.fit import FIT
from prepack_lab.course.exercises.lesson_08.most_gain import MOST_GAIN
from prepack_lab.course.exercises.lesson_08.quizzes import QUIZZES
from prepack_lab.course.exercises.lesson_08.r_squared import R_SQUARED

__all__ = ["EXERCISES", "QUIZZES"]

EXERCISES = (MOST_GAIN, FIT, R_SQUARED, BEST_METHOD)
