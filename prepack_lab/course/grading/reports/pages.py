"""Points → HTML: a page of the class for the instructor, and a page for each student to be handed back.

Each page is a single file that needs nothing from the internet, and that can be read without its script.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from prepack_lab import __version__
from prepack_lab.course.exercises.catalogue import EXERCISES
from prepack_lab.course.grading.grades import Grade
from prepack_lab.course.grading.reports.results import Asked, ClassResults, Result, Score
from prepack_lab.course.grading.reports.spreadsheet import number
from prepack_lab.course.grading.reports.visible import one_line, visible
from prepack_lab.course.lessons import LESSONS

FEEDBACK = "feedback"
"""The folder of the students' pages, beside that of the class."""
MARKS = {"solved": "✓", "missing": "–", "nothing handed in": "–", "not begun": "…", "not graded": "?"}
"""Of each status in the tables of the class; any other is ✗."""
WORDS = {
    "solved": "✓ Solved.",
    "not begun": "○ Open.",
    "nothing handed in": "○ Open.",
    "not graded": "○ Not graded yet.",
}
"""Of each status on a student's page, as in the notebook; any other is "✗ Not yet."."""


@dataclass(frozen=True)
class Difficulty:
    """How a class did in an exercise."""

    asked: Asked
    solved: int
    students: int
    attempts: float | None
    """The mean; None where it is not known."""
    mistakes: tuple[tuple[str, int], ...]
    """What went wrong most often, and how often."""


def write_class_page(found: ClassResults, path: Path) -> None:
    """The page of the class, with links to those of the students in the folder `feedback` beside it."""
    _write(
        path,
        "class.html",
        found=found,
        exercises=[one for one in found.asked if not one.is_quiz],
        quizzes=[one for one in found.asked if one.is_quiz],
        difficulties=[("Exercises", _difficulties(found, False)), ("Quizzes", _difficulties(found, True))],
        late=any(score.late for result in found.results for score in result.scores),
        lessons=[(_title(lesson), [*group]) for lesson, group in groupby(found.asked, lambda one: one.lesson)],
        looks=[(result, *look) for result in found.results for look in _looks(result)],
        version=__version__,
    )


def write_student_pages(found: ClassResults, folder: Path) -> list[str]:
    """A page for each student; nothing on it names anybody else.

    Returns:
        The names of pages in the folder that belong to nobody in this class: what earlier runs left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for result in found.results:
        lessons = groupby(result.scores, lambda score: score.asked.lesson)
        _write(
            folder / file_of(result.student.name),
            "student.html",
            found=found,
            result=result,
            lessons=[(_title(lesson), [*scores]) for lesson, scores in lessons],
        )
    written = {file_of(result.student.name) for result in found.results}
    return sorted(path.name for path in folder.glob("*.html") if path.name not in written)


def file_of(student: str) -> str:
    """The file name of a student's page: what a file system takes of the name, and a few digits that tell it apart."""
    plain = re.sub(r"[^\w.-]+", "-", student)[:40].strip("-.")
    return f"{plain}-{sha256(student.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}.html"


def _write(path: Path, template: str, **held: Any) -> None:
    path.write_text(_TEMPLATES.get_template(template).render(held), encoding="utf-8")


def _difficulties(found: ClassResults, quizzes: bool) -> list[Difficulty]:
    """The exercises, or the quizzes, the most difficult first."""
    taken: dict[Asked, list[Grade]] = {one: [] for one in found.asked if one.is_quiz == quizzes}
    for score in (score for result in found.results for score in result.scores):
        if score.asked in taken and score.grade.status != "nothing handed in":
            taken[score.asked].append(score.grade)
    known = [_difficulty(asked, grades) for asked, grades in taken.items() if grades]
    return sorted(known, key=lambda one: (one.solved / one.students, one.asked.key))


def _difficulty(asked: Asked, grades: Sequence[Grade]) -> Difficulty:
    attempts = [grade.attempts for grade in grades if grade.attempts is not None]
    mistakes = Counter(_in_short(grade) for grade in grades if not grade.solved).most_common(3)
    mean = sum(attempts) / len(attempts) if attempts else None
    return Difficulty(asked, sum(grade.solved for grade in grades), len(grades), mean, tuple(mistakes))


def _in_short(grade: Grade) -> str:
    """The known mistake in a diagnosis, a quiz's answer, or else the status."""
    if grade.status != "wrong":
        return grade.status
    last = grade.diagnosis.splitlines()[-1] if grade.diagnosis else ""
    if grade.exercise in EXERCISES:
        known = {wrong.diagnosis for wrong in EXERCISES[grade.exercise].wrong.values()}
        return last if last in known else "wrong, but no known mistake"
    return last


def _looks(result: Result) -> Iterator[tuple[str, str, str]]:
    """What an instructor should look at: the exercise, or nothing for a file; the status; and why."""
    for file in result.files:
        yield "", file.status, ": ".join(filter(None, (file.notebook, file.diagnosis)))
    for score in result.scores:
        why = [*score.grade.flags, *_decided(score)]
        if score.grade.status == "not graded" and score.grade.exercise:
            why.insert(0, score.grade.diagnosis)
        if why:
            yield score.asked.key, score.grade.status, "\n".join(why)


def _decided(score: Score) -> Iterator[str]:
    """What an instructor decided, in words."""
    if score.is_overridden and score.points is not None:
        earned = "–" if score.earned is None else number(score.earned)
        yield f"* override: {number(score.points)} points in place of {earned}"
    if score.comment:
        yield f"comment: {score.comment}"


def _mark(score: Score) -> str:
    """A score in a letter or two, and its points where they are neither all nor none."""
    flag, decided = "!" if score.grade.flags else "", "*" if score.is_overridden else ""
    partly = score.points is not None and (score.is_overridden or 0 < score.points < score.asked.worth)
    points = f" {number(score.points)}" if partly and score.points is not None else ""
    return f"{MARKS.get(score.grade.status, '✗')}{flag}{points}{decided}"


def _title(lesson: str) -> str:
    return f"{lesson} {LESSONS[int(lesson)].title}"


def _kind(grade: Grade) -> str:
    """The class of a grade on a page."""
    return "solved" if grade.solved else "open" if grade.status in WORDS else "failed"


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _many(count: int, what: str, several: str = "") -> str:
    return f"{count:,} {what if count == 1 else several or what + 's'}"


def _shown(value: Any) -> Any:
    """What a template writes for a value; it is escaped after that."""
    if hasattr(value, "__html__"):  # what a macro wrote
        return value
    return "–" if value is None else number(value) if isinstance(value, Decimal) else visible(str(value))


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_shown,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals |= {
    "feedback": FEEDBACK, "file_of": file_of, "flagged": lambda result: len([*_looks(result)]), "kind": _kind,
    "capital": _capital, "many": _many, "mark": _mark, "one_line": one_line,
    "words": WORDS,
    "solved": lambda result: sum(score.grade.solved for score in result.scores if not score.asked.is_quiz),
}  # fmt: skip
