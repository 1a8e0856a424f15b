"""A grade: what became of an exercise, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prepack_lab.course.inside.attempt import Kind

Status = Literal[
    "solved", "wrong", "not begun", "missing", "syntax error", "crashed", "endless loop", "too much memory",
    "calls exit", "not allowed", "huge output", "died", "unreadable", "nothing handed in", "not graded",
]  # fmt: skip
"""What became of a function; the diagnosis says more. "not graded": the grader itself failed."""

OF_KIND: dict[Kind, Status] = {
    "returned": "wrong", "raised": "crashed", "endless": "endless loop", "memory": "too much memory",
    "open": "not begun", "exit": "calls exit", "not allowed": "not allowed", "too much": "huge output", "died": "died",
}  # fmt: skip


@dataclass(frozen=True)
class Grade:
    """A student's result in an exercise."""

    student: str
    notebook: str
    """Its path within the folder; empty where no notebook of the lesson was handed in."""
    exercise: str
    """Its key, or that of a quiz; empty for a file that can't be graded, and for a student without one."""
    status: Status
    diagnosis: str
    """In the words of `lab.check`."""
    right: int = 0
    """Cases that came out right."""
    cases: int = 0
    """All cases that there are."""
    attempts: int | None = None
    """Checks that the student ran, from progress.json beside the notebook; None without such a file."""
    hints: int | None = None
    flags: tuple[str, ...] = ()
    """What an instructor should look at: claims that do not hold, functions that are alike."""
    code: str = ""
    """The function's text."""
    picture: str = ""
    """Where a tensor differs from the right one."""
    submitted: str = ""
    """When, in UTC and ISO 8601; empty where it is not known."""
    seconds: float = 0.0
    seed: int = 0
    """Of the student's own random cases."""
    shape: str = ""
    """A digest of the function's structure, equal where only names differ; empty where it is too short to compare."""

    @property
    def solved(self) -> bool:
        """Whether all cases were right."""
        return self.status == "solved"
