"""Lesson 10, beyond prepacking."""

from prepack_lab.course.exercises.lesson_10.blocks import BLOCKS
from prepack_lab.course.exercises.lesson_10.chunks import CHUNKS
from prepack_lab.course.exercises.lesson_10.quizzes import QUIZZES
from prepack_lab.course.exercises.lesson_10.shared import SHARED
from prepack_lab.course.exercises.lesson_10.steps import STEPS

__all__ = ["EXERCISES", "QUIZZES"]

EXERCISES = (CHUNKS, BLOCKS, SHARED, STEPS)
