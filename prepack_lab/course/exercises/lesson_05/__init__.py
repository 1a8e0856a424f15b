"""Lesson 05, live timing."""

from prepack_lab.course.exercises.lesson_05.losing_batch import LOSING_BATCH
from prepack_lab.course.exercises.lesson_05.median_seconds import MEDIAN_SECONDS
from prepack_lab.course.exercises.lesson_05.quizzes import QUIZZES
from prepack_lab.course.exercises.lesson_05.speed_up import SPEED_UP
from prepack_lab.course.exercises.lesson_05.time_to_first_token import TIME_TO_FIRST_TOKEN
from prepack_lab.course.exercises.lesson_05.time_work import TIME_WORK

__all__ = ["EXERCISES", "QUIZZES"]

EXERCISES = (MEDIAN_SECONDS, TIME_WORK, SPEED_UP, TIME_TO_FIRST_TOKEN, LOSING_BATCH)
