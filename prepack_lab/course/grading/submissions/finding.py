"""A folder of submissions → each student's notebooks, and a word for whoever handed in none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from prepack_lab.course.grading.submissions.archives import Piece
from prepack_lab.course.grading.submissions.folders import pieces_of
from prepack_lab.course.grading.submissions.students import Found, find_students

PACKED = (".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz")
"""Endings of archives that are not read."""
NOBODYS = "whose it is, is not known: no name but the lesson's; put it into a folder with the student's name"


@dataclass(frozen=True)
class Submission:
    """A notebook that a student handed in; or why there is none."""

    student: str
    path: Path | None
    """Of the notebook's file; None where there is none."""
    name: str
    """The path within the folder of submissions, in a zip with the zip's name, with "/" on every system."""
    problem: str = ""
    """Why there is no notebook to grade, and what to do; empty where there is one."""
    submitted: datetime | None = None
    """In UTC: as nbgrader's `timestamp.txt` has it, or else as the zip or the file system has it for the file."""
    late: bool = False
    """Marked as late by Canvas."""
    note: str = ""
    """What to know of a notebook that is graded: whose it is, is not known, or not by the roster."""
    id: str = ""
    """The student's number in the name that a course platform gave the file or folder."""
    source: str = ""
    """Where the student's name comes from, in words."""


@dataclass(frozen=True)
class Row:
    """A student, for a list of whom was found."""

    student: str
    files: tuple[str, ...]
    """The names of the notebooks that will be graded."""
    problem: str
    """Everything to know before they are; empty where all is well."""
    source: str
    """Where the student's name comes from, in words."""


def find_submissions(folder: Path, unpacked: Path | None = None, level: int | None = None) -> list[Submission]:
    """Every notebook below a folder, sorted by student and name, and an entry for each student without one.

    Who the students are follows from the names and the structure of the folders (see `students.py`); what Moodle,
    Canvas and nbgrader deliver is read as they name it (see `names.py`).

    Args:
        folder: of the submissions, or a zip of it.
        unpacked: the folder into which zips are unpacked; files in it are overwritten. Without it a zip is a problem.
        level: how many folders down the students are, where the structure misleads: 1 for `folder/ada`.

    Raises:
        ValueError: there is no such folder, no submission in it, or a level of 0; says what to do.
    """
    pieces = pieces_of(folder, unpacked)
    found = [one for student in find_students(pieces, level) for one in _submissions(student)]
    if not found:
        left_out = [f"; to grade what is in {one.name}, name that folder" for one in pieces if one.kind == "left out"]
        deep = f", {level} folders down" if level else ""
        raise ValueError(f"there is no notebook (.ipynb) below {folder}{deep}{''.join(left_out[:1])}")
    return sorted(found, key=lambda one: (one.student.casefold(), one.student, one.name))


def rows(submissions: Sequence[Submission]) -> list[Row]:
    """A row per student, in the order of the submissions: who was found, with which files, and what is in the way."""
    found = []
    for student, group in groupby(submissions, key=lambda one: one.student):
        own = [*group]
        words = dict.fromkeys(word for one in own for word in (one.problem, one.note) if word)
        late = ["marked as late"] if any(one.late for one in own) else []
        files = tuple(one.name for one in own if one.path is not None)
        sources = dict.fromkeys(one.source for one in own if one.source)
        found.append(Row(student, files, "; ".join([*words, *late]), ", ".join(sources)))
    return found


def _submissions(found: Found) -> Iterator[Submission]:
    times = {piece.parts[:-1]: _timestamp(piece.path) for piece in found.pieces if _is_timestamp(piece)}

    def entry(piece: Piece, path: Path | None, problem: str = "") -> Submission:
        above = (piece.parts[:depth] for depth in range(len(piece.parts) - 1, 0, -1))
        said = next((time for parts in above if (time := times.get(parts))), None)
        note = NOBODYS if path and found.is_unknown else ""
        return Submission(
            found.student, path, "/".join(piece.parts), problem, said or piece.time, found.owner.late, note,
            found.owner.id, found.owner.source,
        )  # fmt: skip

    nothing = True
    for piece in found.pieces:
        if piece.is_notebook and piece.path is not None:
            yield entry(piece, piece.path)
        elif words := _lost(piece, found.place):
            yield entry(piece, None, f"{piece.name} {words}")
        else:
            continue
        nothing = False
    if nothing:
        times_of_files = [piece.time for piece in found.pieces if piece.time]
        place = Piece(found.place, time=max(times_of_files, default=None), kind="folder")
        yield entry(place, None, _nothing(found))


def _lost(piece: Piece, place: tuple[str, ...]) -> str:
    """Why something that was meant to be graded is not; empty where nothing says that it was."""
    if piece.problem and (
        piece.is_notebook or piece.is_zip or len(piece.parts) == len(place) or piece.kind == "folder"
    ):
        return piece.problem
    name = piece.name.lower()
    if misnamed := re.search(r"\.ipynb\W", name):
        return f"is a notebook by another name; rename it to {piece.name[: misnamed.start()]}.ipynb"
    return "is an archive that is not read; unpack it, or ask for a zip" if name.endswith(PACKED) else ""


def _nothing(found: Found) -> str:
    files = [piece.name for piece in found.pieces if piece.kind == "file" and not piece.name.startswith(".")]
    for piece in found.pieces:
        if piece.problem:
            return f"{piece.name} {piece.problem}"
    left_out = [piece.name for piece in found.pieces if piece.kind == "left out"]
    if files:
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        return f"there is no notebook (.ipynb), only {files[0]}{more}; ask for the notebook"
    if left_out:
        return f"there is no notebook besides what is in {left_out[0]}, which is left out; ask for the notebook itself"
    return f"{'/'.join(found.place)} is empty; ask for the notebook"


def _is_timestamp(piece: Piece) -> bool:
    return piece.name == "timestamp.txt" and piece.path is not None


def _timestamp(path: Path | None) -> datetime | None:
    """What nbgrader wrote, `2026-03-01 12:00:00.000000 UTC`; None for anything else, or another time zone's name."""
    assert path is not None
    try:
        with path.open(encoding="utf-8") as file:
            text = re.sub(r"\s*(?:UTC|GMT|Z)$", "+00:00", file.read(100).strip())
        time = datetime.fromisoformat(re.sub(r"\s+(?=[+-])", "", text))
    except (OSError, ValueError):
        return None
    return time.astimezone(UTC) if time.tzinfo else None
