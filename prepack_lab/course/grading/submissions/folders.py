"""A folder of submissions → the files in it and in its zips. Only regular files within the folder are ever opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from prepack_lab.course.grading.submissions.archives import NOT_SUBMITTED, Allowance, Piece, unpack

RECORD = "grades.jsonl"
"""A folder of no notebooks that holds this file is the grader's own, with its results."""


def pieces_of(folder: Path, unpacked: Path | None = None) -> list[Piece]:
    """Every file below a folder, or in a zip; a zip is taken for a folder, and so is a zip in a zip.

    Args:
        folder: or a zip.
        unpacked: the folder into which zips are unpacked; without one, they are pieces with a problem.

    Raises:
        ValueError: there is no such folder; it is a file and not a zip, or a zip that can't be opened.
    """
    if folder.is_dir():
        numbers = count()
        found = _walk(folder.resolve(), unpacked)
        return [piece for one in found for piece in _opened(one, unpacked, numbers, Allowance())]
    if not folder.is_file() or folder.suffix.lower() != ".zip":
        raise ValueError(f"there is no folder {folder}; name one that holds the students' notebooks, or a zip")
    if unpacked is None:
        raise ValueError(f"{folder} is a zip; unpack it, and name the folder")
    pieces = [*_opened(Piece((folder.name,), folder, time=_time(folder.stat())), unpacked, count(), Allowance())]
    if len(pieces) == 1 and pieces[0].parts == (folder.name,):
        raise ValueError(f"{folder} {pieces[0].problem or 'is empty; name a zip that holds the notebooks'}")
    return [Piece(piece.parts[1:], piece.path, piece.problem, piece.time, piece.kind) for piece in pieces]


def _walk(root: Path, unpacked: Path | None) -> Iterator[Piece]:
    own = unpacked.resolve() if unpacked else None
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        parts = waiting.pop()
        try:
            with os.scandir(root.joinpath(*parts)) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            yield Piece(parts or (root.name,), problem=f"can't be opened: {error.strerror}; allow it", kind="folder")
            continue
        names = {entry.name for entry in entries}
        if len(parts) == 1 and RECORD in names and not any(name.lower().endswith(".ipynb") for name in names):
            continue
        if parts and not entries:
            yield Piece(parts, kind="folder")
        for entry in entries:
            inner = (*parts, entry.name)
            if entry.is_dir(follow_symlinks=False):
                if entry.name in NOT_SUBMITTED:
                    yield Piece(inner, kind="left out")
                elif Path(entry.path) != own:
                    waiting.append(inner)
            else:
                yield _file(inner, Path(entry.path), root)


def _file(parts: tuple[str, ...], path: Path, root: Path) -> Piece:
    problem = ""
    try:
        if path.is_symlink():
            target = path.resolve(strict=True)
            if not target.is_relative_to(root):
                problem = "is a link out of the folder of submissions, and is not read"
            elif target.is_dir():
                problem = "is a link to a folder, and is not followed"
        found = path.stat()
        if not problem and not stat.S_ISREG(found.st_mode):
            problem = "is not a file that can be read"
    except (OSError, RuntimeError):  # a link to nothing, to itself, or in a circle
        return Piece(parts, problem="is a link that leads nowhere; ask for the file itself")
    if problem:
        return Piece(parts, problem=f"{problem}; ask for the file itself", time=_time(found))
    return Piece(parts, path, time=_time(found))


def _time(found: os.stat_result) -> datetime | None:
    try:
        return datetime.fromtimestamp(found.st_mtime, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _opened(
    piece: Piece, unpacked: Path | None, numbers: Iterator[int], allowance: Allowance, inside: int = 0
) -> Iterator[Piece]:
    """The piece itself; where it is a zip, what is in it, and what is in zips in it."""
    if not piece.is_zip or piece.path is None:
        yield piece
    elif unpacked is None:
        yield Piece(piece.parts, problem="is a zip; unpack it", time=piece.time)
    elif inside == 2:
        yield Piece(piece.parts, problem="is a zip in a zip in a zip; unpack it by hand", time=piece.time)
    else:
        share = allowance.share() if inside else allowance
        before = share.bytes, share.files
        found = unpack(piece, unpacked / str(next(numbers)), share)
        if inside:
            allowance.bytes -= before[0] - share.bytes
            allowance.files -= before[1] - share.files
        for inner in found:
            yield from _opened(inner, unpacked, numbers, allowance, inside + 1)
