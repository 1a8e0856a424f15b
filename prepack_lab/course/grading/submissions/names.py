"""What a file or folder is called → whose it is.

Course platforms put the student into the name of what they deliver:

    Moodle     Ada Lovelace_1234567_assignsubmission_file_/02_bin_packing.ipynb
               ([downloader.php](https://github.com/moodle/moodle/blob/main/mod/assign/classes/downloader.php);
               without folders, the file's own name follows: …_file_02_bin_packing.ipynb)
    Canvas     lovelaceada_12345_67890_02_bin_packing-1.ipynb, or lovelaceada_LATE_12345_67890_…
               ([content_zipper.rb](https://github.com/instructure/canvas-lms/blob/master/lib/content_zipper.rb):
               last name first, the student's number, the file's; anonymous: anon_aB3xZ_67890_…)
    nbgrader   ada+hw1+2026-03-01 12:00:00.000000 UTC+aBcD in its exchange

The name, the student's number and Canvas's LATE are taken from them; Moodle's number is another for each assignment.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from prepack_lab.course.lessons import LESSONS

PLATFORMS = {
    "Moodle": r"(?P<name>.+?)(?:_(?P<id>\d+))?_assignsubmission_[a-z]+(?:_.*)?",
    "Canvas": r"(?P<name>[^\s.()-]+?)(?P<late>_late)?_(?P<id>[1-9]\d*)_(?:[1-9]\d*_.+|(?:text|link)\.html)",
    "Canvas, anonymous": r"(?P<late>late_)?(?P<name>anon)_(?P<id>[^\W_]+)_(?:[1-9]\d*_.+|(?:text|link)\.html)",
    "nbgrader": r"(?P<name>[^+]+)\+[^+]+\+\d{4}-\d\d-\d\d .*",
}
"""Who delivers → the whole name of a file or folder, in any case."""
ASSIGNMENTS = {
    "abgabe", "abgaben", "all", "assignment", "assignments", "aufgabe", "aufgaben", "blatt", "chapter", "class",
    "collected", "course", "download", "downloads", "ex", "exam", "exercise", "exercises", "export", "hand",
    "handin", "handins", "homework", "homeworks", "hw", "in", "inbound", "lab", "labs", "lecture", "lesson",
    "lessons", "module", "notebook", "notebooks", "part", "prepack", "prepacking", "problem", "problems", "project",
    "ps", "pset", "quiz", "section", "sections", "session", "set", "sets", "sheet", "sheets", "students",
    "submission", "submissions", "submitted", "task", "tasks", "tutorial", "unit", "week", "weeks", "woche",
    "übung", "übungen",
}  # fmt: skip
"""Words of which the name of an assignment, or of a collection of them, is made."""
VERSIONS = {
    "attempt", "attempts", "backup", "copies", "copy", "data", "done", "draft", "file", "files", "final",
    "finished", "folder", "last", "mine", "my", "new", "old", "solution", "solved", "src", "stuff", "try",
    "untitled", "v", "version", "work", "zip",
}  # fmt: skip
"""Words that say which of a student's versions it is."""

LESSON = re.compile(
    r"[\W_]*(?:" + "|".join(lesson.name.replace("_", r"[\W_]*") for lesson in LESSONS) + r")(?![^\W_])[\W_]*", re.I
)
COPY = re.compile(r"^(?:copy|kopie) (?:\(\d+\) )?(?:of|von) |[\s_-]+(?:copy|kopie)[\s_-]*\d*$|\s*\(\d+\)$", re.I)
"""As browsers, file managers, Drive and Jupyter mark copies: `x (1)`, `x - Copy`, `Copy of x`, `x-Copy1`."""
NUMBERED = re.compile(rf"(?<![^\W_])(?:{'|'.join(sorted(ASSIGNMENTS))})[\W_]*\d{{1,2}}(?![^\W_])[\W_]*", re.I)
SUFFIX = re.compile(r"(?:\.ipynb\W.*|\.\w{1,5})$", re.I)


@dataclass(frozen=True)
class Owner:
    """Whose something is."""

    name: str
    """Empty where it can't be known."""
    id: str = ""
    """The number that a platform put into the name."""
    late: bool = False
    source: str = ""
    """Where the name comes from, in words."""


@cache
def platform_owner(name: str) -> Owner | None:
    """The owner in a name that a course platform made; None for any other name."""
    for platform, pattern in PLATFORMS.items():
        if found := re.fullmatch(pattern, unicodedata.normalize("NFC", name), re.IGNORECASE | re.DOTALL):
            parts = found.groupdict()
            if platform == "Canvas" and names_nobody(parts["name"]):
                continue  # homework_1_10_beyond_prepacking.ipynb
            source = f"the name that {platform.split(',')[0]} gave it"
            return Owner(parts["name"].strip(), parts.get("id") or "", bool(parts.get("late")), source)
    return None


def folder_owner(name: str) -> Owner:
    """The owner of a folder: as its platform says, or else the folder's name."""
    return platform_owner(name) or Owner(unicodedata.normalize("NFC", name).strip(), source="the folder's name")


def file_owner(name: str) -> Owner:
    """The owner of a file that lies among those of others: as its platform says, or what its name has besides
    the lesson's, the assignment's and the marks of a copy. `ada_02_bin_packing (1).ipynb` is ada's, and
    `02_bin_packing-Copy1.ipynb` nobody's."""
    if found := platform_owner(name):
        return found
    left = unicodedata.normalize("NFC", SUFFIX.sub("", name)).strip()
    while (shorter := COPY.sub("", left)) != left:
        left = shorter
    for pattern in (LESSON, NUMBERED):
        left = pattern.sub(" ", left)
    left = left.strip(" _-.,;()[]")
    return Owner("" if names_nobody(left) else left, source="the file's name")


def names_nobody(name: str) -> bool:
    """Whether a name has nothing but lessons, assignments, versions and small numbers: `hw1`, `week 2`, `final`."""
    return all(word in ASSIGNMENTS | VERSIONS or _is_small(word) for word in _words(name))


def is_assignment(name: str) -> bool:
    """Whether a folder is named like a lesson, an assignment or a collection: `hw1`, `Week 2`, `submitted`."""
    words = _words(name)
    named = is_lesson(name) or any(word in ASSIGNMENTS for word in words)
    return named and all(word in ASSIGNMENTS | VERSIONS or word.isdecimal() for word in words)


def is_lesson(name: str) -> bool:
    """Whether there is a lesson in a name."""
    return LESSON.search(name) is not None


def lesson_of(name: str) -> str:
    """The lesson that a file is named after, or else its whole name, so that files can be compared."""
    found = LESSON.search(name)
    return re.sub(r"[\W_]", "", found[0] if found else name).casefold()


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|\d+", LESSON.sub(" ", unicodedata.normalize("NFC", name)).casefold())


def _is_small(word: str) -> bool:
    return word.isdecimal() and len(word) <= 2
