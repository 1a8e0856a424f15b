"""A question with several answers, and why each is right or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Answer(NamedTuple):
    """A possible answer."""

    text: str
    right: bool
    why: str


@dataclass(frozen=True)
class Quiz:
    """A question with answers to choose from."""

    key: str
    """Lesson and name: "01-grows"."""
    question: str
    answers: tuple[Answer, ...]
