"""A notebook's file → its cells, and what it keeps of the checks; nothing of it is run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any

from prepack_lab.course.exercises.catalogue import EXERCISES
from prepack_lab.course.exercises.exercise import Exercise
from prepack_lab.course.lessons import LESSONS

LARGEST = 100_000_000
"""Bytes of the largest notebook that is read."""
LARGEST_PROGRESS = 1_000_000


class UnreadableNotebookError(ValueError):
    """The file is not a notebook that can be graded. The message says why."""


@dataclass(frozen=True)
class Notebook:
    """The contents of a notebook."""

    cells: tuple[tuple[int, str], ...]
    """Number, from 1 among all cells, and source of each code cell."""
    shown: str = ""
    """The output that the notebook keeps, as plain text."""
    texts: tuple[str, ...] = ()
    """Its markdown cells."""

    def lessons(self, name: str = "") -> list[str]:
        """The numbers of its lessons, recognized by its checks, its first heading or its file name."""
        by_checks = {EXERCISES[key].lesson for key in EXERCISES if self.checks(key)}
        named = {
            f"{number:02}"
            for number, lesson in enumerate(LESSONS)
            if lesson.name in name.lower() or any(text.startswith(f"# {number:02} · ") for text in self.texts)
        }
        return sorted(by_checks | named)

    def checks(self, key: str) -> bool:
        """Whether a cell names an exercise, as its check does."""
        return any(f'"{key}"' in source or f"'{key}'" in source for _, source in self.cells)

    def claims(self, key: str) -> bool:
        """Whether the notebook shows an exercise as solved."""
        return f"✓ {key}:" in self.shown

    def function_name(self, exercise: Exercise) -> str:
        """What its function for an exercise is called: as its check says, or as in the lesson."""
        given = re.compile(rf"check\(\s*[\"']{re.escape(exercise.key)}[\"']\s*,\s*(\w+)\s*\)")
        found = [match[1] for _, source in self.cells for match in given.finditer(source)]
        return found[-1] if found else exercise.reference.__name__

    def text_of(self, name: str) -> str:
        """The last cell that makes a name, without its magics; empty where there is none."""
        source = dict(self.cells).get(self.last_cell_that_makes(name) or 0, "")
        return "\n".join(line for line in source.splitlines() if not line.startswith(("%", "!")))

    def last_cell_that_makes(self, name: str) -> int | None:
        """The number of the last cell in which a line defines a name; None where there is none."""
        makes = re.compile(rf"^\s*(?:async\s+)?(?:def\s+|%\w+.*\s)?{re.escape(name)}\s*(?:\(|=(?!=))", re.MULTILINE)
        return max((number for number, source in self.cells if makes.search(source)), default=None)


def read_notebook(path: Path) -> Notebook:
    """Read a notebook.

    Raises:
        UnreadableNotebookError: it is too large, not JSON, or has no cells.
    """
    held = _read(path, LARGEST)
    cells = held.get("cells") if isinstance(held, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise UnreadableNotebookError("the file is JSON, but not a notebook: it has no cells")
    of_kind = {
        kind: [(number, cell) for number, cell in enumerate(cells, 1) if cell.get("cell_type") == kind]
        for kind in ("code", "markdown")
    }
    shown = "\n".join(text for _, cell in of_kind["code"] for text in _shown(cell.get("outputs")))
    code = tuple((number, _joined(cell.get("source"))) for number, cell in of_kind["code"])
    return Notebook(code, shown, tuple(_joined(cell.get("source")) for _, cell in of_kind["markdown"]))


def read_progress(beside: Path) -> dict[str, Any]:
    """What progress.json beside a notebook holds; nothing where it is missing, or is no such file."""
    try:
        held = _read(beside.with_name("progress.json"), LARGEST_PROGRESS)
    except UnreadableNotebookError:
        return {}
    return held if isinstance(held, dict) else {}


def counted(progress: dict[str, Any], what: str, key: str) -> int | None:
    """How often something was done for an exercise, such as its "attempts"; None where nothing is kept."""
    kept = progress.get(what)
    count = kept.get(key, 0) if isinstance(kept, dict) else None
    return count if type(count) is int and 0 <= count < 1_000_000 else None


def _read(path: Path, largest: int) -> Any:
    try:
        about = path.stat()
        if not S_ISREG(about.st_mode):
            raise UnreadableNotebookError("it is not a file, but a device or the like; ask for it again")
        if about.st_size > largest:
            raise UnreadableNotebookError(f"the file has {about.st_size / 1e6:,.0f} MB; clear its outputs")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UnreadableNotebookError(f"the file can't be read: {error.strerror}") from None
    except RecursionError:
        raise UnreadableNotebookError("the file is not a notebook: it is nested too deeply") from None
    except ValueError as error:
        if isinstance(error, UnreadableNotebookError):
            raise
        what = "empty" if about.st_size == 0 else "broken, or not a notebook"
        raise UnreadableNotebookError(f"the file is {what}; ask for it again") from None


def _joined(source: Any) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source or "")


def _shown(outputs: Any) -> Iterator[str]:
    for output in outputs if isinstance(outputs, list) else ():
        if isinstance(output, dict):
            data = output.get("data")
            yield _joined(output.get("text"))
            yield _joined(data.get("text/plain")) if isinstance(data, dict) else ""
