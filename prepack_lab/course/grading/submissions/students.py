"""The files below a folder → whose they are: which folders are students, and which only hold students.

Going down from the folder, the students are the first files and folders that are not wrappers. These are wrappers:

    1. A folder that holds names which Moodle, Canvas or nbgrader made, directly or on the way to each notebook.
       A folder with such a name is a student.
    2. A folder named like a lesson, an assignment or a collection: `hw1`, `Week 2`, `submitted`. It must hold folders,
       or files that name someone.
    3. A folder alone in its folder that holds only folders, or files that name several people.
    4. Folders beside each other that all hold only folders, where two folders in one of them hold the same lesson.
       Sections of a class are so.

By 3 and 4 no folder is a wrapper if its own folders are named like assignments or versions, as in `ada/hw1`. What a
student has in several wrappers (`hw1/ada`, `hw2/ada`) is of one student. Where names and structure mislead, say the
level: how many folders down the students are, 1 for `submissions/ada`, 2 for `submissions/hw1/ada`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

from prepack_lab.course.grading.submissions.archives import Piece
from prepack_lab.course.grading.submissions.names import (
    SUFFIX,
    Owner,
    file_owner,
    folder_owner,
    is_assignment,
    is_lesson,
    lesson_of,
    names_nobody,
    platform_owner,
)

BESIDE = {".csv", ".db", ".ini", ".json", ".log", ".md", ".ods", ".tsv", ".xls", ".xlsx", ".yaml", ".yml"}
"""Endings of files that lie beside submissions and are none."""
BESIDE_NAMES = {"readme", "license", "timestamp", "submission_secret", "makefile"}
COURSE = {"source", "release", "autograded", "feedback"}
"""Folders of an nbgrader course beside `submitted`."""


@dataclass(frozen=True)
class Found:
    """A student's own place, and what lies in it."""

    student: str
    owner: Owner
    place: tuple[str, ...]
    pieces: tuple[Piece, ...]

    @property
    def is_unknown(self) -> bool:
        """Whether there is no name on the way but a lesson's or an assignment's."""
        return not self.owner.name or (is_assignment(self.owner.name) and not self.owner.id)


@dataclass(frozen=True)
class _Folder:
    """What lies below a folder that might be a student, or a wrapper."""

    place: tuple[str, ...]
    pieces: tuple[Piece, ...]

    @property
    def name(self) -> str:
        name = self.place[-1]
        return name[:-4] if self.is_zip and not platform_owner(name) else name

    @property
    def is_zip(self) -> bool:
        return self.place[-1].lower().endswith(".zip")

    @property
    def is_file(self) -> bool:
        return any(piece.parts == self.place and piece.kind == "file" for piece in self.pieces)

    @cached_property
    def inside(self) -> list[_Folder]:
        """Its files and folders, sorted by name, without what is nobody's."""
        depth = len(self.place)
        groups: dict[str, list[Piece]] = defaultdict(list)
        for piece in self.pieces:
            if len(piece.parts) > depth:
                groups[piece.parts[depth]].append(piece)
        found = [_Folder((*self.place, name), tuple(groups[name])) for name in sorted(groups)]
        return [one for one in found if not one._is_nobodys() and not ("submitted" in groups and one.name in COURSE)]

    def _is_nobodys(self) -> bool:
        left_out = any(piece.parts == self.place and piece.kind == "left out" for piece in self.pieces)
        path = PurePath(self.name.lower())
        beside = self.is_file and (path.suffix in BESIDE or path.stem in BESIDE_NAMES)
        hidden = self.name.startswith(".") and not self.has_notebook
        return left_out or ((beside or hidden) and platform_owner(self.name) is None)

    @property
    def folders(self) -> list[_Folder]:
        return [one for one in self.inside if not one.is_file]

    @property
    def files(self) -> list[_Folder]:
        return [one for one in self.inside if one.is_file]

    @property
    def has_notebook(self) -> bool:
        return any(piece.is_notebook for piece in self.pieces)

    def is_delivered(self) -> bool:
        """Whether each notebook in it has a name on its way that a course platform made."""
        ways = [one.parts[len(self.place) :] for one in self.pieces if one.is_notebook]
        return bool(ways) and all(any(map(platform_owner, way)) for way in ways)

    def names_several(self) -> bool:
        """Whether the notebooks in it, named after lessons, name more than one person."""
        names = {file_owner(one.name).name for one in self.pieces if one.is_notebook and is_lesson(one.name)}
        return len(names - {""}) > 1

    def holds_only_folders(self) -> bool:
        """And these are not one student's: assignments, versions, or a single zip."""
        if self.files or not self.folders:
            return False
        inner = (one for one in self.pieces if one.kind != "left out")
        below = {part for one in inner for part in one.parts[len(self.place) : len(one.parts) - (one.kind == "file")]}
        if len(self.folders) == 1 and self.folders[0].is_zip:
            below.discard(self.folders[0].place[-1])
        return not all(map(names_nobody, below)) or self.names_several()

    def has_a_lesson_twice(self) -> bool:
        lessons = [{lesson_of(piece.name) for piece in one.pieces if piece.is_notebook} for one in self.folders]
        return sum(map(len, lessons)) > len(set[str]().union(*lessons))


