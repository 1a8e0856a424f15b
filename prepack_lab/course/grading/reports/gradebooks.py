"""Points → CSV files: every grade, a total for each student, and what Moodle and Canvas import.

Nothing in them depends on when or where grading ran: the same notebooks give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from prepack_lab.course.grading.grades import Grade
from prepack_lab.course.grading.reports.results import ClassResults, Result, points_of
from prepack_lab.course.grading.reports.spreadsheet import write_rows
from prepack_lab.course.lessons import LESSONS

GRADES = (
    "student", "id", "email", "notebook", "lesson", "exercise", "title", "status", "points", "worth", "earned",
    "override", "comment", "right", "cases", "submitted", "days late", "attempts", "hints", "flags", "diagnosis",
)  # fmt: skip
"""Columns of the file with every grade."""
TOTALS = ("student", "id", "email", "solved", "exercises", "total", "worth", "percent", "late days used", "comment")
"""Columns of the file with the totals."""
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
"""Columns by which Canvas knows its gradebook, in this order."""

Row = Sequence[str | int | Decimal | None]


def write_grades(found: ClassResults, path: Path) -> None:
    """A row for each exercise of each student, and for each file that could not be graded."""
    rows = (row for result in found.results for row in _grades(result))
    write_rows(path, [GRADES, *rows])


def write_totals(found: ClassResults, path: Path) -> None:
    """A row for each student."""
    write_rows(path, [TOTALS, *(_totals(result, found.worth) for result in found.results)])


def write_moodle(found: ClassResults, path: Path) -> int:
    """What Moodle imports at Grades, Import, CSV file: a column that tells who it is, and columns of points.

    Students are told by their email, or by their ID number where more of them have one. Those who have none are left
    out: Moodle would give their points to the student of the line above.

    Returns:
        How many students were left out.
    """
    by_email = sum(bool(one.student.email) for one in found.results)
    by_id = sum(bool(one.student.id) for one in found.results)
    heading = "Email address" if by_email >= by_id else "ID number"
    lessons = _lessons(found)
    rows: list[Row] = [(heading, "Full name", *map(_title, lessons), "Total", "Total in percent")]
    for result in found.results:
        who = result.student.email if by_email >= by_id else result.student.id
        if who:
            total = result.total if result.is_final else None
            rows.append((who, result.student.name, *_by_lesson(result, lessons), total, _percent(result, found.worth)))
    write_rows(path, rows, "utf-8")
    return len(found.results) + 1 - len(rows)


def write_canvas(found: ClassResults, path: Path) -> None:
    """What Canvas imports into its gradebook: an assignment for each lesson, and below its name the points possible.

    ID stays empty, because it is a number that Canvas gave: a student's own number there could be somebody else's.
    """
    lessons = _lessons(found)
    possible = [sum((one.worth for one in found.asked if one.lesson == lesson), Decimal(0)) for lesson in lessons]
    rows: list[Row] = [(*CANVAS, *map(_title, lessons)), ("    Points Possible", "", "", "", "", *possible)]
    for result in found.results:
        student = result.student
        rows.append((student.name, "", student.id, student.email, "", *_by_lesson(result, lessons)))
    write_rows(path, rows, "utf-8")


def _grades(result: Result) -> Iterator[Row]:
    who = (result.student.name, result.student.id, result.student.email)
    for one in result.scores:
        asked, grade = one.asked, one.grade
        given = one.points if one.is_overridden else None
        counted = (one.points, asked.worth, one.earned, given, one.comment)
        exercise = (asked.lesson, asked.key, asked.title, grade.status)
        yield (*who, grade.notebook, *exercise, *counted, *_details(grade, one.late))
    for file in result.files:
        yield (*who, file.notebook, "", "", "", file.status, None, None, None, None, "", *_details(file, 0))


def _details(grade: Grade, late: int) -> Row:
    counts = (grade.right, grade.cases, grade.submitted, late, grade.attempts, grade.hints)
    return (*counts, "; ".join(grade.flags), grade.diagnosis)


def _totals(result: Result, worth: Decimal) -> Row:
    exercises = [one for one in result.scores if not one.asked.is_quiz]
    total = result.total if result.is_final else None
    return (
        result.student.name, result.student.id, result.student.email, sum(one.grade.solved for one in exercises),
        len(exercises), total, worth, _percent(result, worth), result.late_days, result.comment,
    )  # fmt: skip


def _percent(result: Result, worth: Decimal) -> Decimal | None:
    """The total as a part of all points, from 0 to 100, in hundredths; None where it is not final."""
    return (100 * result.total / worth).quantize(Decimal("0.01"), ROUND_HALF_UP) if worth and result.is_final else None


def _lessons(found: ClassResults) -> list[str]:
    """The lessons that bring points."""
    return sorted({one.lesson for one in found.asked if one.worth})


def _title(lesson: str) -> str:
    return f"{lesson} {LESSONS[int(lesson)].title}"


def _by_lesson(result: Result, lessons: Sequence[str]) -> list[Decimal | None]:
    """The points of each lesson; None where they are not final."""
    of = {lesson: [one for one in result.scores if one.asked.lesson == lesson] for lesson in lessons}
    return [points_of(scores) if all(one.points is not None for one in scores) else None for scores in of.values()]
