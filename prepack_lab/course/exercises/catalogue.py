"""All exercises and quizzes, by key: those of every `lesson_NN.py` beside this file, in the order of the lessons."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules

from prepack_lab.course import exercises
from prepack_lab.course.exercises.exercise import Exercise
from prepack_lab.course.exercises.quiz import Quiz

_LESSONS = [
    import_module(f"{exercises.__name__}.{module.name}")
    for module in iter_modules(exercises.__path__)  # sorted by name
    if module.name.startswith("lesson_")
]
EXERCISES: dict[str, Exercise] = {
    found.key: found for lesson in _LESSONS for found in vars(lesson).values() if isinstance(found, Exercise)
}
"""In the order in which they stand in their files."""
QUIZZES: dict[str, Quiz] = {quiz.key: quiz for lesson in _LESSONS for quiz in lesson.QUIZZES}


def exercise(key: str) -> Exercise:
    """The exercise of this key.

    Raises:
        ValueError: there is none; names the nearest.
    """
    if key not in EXERCISES:
        raise ValueError(_unknown("exercise", key, EXERCISES))
    return EXERCISES[key]


def quiz(key: str) -> Quiz:
    """The quiz of this key.

    Raises:
        ValueError: there is none; names the nearest.
    """
    if key not in QUIZZES:
        raise ValueError(_unknown("quiz", key, QUIZZES))
    return QUIZZES[key]


def _unknown(what: str, key: object, there: Iterable[str]) -> str:
    nearest = get_close_matches(str(key), there, n=1, cutoff=0.4)
    way_out = f"did you mean {nearest[0]!r}?" if nearest else f"there are: {', '.join(there)}"
    return f"there is no {what} {key!r}; {way_out}"
