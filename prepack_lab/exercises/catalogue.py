"""All exercises, by key."""

from __future__ import annotations

from prepack_lab.exercises import lesson_01, lesson_02
from prepack_lab.exercises.exercise import Exercise

EXERCISES: dict[str, Exercise] = {one.key: one for lesson in (lesson_01, lesson_02) for one in lesson.EXERCISES}


def exercise(key: str) -> Exercise:
    """The exercise of this key.

    Raises:
        ValueError: there is none; says which there are.
    """
    if key not in EXERCISES:
        raise ValueError(f"there is no exercise {key!r}; there are: {', '.join(EXERCISES)}")
    return EXERCISES[key]
