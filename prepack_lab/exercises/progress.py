"""What a learner has solved, kept in a file beside the notebooks, and shown as a table."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from time import monotonic

from prepack_lab.exercises.exercise import Exercise
from prepack_lab.tables import Table

FILE = Path("progress.json")
_began: dict[str, float] = {}
"""When each lesson was begun in this kernel."""


@dataclass
class Progress:
    """Solved exercises, and how often each was tried."""

    solved: list[str] = field(default_factory=list)
    attempts: dict[str, int] = field(default_factory=dict)
    hints: dict[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls) -> Progress:
        """What the file beside the notebooks holds; nothing yet, where there is none or it can't be read."""
        try:
            return cls(**json.loads(FILE.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return cls()

    def record(self, key: str, solved: bool) -> bool:
        """Note an attempt; what was solved once stays solved. Says whether it could be kept."""
        self.attempts[key] = self.attempts.get(key, 0) + 1
        if solved and key not in self.solved:
            self.solved.append(key)
        return self._save()

    def took_hint(self, key: str) -> bool:
        """Note that a hint was asked for. Says whether it could be kept."""
        self.hints[key] = self.hints.get(key, 0) + 1
        return self._save()

    def _save(self) -> bool:
        """Write the file whole or not at all."""
        beside = FILE.with_suffix(f".{os.getpid()}.tmp")
        try:
            beside.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
            beside.replace(FILE)
        except OSError:
            return False
        return True


def progress(lesson: str | None = None) -> Table:
    """What you have solved so far, and from the second call on how long you have been at a lesson.

    Args:
        lesson: the number of one lesson, such as "02", whose exercises are listed; a row for each lesson where left
            out.
    """
    from prepack_lab.exercises.catalogue import EXERCISES

    known = Progress.load()
    if lesson is None:
        return _all_lessons(known, [*EXERCISES.values()])
    chosen = [one for one in EXERCISES.values() if one.lesson == lesson]
    rows = [
        (one.key, one.title, one.level, f"{one.minutes} min", "✓" if one.key in known.solved else "open",
         known.attempts.get(one.key, 0))
        for one in chosen
    ]  # fmt: skip
    caption = f"{_solved(known, chosen)} solved{_time_in(lesson)}"
    return Table(("exercise", "title", "level", "time", "solved", "attempts"), rows, caption)


def _all_lessons(known: Progress, exercises: Sequence[Exercise]) -> Table:
    rows = []
    for lesson, group in groupby(exercises, key=lambda one: one.lesson):
        chosen = [*group]
        open_ones = [one.key for one in chosen if one.key not in known.solved]
        minutes = sum(one.minutes for one in chosen)
        rows.append((lesson, _solved(known, chosen), f"{minutes} min", ", ".join(open_ones) or "none"))
    return Table(("lesson", "solved", "time", "still open"), rows, f"Exercises: {_solved(known, exercises)} solved")


def _solved(known: Progress, exercises: Sequence[Exercise]) -> str:
    return f"{sum(one.key in known.solved for one in exercises)} of {len(exercises)}"


def _time_in(lesson: str) -> str:
    """The time since the lesson's first cell, in words; none at that cell itself."""
    if lesson not in _began:
        _began[lesson] = monotonic()
        return ""
    seconds = round(monotonic() - _began[lesson])
    return f", {seconds} seconds after you began" if seconds < 120 else f", {seconds // 60} minutes after you began"
