"""Lesson 01, padding waste."""

from prepack_lab.course.exercises.lesson_01.attention_pairs import ATTENTION_PAIRS
from prepack_lab.course.exercises.lesson_01.best_order import BEST_ORDER
from prepack_lab.course.exercises.lesson_01.padding_share import PADDING_SHARE
from prepack_lab.course.exercises.lesson_01.quizzes import QUIZZES
from prepack_lab.course.exercises.lesson_01.slots_in_batches import SLOTS_IN_BATCHES

__all__ = ["EXERCISES", "QUIZZES"]

EXERCISES = (PADDING_SHARE, SLOTS_IN_BATCHES, BEST_ORDER, ATTENTION_PAIRS)
