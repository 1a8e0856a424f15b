"""Lesson 09, generation."""

from prepack_lab.course.exercises.lesson_09.greedy import GREEDY
from prepack_lab.course.exercises.lesson_09.grow_mask import GROW_MASK
from prepack_lab.course.exercises.lesson_09.next_positions import NEXT_POSITIONS
from prepack_lab.course.exercises.lesson_09.packed_slots import PACKED_SLOTS
from prepack_lab.course.exercises.lesson_09.quizzes import QUIZZES
from prepack_lab.course.exercises.lesson_09.token_times import TOKEN_TIMES

__all__ = ["EXERCISES", "QUIZZES"]

EXERCISES = (GREEDY, NEXT_POSITIONS, GROW_MASK, TOKEN_TIMES, PACKED_SLOTS)
