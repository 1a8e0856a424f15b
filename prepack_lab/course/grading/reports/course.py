"""The rules of a course, from its `course.toml`: what exercises are worth, when they are due, what lateness costs."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from prepack_lab.course.exercises.catalogue import EXERCISES
from prepack_lab.course.grading.quizzes import QUIZ_KEYS

NUMBERS = sorted({exercise.lesson for exercise in EXERCISES.values()})
MOST = 1_000_000
"""Points, weights and days that a course may name."""


@dataclass(frozen=True)
class Course:
    """What an exercise is worth, by its key, else by its lesson, else by "default"."""

    points: Mapping[str, int | Decimal] = field(default_factory=dict)
    """1 by default. Quizzes: by the key, else by "quizzes", else 0."""
    weights: Mapping[str, int | Decimal] = field(default_factory=dict)
    """What the points are multiplied by; 1 by default."""
    partial: Mapping[str, bool] = field(default_factory=dict)
    """Whether each case that comes out right has its share of the points; by default all must."""
    due: Mapping[str, datetime] = field(default_factory=dict)
    """The last moment at which a lesson's notebook is in time; by default there is none."""
    late_days: int = 0
    """Days of lateness that cost nothing, of all lessons together."""
    penalty: int | Decimal = 0
    """The part of the points, from 0 to 1, that each further day costs."""

    def worth(self, key: str) -> Decimal:
        """The most points that an exercise or a quiz brings, in hundredths."""
        points = self.points.get(key, self.points.get("quizzes", 0)) if key in QUIZ_KEYS else _of(self.points, key, 1)
        return (Decimal(points) * Decimal(_of(self.weights, key, 1))).quantize(Decimal("0.01"), ROUND_HALF_UP)

    def is_partial(self, key: str) -> bool:
        """Whether an exercise brings points for the cases that come out right."""
        return _of(self.partial, key, False)

    def due_of(self, lesson: str) -> datetime | None:
        """When a lesson is due; None where it never is."""
        return _of(self.due, lesson, None)


def read_course(path: Path) -> Course:
    """Read the rules of a course from a file in TOML.

    Raises:
        ValueError: the file can't be read, or entries of it are wrong; names each of them, and the nearest right name.
    """
    try:
        held = tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror}") from None
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"{path} is not a file in TOML: {error}") from None
    wrong = [*_wrong(held)]
    if wrong:
        raise ValueError("\n".join(f"{path}: {words}" for words in wrong))
    return Course(**held)


@dataclass(frozen=True)
class _Entry:
    """What may stand in a place of the file."""

    fits: Callable[[Any], bool]
    words: str
    names: Collection[str] = ()
    """The keys of a table; none where it is no table."""


def _is_number(value: Any, most: int = MOST) -> bool:
    return type(value) in (int, Decimal) and Decimal(value).is_finite() and 0 <= value <= most


_ALL = ("default", *NUMBERS, *EXERCISES, *QUIZ_KEYS)
_POINTS = _Entry(_is_number, f"a number from 0 to {MOST:,}", ("quizzes", *_ALL))
_DUE = _Entry(
    lambda value: type(value) is datetime and value.tzinfo is not None,
    "a time with its zone, such as 2026-10-01T23:59:00+02:00",
    ("default", *NUMBERS),
)
ENTRIES = {
    "points": _POINTS,
    "weights": _Entry(_is_number, _POINTS.words, _ALL),
    "partial": _Entry(lambda value: type(value) is bool, "true or false", ("default", *NUMBERS, *EXERCISES)),
    "due": _DUE,
    "late_days": _Entry(lambda value: type(value) is int and 0 <= value <= MOST, f"a whole number from 0 to {MOST:,}"),
    "penalty": _Entry(lambda value: _is_number(value, 1), "a number from 0 to 1: the part that a day costs"),
}
"""All that a file may hold."""


def _wrong(held: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with each entry, in words."""
    for name, value in held.items():
        entry = ENTRIES.get(name)
        if entry is None:
            yield _unknown(name, name, ENTRIES)
        elif entry.names and not isinstance(value, dict):
            yield f"{name} is a table: write [{name}] on a line, and below it default = …"
        elif entry.names:
            for key, inner in value.items():
                if key not in entry.names:
                    yield _unknown(f"{name}.{key}", key, entry.names)
                elif not entry.fits(inner):
                    yield f"{name}.{key} is {_short(inner)}; it is to be {entry.words}"
        elif not entry.fits(value):
            yield f"{name} is {_short(value)}; it is to be {entry.words}"


def _unknown(place: str, name: str, there: Collection[str]) -> str:
    nearest = get_close_matches(name, there, n=1, cutoff=0.4)
    way_out = f"did you mean {nearest[0]}?" if nearest else f"there are: {', '.join(there)}"
    return f"there is no {place}; {way_out}"


def _short(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _of(table: Mapping[str, Any], key: str, otherwise: Any) -> Any:
    """The entry of a key, else of its lesson, else the default."""
    return next((table[name] for name in (key, key.split("-")[0], "default") if name in table), otherwise)
