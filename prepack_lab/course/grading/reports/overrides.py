"""What an instructor decided: points and comments from a CSV file, which grading reads and never writes over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path

from prepack_lab.course.exercises.catalogue import EXERCISES
from prepack_lab.course.grading.quizzes import QUIZ_KEYS
from prepack_lab.course.grading.reports.spreadsheet import read_rows, write_rows
from prepack_lab.course.grading.reports.visible import visible
from prepack_lab.course.grading.submissions.roster import Student

COLUMNS = ("student", "exercise", "points", "comment")
MOST = 1_000_000
"""Points that a line may give."""


@dataclass(frozen=True)
class Override:
    """A line of the file."""

    student: str
    exercise: str
    """Empty for a comment on all that a student handed in."""
    points: Decimal | None
    """None to leave the points as they are."""
    comment: str
    line: int


def read_overrides(path: Path) -> list[Override]:
    """Read the file; where there is none, there are no overrides.

    Raises:
        ValueError: the file can't be read, or the points of a line are no number; names the line.
    """
    if not path.exists():
        return []
    rows = read_rows(path, COLUMNS, COLUMNS)
    return [
        Override(row["student"], row["exercise"].lower(), _points(row["points"], path, line), row["comment"], line)
        for line, row in rows
    ]


def begin_overrides(path: Path) -> None:
    """Write a file with the headings only, to be filled in; a file that is there stays as it is."""
    if not path.exists():
        write_rows(path, [COLUMNS])


def sorted_out(
    overrides: Iterable[Override], students: Sequence[Student]
) -> tuple[dict[tuple[str, str], Override], list[str]]:
    """Overrides by student and exercise, and in words what is wrong with those that can't be used.

    A student may be named as in the grades, or by ID or email; small and large letters are told apart only where they
    have to be.
    """
    called, exactly = _names(students), {visible(student.name).strip(): {student.name} for student in students}
    found: dict[tuple[str, str], Override] = {}
    problems: list[str] = []
    for one in overrides:
        folded = called.get(one.student.casefold(), set())
        names = folded if len(folded) < 2 else exactly.get(one.student, folded)
        wrong = [*_wrong(one, names, called)]
        problems += [f"overrides, line {one.line}: {words}" for words in wrong]
        if wrong:
            continue
        key = min(names), one.exercise
        if key in found:
            problems.append(f"overrides, line {one.line}: it takes the place of line {found[key].line}")
        found[key] = one
    return found, problems


def _wrong(one: Override, names: set[str], called: Iterable[str]) -> Iterator[str]:
    if len(names) != 1:
        many = "several students are" if names else "no student is"
        yield f"{many} called {visible(one.student)!r}{_nearest(one.student.casefold(), called)}"
    if one.exercise and one.exercise not in EXERCISES and one.exercise not in QUIZ_KEYS:
        there = _nearest(one.exercise, [*EXERCISES, *QUIZ_KEYS])
        yield f"there is no exercise {visible(one.exercise)!r}{there}"
    if not one.exercise and one.points is not None:
        yield "points are given for an exercise; name one, or give a comment only"


def _names(students: Iterable[Student]) -> dict[str, set[str]]:
    """What each student may be called → the names in the grades."""
    called = defaultdict(set)
    for student in students:
        for name in (student.name, student.id, student.email):
            if name:
                called[visible(name).strip().casefold()].add(student.name)
    return called


def _nearest(name: str, there: Iterable[str]) -> str:
    nearest = get_close_matches(name, there, n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""


def _points(text: str, path: Path, line: int) -> Decimal | None:
    if not text:
        return None
    try:
        points = Decimal(text.replace(",", "."))
    except InvalidOperation:
        points = Decimal("nan")
    if points.is_finite() and 0 <= points <= MOST:
        return points
    raise ValueError(f"{path}, line {line}: the points are {text!r}; give a number from 0 on, or leave the cell empty")
