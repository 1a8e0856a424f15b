"""Quizzes: what progress.json keeps of a student's answers → a grade for each quiz that was answered.

A student can edit that file: take these grades as a hint, or give quizzes no points, which is the default.
"""

from __future__ import annotations

from typing import Any

from prepack_lab.course.exercises.catalogue import QUIZZES
from prepack_lab.course.exercises.quiz import Answer, Quiz
from prepack_lab.course.grading.grades import Grade, Status

UNKNOWN = Answer("", False, "The answer that was chosen is none of this quiz's: it was written into progress.json.")


def quiz_key(key: str) -> str:
    """The key of a quiz in grades: "02-bound" becomes "02-quiz-bound", since an exercise is called "02-bound" too."""
    lesson, name = key.split("-", 1)
    return f"{lesson}-quiz-{name}"


QUIZ_KEYS: dict[str, Quiz] = {quiz_key(key): quiz for key, quiz in QUIZZES.items()}
"""Quizzes by their keys in grades."""


def quiz_grades(student: str, notebook: str, progress: Any) -> list[Grade]:
    """A grade for each quiz that was answered; the last choice counts.

    Args:
        student: as in the grades.
        notebook: its path within the folder.
        progress: what progress.json holds, whatever that is.
    """
    answers = progress.get("answers") if isinstance(progress, dict) else None
    if not isinstance(answers, dict):
        return []
    chosen = {key: _texts(answers.get(quiz.key)) for key, quiz in QUIZ_KEYS.items()}
    return [_grade(student, notebook, key, texts) for key, texts in chosen.items() if texts]


def _texts(held: Any) -> list[str]:
    return [text for text in held if isinstance(text, str)] if isinstance(held, list) else []


def _grade(student: str, notebook: str, key: str, texts: list[str]) -> Grade:
    last = next((answer for answer in QUIZ_KEYS[key].answers if answer.text == texts[-1]), UNKNOWN)
    status: Status = "solved" if last.right else "wrong"
    words = f"You chose: {last.text}\n{last.why}" if last.text else last.why
    return Grade(student, notebook, key, status, words, int(last.right), 1, attempts=len(texts))
