"""What a learner has solved, kept in a file beside the notebooks, and shown as a table."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from time import monotonic

from filelock import FileLock

from prepack_lab.course.exercises.exercise import Exercise
from prepack_lab.course.stale_kernel import restart_kernel
from prepack_lab.table import Table

FILE, LOCK = Path("progress.json"), Path(".progress.lock")
SECONDS = 5.0
"""The longest that a kernel waits while others write."""
_began: dict[str, float] = {}
"""When each lesson was begun in this kernel."""
_unsaved: dict[Path, Progress] = {}
"""What is known in this kernel about a folder that can't be written."""


@dataclass
class Progress:
    """Solved exercises, and how often each was tried."""

    solved: list[str] = field(default_factory=list)
    attempts: dict[str, int] = field(default_factory=dict)
    hints: dict[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls) -> Progress:
        """What the file beside the notebooks holds; nothing yet, where there is none or it can't be read."""
        if Path.cwd() in _unsaved:
            return deepcopy(_unsaved[Path.cwd()])
        try:
            known = cls(**json.loads(FILE.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return cls()
        return known if known._is_sound() else cls()

    def _is_sound(self) -> bool:
        """Whether a file that was read has the kinds of things that it should have."""
        return isinstance(self.solved, list) and all(
            isinstance(counted, dict) and all(isinstance(count, int) for count in counted.values())
            for counted in (self.attempts, self.hints)
        )

    @classmethod
    def record(cls, key: str, solved: bool) -> bool:
        """Note an attempt in the file; what was solved once stays solved. Says whether it could be kept."""

        def note(known: Progress) -> None:
            known.attempts[key] = known.attempts.get(key, 0) + 1
            if solved and key not in known.solved:
                known.solved.append(key)

        return cls._change(note)

    @classmethod
    def took_hint(cls, key: str) -> bool:
        """Note in the file that a hint was asked for. Says whether it could be kept."""

        def note(known: Progress) -> None:
            known.hints[key] = known.hints.get(key, 0) + 1

        return cls._change(note)

    @classmethod
    def _change(cls, note: Callable[[Progress], None]) -> bool:
        """Read the file, change it, and write it whole or not at all; another kernel waits until that is done."""
        beside = FILE.with_suffix(f".{os.getpid()}.tmp")
        try:
            with FileLock(LOCK, timeout=SECONDS):
                known = cls.load()
                note(known)
                beside.write_text(json.dumps(asdict(known), indent=1) + "\n", encoding="utf-8")
                beside.replace(FILE)
        except (OSError, NotImplementedError):  # a folder that can't be written, or whose files can't be locked
            known = cls.load()
            note(known)
            _unsaved[Path.cwd()] = known
            return False
        _unsaved.pop(Path.cwd(), None)
        return True


def progress(lesson: str | None = None) -> Table:
    """What you have solved so far, and from the second call on how long you have been at a lesson.

    Args:
        lesson: the number of one lesson, such as "02", whose exercises are listed; a row for each lesson where left
            out.
    """
    from prepack_lab.course.exercises.catalogue import EXERCISES

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
    return Table(("exercise", "title", "level", "time", "solved", "attempts"), rows, _caption(caption))


def _all_lessons(known: Progress, exercises: Sequence[Exercise]) -> Table:
    rows = []
    for lesson, group in groupby(exercises, key=lambda one: one.lesson):
        chosen = [*group]
        open_ones = [one.key for one in chosen if one.key not in known.solved]
        minutes = sum(one.minutes for one in chosen)
        rows.append((lesson, _solved(known, chosen), f"{minutes} min", ", ".join(open_ones) or "none"))
    caption = _caption(f"Exercises: {_solved(known, exercises)} solved")
    return Table(("lesson", "solved", "time", "still open"), rows, caption)


def _caption(words: str) -> str:
    """The words, and what has to be said about the kernel."""
    return f"{words}. {stale}" if (stale := restart_kernel()) else words


def _solved(known: Progress, exercises: Sequence[Exercise]) -> str:
    return f"{sum(one.key in known.solved for one in exercises)} of {len(exercises)}"


def _time_in(lesson: str) -> str:
    """The time since the lesson's first cell, in words; none at that cell itself."""
    if lesson not in _began:
        _began[lesson] = monotonic()
        return ""
    seconds = round(monotonic() - _began[lesson])
    return f", {seconds} seconds after you began" if seconds < 120 else f", {seconds // 60} minutes after you began"
