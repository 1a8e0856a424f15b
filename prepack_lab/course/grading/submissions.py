"""A folder of submissions → each student's notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prepack_lab.course.lessons import LESSONS

NOT_SUBMITTED = {".ipynb_checkpoints", ".git", "__MACOSX", ".venv", "site-packages", "solutions"}
"""Folders that programs leave behind, and the lab's own solutions."""


@dataclass(frozen=True)
class Submission:
    """A notebook that a student handed in."""

    student: str
    path: Path | None
    """Of the notebook's file."""
    name: str
    """The path within the folder of submissions."""
    problem: str = ""
    submitted: datetime | None = None
    late: bool = False


def find_submissions(folder: Path, unpacked: Path | None = None) -> list[Submission]:
    """Every notebook below a folder, sorted by student and name.

    A student is named by the first folder within `folder`, or, for a notebook directly in it, by what its file name
    has besides the lesson's: `ada_02_bin_packing.ipynb` is ada's.

    Raises:
        ValueError: there is no such folder, or no notebook in it; says what to do.
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}; name one that holds the students' notebooks")
    found = sorted(_submissions(folder), key=lambda submission: (submission.student.casefold(), submission.name))
    if not found:
        packed = [f"; unpack {path.name} and the like first" for path in folder.rglob("*.zip")]
        passed = [f"; to grade what is in {path.parent}, name that folder" for path in folder.rglob("*.ipynb")]
        raise ValueError(f"there is no notebook (.ipynb) below {folder}{''.join([*packed[:1], *passed[:1]])}")
    return found


def _submissions(folder: Path) -> Iterator[Submission]:
    for path in folder.rglob("*"):
        if path.suffix.lower() != ".ipynb" or not path.is_file():
            continue
        parts = path.relative_to(folder).parts
        if NOT_SUBMITTED.isdisjoint(parts[:-1]) and not path.name.startswith("._"):
            yield Submission(_student(parts), path, "/".join(parts))


def _student(parts: tuple[str, ...]) -> str:
    if len(parts) > 1:
        return parts[0]
    stem = Path(parts[0]).stem
    for lesson in LESSONS:
        stem = re.sub(rf"[\W_]*{lesson.name}[\W_]*", " ", stem, flags=re.IGNORECASE)
    return stem.strip() or Path(parts[0]).stem
