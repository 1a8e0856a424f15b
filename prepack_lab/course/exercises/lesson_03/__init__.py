"""Lesson 03, masks and positions."""

from prepack_lab.course.exercises.lesson_03.cu_seqlens import CU_SEQLENS
from prepack_lab.course.exercises.lesson_03.packed_mask import PACKED_MASK
from prepack_lab.course.exercises.lesson_03.quizzes import QUIZZES
from prepack_lab.course.exercises.lesson_03.restart_positions import RESTART_POSITIONS
from prepack_lab.course.exercises.lesson_03.segment_ids import SEGMENT_IDS
from prepack_lab.course.exercises.lesson_03.segmented_attention import SEGMENTED_ATTENTION
from prepack_lab.course.exercises.lesson_03.sliding_window import SLIDING_WINDOW

__all__ = ["EXERCISES", "QUIZZES"]

EXERCISES = (SEGMENT_IDS, RESTART_POSITIONS, PACKED_MASK, SLIDING_WINDOW, CU_SEQLENS, SEGMENTED_ATTENTION)