def find_students(pieces: Sequence[Piece], level: int | None = None) -> list[Found]:
    """Whose the files are, by the rule above, or by a level: what lies that many folders down, and files above it.

    Raises:
        ValueError: the level is less than 1.
    """
    if level is not None and level < 1:
        raise ValueError(f"the level of the students is {level}; it is 1 for the folders right below, or more")
    found: dict[tuple[tuple[str, ...], str, str], list[_Folder]] = defaultdict(list)
    waiting = [_Folder((), tuple(pieces))]
    while waiting:
        wrapper = waiting.pop()
        beside = wrapper.inside
        alone = sum(not one.is_file or one.has_notebook for one in beside) == 1
        sections = _are_sections(beside)
        for one in beside:
            if not one.is_file and (len(one.place) < level if level else _is_wrapper(one, alone, sections)):
                waiting.append(one)
            else:
                owner = _owner(one)
                found[wrapper.place, owner.name or SUFFIX.sub("", "/".join(one.place)), owner.id].append(one)
    several = _namesakes([*found])
    return [
        Found(
            f"{name} ({id})" if id and (name in several or name.casefold() in ("anon", "participant")) else name,
            _owner(places[0]),
            places[0].place,
            tuple(piece for place in places for piece in place.pieces),
        )
        for (_, name, id), places in found.items()
    ]


def _is_wrapper(one: _Folder, alone: bool, sections: bool) -> bool:
    inside = one.inside
    if not inside or platform_owner(one.name):
        return False
    if any(platform_owner(inner.place[-1]) for inner in inside) or one.is_delivered():
        return True
    if is_assignment(one.name):
        return any(not inner.is_file or _owner(inner).name for inner in inside)
    return sections or (alone and (one.holds_only_folders() or (not one.folders and one.names_several())))


def _are_sections(beside: Sequence[_Folder]) -> bool:
    only = all(not one.is_file and one.holds_only_folders() for one in beside)
    return only and any(one.has_a_lesson_twice() for one in beside)


def _owner(one: _Folder) -> Owner:
    if not one.is_file and not one.is_zip:
        return folder_owner(one.place[-1])
    owner = file_owner(one.place[-1])
    if owner.name or one.is_file:
        return owner
    return Owner(one.name, source="the zip's name")


def _namesakes(found: Sequence[tuple[tuple[str, ...], str, str]]) -> set[str]:
    """Names that have different numbers in the same wrapper: different people. Platforms may number anew in others."""
    ids: dict[tuple[tuple[str, ...], str], set[str]] = defaultdict(set)
    for wrapper, name, id in found:
        ids[wrapper, name].add(id)
    return {name for (_, name), numbers in ids.items() if len(numbers) > 1}
