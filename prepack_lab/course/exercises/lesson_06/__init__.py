"""Lesson 06, memory and the largest batch."""

from prepack_lab.course.exercises.lesson_06.cache_bytes import CACHE_BYTES
from prepack_lab.course.exercises.lesson_06.largest_that_fits import LARGEST_THAT_FITS
from prepack_lab.course.exercises.lesson_06.mask_bytes import MASK_BYTES
from prepack_lab.course.exercises.lesson_06.quizzes import QUIZZES
from prepack_lab.course.exercises.lesson_06.unpacking import UNPACKING

__all__ = ["EXERCISES", "QUIZZES"]

EXERCISES = (CACHE_BYTES, MASK_BYTES, LARGEST_THAT_FITS, UNPACKING)
