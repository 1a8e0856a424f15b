"""The questions of lesson 02."""

from __future__ import annotations

from prepack_lab.exercises.quiz import Quiz

QUIZZES: tuple[Quiz, ...] = ()
