"""All exercises and quizzes, by key: those of every `lesson_NN.py` beside this file, in the order of the lessons."""

from __future__ import annotations

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
        ValueError: there is none; says which there are.
    """
    if key not in EXERCISES:
        raise ValueError(f"there is no exercise {key!r}; there are: {', '.join(EXERCISES)}")
    return EXERCISES[key]


def quiz(key: str) -> Quiz:
    """The quiz of this key.

    Raises:
        ValueError: there is none; says which there are.
    """
    if key not in QUIZZES:
        raise ValueError(f"there is no quiz {key!r}; there are: {', '.join(QUIZZES)}")
    return QUIZZES[key]
