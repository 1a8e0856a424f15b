"""Points → JSON, for a program that goes on with them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from prepack_lab.course.grading.reports.results import ClassResults, Result, Score


def to_json(found: ClassResults) -> str:
    """All that the CSV files hold, as JSON; points that are not known are null."""
    held = {
        "exercises": [
            {"exercise": one.key, "lesson": one.lesson, "title": one.title, "worth": one.worth} for one in found.asked
        ],
        "worth": found.worth,
        "students": [_student(result) for result in found.results],
        "problems": found.problems,
    }
    return json.dumps(held, default=_number) + "\n"  # in ASCII, so that no letter of a name is lost


def _student(result: Result) -> dict[str, Any]:
    return {
        "student": result.student.name,
        "id": result.student.id,
        "email": result.student.email,
        "total": result.total,
        "final": result.is_final,
        "late_days_used": result.late_days,
        "comment": result.comment,
        "grades": [_score(score) for score in result.scores],
        "files": [
            {"notebook": file.notebook, "status": file.status, "diagnosis": file.diagnosis} for file in result.files
        ],
    }


def _score(score: Score) -> dict[str, Any]:
    grade = score.grade
    return {
        "exercise": score.asked.key, "notebook": grade.notebook, "status": grade.status, "points": score.points,
        "earned": score.earned, "overridden": score.is_overridden, "comment": score.comment, "right": grade.right,
        "cases": grade.cases, "submitted": grade.submitted, "days_late": score.late, "days_charged": score.charged,
        "attempts": grade.attempts, "hints": grade.hints, "flags": grade.flags, "diagnosis": grade.diagnosis,
    }  # fmt: skip


def _number(value: Decimal) -> float:
    return float(value)
