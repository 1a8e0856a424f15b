"""What a learner has solved and answered, kept in a file beside the notebooks, and shown as a table."""

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
from prepack_lab.measuring.table import Table

FILE, LOCK = Path("progress.json"), Path(".progress.lock")
SECONDS = 5.0
"""The longest that a kernel waits while others write."""
TRIES = 20
"""Choices that are kept for each quiz: the last ones."""
UNSAVED = "(Progress could not be kept: this folder can't be written.)"
_began: dict[str, float] = {}
"""When each lesson was begun in this kernel."""
_unsaved: dict[Path, Progress] = {}
"""Progress in folders that can't be written, kept as long as this kernel runs."""


@dataclass
class Progress:
    """Solved exercises, the checks and hints of each, and the answers that were chosen in quizzes."""

    solved: list[str] = field(default_factory=list)
    attempts: dict[str, int] = field(default_factory=dict)
    hints: dict[str, int] = field(default_factory=dict)
    answers: dict[str, list[str]] = field(default_factory=dict)
    """Key of a quiz → texts of the answers chosen, in order."""

    @classmethod
    def load(cls) -> Progress:
        """The progress in the file beside the notebooks; none yet where the file is missing or can't be read."""
        if Path.cwd() in _unsaved:
            return deepcopy(_unsaved[Path.cwd()])
        try:
            known = cls(**json.loads(FILE.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, RecursionError):
            return cls()
        return known if known._is_sound() else cls()

    def _is_sound(self) -> bool:
        """Whether a file that was read has values of the right types."""
        counts = all(
            isinstance(counted, dict) and all(isinstance(count, int) for count in counted.values())
            for counted in (self.attempts, self.hints)
        )
        answers = isinstance(self.answers, dict) and all(
            isinstance(chosen, list) and all(isinstance(text, str) for text in chosen)
            for chosen in self.answers.values()
        )
        return isinstance(self.solved, list) and counts and answers

    @classmethod
    def record(cls, key: str, solved: bool) -> bool:
        """Note an attempt in the file; an exercise that was solved once stays solved. True where it could be kept."""

        def note(known: Progress) -> None:
            known.attempts[key] = known.attempts.get(key, 0) + 1
            if solved and key not in known.solved:
                known.solved.append(key)

        return cls._change(note)

    @classmethod
    def took_hint(cls, key: str) -> bool:
        """Note in the file that a hint was asked for. True where it could be kept."""

        def note(known: Progress) -> None:
            known.hints[key] = known.hints.get(key, 0) + 1

        return cls._change(note)

    @classmethod
    def chose(cls, key: str, answer: str) -> bool:
        """Note in the file which answer of a quiz was chosen, by its text. True where it could be kept."""

        def note(known: Progress) -> None:
            known.answers[key] = [*known.answers.get(key, []), answer][-TRIES:]

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
    """What you have solved so far, and, from the second call on, how long you have been at a lesson.

    Args:
        lesson: the number of a lesson, such as "02", for a row per exercise; by default, a row per lesson.
    """
    from prepack_lab.course.exercises.catalogue import EXERCISES

    known = Progress.load()
    if lesson is None:
        return _all_lessons(known, [*EXERCISES.values()])
    chosen = [exercise for exercise in EXERCISES.values() if exercise.lesson == lesson]
    rows = [
        (asked.key, asked.title, asked.level, f"{asked.minutes} min", "✓" if asked.key in known.solved else "open",
         known.attempts.get(asked.key, 0))
        for asked in chosen
    ]  # fmt: skip
    caption = f"{_solved(known, chosen)} solved{_time_in(lesson)}"
    return Table(("exercise", "title", "level", "time", "solved", "attempts"), rows, _caption(caption))


def _all_lessons(known: Progress, exercises: Sequence[Exercise]) -> Table:
    rows = []
    for lesson, group in groupby(exercises, key=lambda exercise: exercise.lesson):
        chosen = [*group]
        unsolved = [exercise.key for exercise in chosen if exercise.key not in known.solved]
        minutes = sum(exercise.minutes for exercise in chosen)
        rows.append((lesson, _solved(known, chosen), f"{minutes} min", ", ".join(unsolved) or "none"))
    caption = _caption(f"Exercises: {_solved(known, exercises)} solved")
    return Table(("lesson", "solved", "time", "still open"), rows, caption)


def _caption(words: str) -> str:
    """The words, and a request to restart the kernel where it is needed."""
    return f"{words}. {stale}" if (stale := restart_kernel()) else words


def _solved(known: Progress, exercises: Sequence[Exercise]) -> str:
    return f"{sum(exercise.key in known.solved for exercise in exercises)} of {len(exercises)}"


def _time_in(lesson: str) -> str:
    """The time since the first call for a lesson, in words; empty at that call."""
    if lesson not in _began:
        _began[lesson] = monotonic()
        return ""
    seconds = round(monotonic() - _began[lesson])
    return f", {seconds} seconds after you began" if seconds < 120 else f", {seconds // 60} minutes after you began"
