"""A question with several answers, and why each is right or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Answer(NamedTuple):
    """One of the answers."""

    text: str
    right: bool
    why: str


@dataclass(frozen=True)
class Quiz:
    """A question that is answered by choosing."""

    key: str
    """Lesson and name: "01-grows"."""
    question: str
    answers: tuple[Answer, ...]
