"""Grades → a CSV file for the gradebook, and a page to read: the class, and each student."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from pathlib import Path
from string import Template

from prepack_lab import __version__
from prepack_lab.course.exercises.catalogue import EXERCISES
from prepack_lab.course.grading.grades import Grade

COLUMNS = ("student", "notebook", "lesson", "exercise", "title", "status", "solved", "cases", "attempts", "hints",
           "seconds", "flags", "diagnosis")  # fmt: skip

MARKS = {"solved": "✓", "missing": "–", "not begun": "…", "not graded": "?"}
"""Of each status in the table of the class; any other is ✗."""

PAGE = Template(
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Grades</title>
<style>
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; }
caption { text-align: left; padding-bottom: .4em; }
th, td { border-bottom: 1px solid #8886; padding: .3em .7em; text-align: left; vertical-align: top; }
.whole { white-space: nowrap; }
.solved { border-left: 4px solid #009E73; }
.failed { border-left: 4px solid #D55E00; }
.open { border-left: 4px solid #888; }
.wide { overflow-x: auto; }
.wide th[scope=row], .wide td { white-space: nowrap; }
.wide th[scope=row] { position: sticky; left: 0; background: Canvas; }
.bar { background: #8883; width: 8em; height: .8em; display: inline-block; }
.bar i { background: #0072B2; height: 100%; display: block; }
pre { overflow-x: auto; background: #8881; padding: .6em; }
details { margin: .3em 0; }
summary { cursor: pointer; }
</style>
</head>
<body>
<h1>Grades</h1>
<p>$summary</p>
<h2>The class</h2>
<div class="wide">$matrix</div>
<p>✓ solved · ✗ tried, not solved · … not begun · – missing · ? the grader failed · ! look at it: it is flagged</p>
$difficulties
<h2>The students</h2>
$students
</body>
</html>
"""
)


def write_csv(grades: Sequence[Grade], path: Path) -> None:
    """A line per exercise and student. A cell that a spreadsheet would run as a formula gets an apostrophe in front."""
    with path.open("w", encoding="utf-8-sig", newline="", errors="backslashreplace") as file:
        lines = csv.writer(file)
        lines.writerow(COLUMNS)
        for grade in grades:
            exercise = EXERCISES.get(grade.exercise)
            lines.writerow(
                _plain(cell)
                for cell in (
                    grade.student, grade.notebook, exercise.lesson if exercise else "", grade.exercise,
                    exercise.title if exercise else "", grade.status, int(grade.solved), grade.cases,
                    "" if grade.attempts is None else grade.attempts, "" if grade.hints is None else grade.hints,
                    grade.seconds, "; ".join(grade.flags), grade.diagnosis,
                )
            )  # fmt: skip


def write_page(grades: Sequence[Grade], path: Path) -> None:
    """A single HTML file that needs nothing else: no script, no font, no internet."""
    students = [*dict.fromkeys(grade.student for grade in grades)]
    graded = [grade for grade in grades if grade.exercise]
    day = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    summary = f"{_many(len(students), 'student')}, {_many(len({grade.exercise for grade in graded}), 'exercise')}, "
    summary += f"{sum(grade.solved for grade in graded)} of {len(graded)} solved. prepack_lab {__version__}, {day}."
    page = PAGE.substitute(
        summary=escape(summary),
        difficulties=_difficulties(graded),
        matrix=_matrix(students, graded),
        students="\n".join(_student(name, [grade for grade in grades if grade.student == name]) for name in students),
    )
    path.write_text(page, encoding="utf-8", errors="backslashreplace")


def _difficulties(grades: Sequence[Grade]) -> str:
    """The exercises, the most difficult first, and what went wrong most often."""
    by_exercise = {key: [grade for grade in grades if grade.exercise == key] for key in EXERCISES}
    shares = {key: sum(grade.solved for grade in found) / len(found) for key, found in by_exercise.items() if found}
    rows = []
    for key in sorted(shares, key=lambda key: (shares[key], key)):
        found, share = by_exercise[key], shares[key]
        tries = [grade.attempts for grade in found if grade.attempts is not None]
        bar = f"<span class='bar' aria-hidden='true'><i style='width:{share:.0%}'></i></span>"
        cells = (
            f"{escape(key)} {escape(EXERCISES[key].title)}",
            f"<span class='whole'>{bar} {sum(grade.solved for grade in found)} of {len(found)}</span>",
            f"{sum(tries) / len(tries):.1f}" if tries else "–",
            "<br>".join(escape(f"{many} × {words}") for words, many in _mistakes(found)) or "–",
        )
        rows.append(cells)
    headings = ("exercise", "solved", "mean attempts", "what went wrong")
    return _table("Exercises, the most difficult first", headings, rows)


def _mistakes(grades: Iterable[Grade]) -> list[tuple[str, int]]:
    """The most frequent diagnoses: the known mistake, or else the status."""
    return Counter(_in_short(grade) for grade in grades if not grade.solved).most_common(3)


def _in_short(grade: Grade) -> str:
    if grade.status != "wrong":
        return grade.status
    known = {wrong.diagnosis for wrong in EXERCISES[grade.exercise].wrong.values()}
    last = grade.diagnosis.splitlines()[-1]
    return last if last in known else "wrong, but no known mistake"


def _matrix(students: Sequence[str], grades: Sequence[Grade]) -> str:
    """A row per student, a column per exercise."""
    keys = [key for key in EXERCISES if any(grade.exercise == key for grade in grades)]
    there = {(grade.student, grade.exercise): grade for grade in grades}
    rows = []
    for student in students:
        own = [there.get((student, key)) for key in keys]
        solved = sum(bool(grade and grade.solved) for grade in own)
        link = f"<a href='#{_anchor(student)}'>{escape(student)}</a>"
        rows.append((link, f"{solved} of {len(keys)}", *map(_mark, own)))
    return _table("Who solved what", ("student", "solved", *map(escape, keys)), rows)


def _mark(grade: Grade | None) -> str:
    if grade is None:
        return "<span title='no notebook of this lesson'>–</span>"
    mark = MARKS.get(grade.status, "✗") + ("!" if grade.flags else "")
    return f"<span title='{escape(grade.status)}'>{mark}</span>"


def _student(name: str, grades: Sequence[Grade]) -> str:
    solved = sum(grade.solved for grade in grades)
    parts = [
        f"<h3 id='{_anchor(name)}'>{escape(name)}: {solved} of {sum(bool(grade.exercise) for grade in grades)}</h3>"
    ]
    for notebook, group in groupby(grades, key=lambda grade: grade.notebook):
        rows = [*_rows([*group])]
        parts.append(_table(escape(notebook), ("exercise", "status", "diagnosis", "attempts", "hints"), rows))
    return "\n".join(parts)


def _rows(grades: Sequence[Grade]) -> Iterator[tuple[str, ...]]:
    for grade in grades:
        kind = "solved" if grade.solved else "open" if grade.status in MARKS else "failed"
        lines = [
            *(grade.diagnosis[:1].upper() + grade.diagnosis[1:]).splitlines(),
            *(f"! {flag}" for flag in grade.flags),
        ]
        words = "<br>".join(map(escape, lines))
        if grade.code:
            words += f"<details><summary>The function</summary><pre>{escape(grade.code)}</pre></details>"
        counts = ("–" if many is None else str(many) for many in (grade.attempts, grade.hints))
        yield f"<span class='{kind}'>&nbsp;{escape(grade.exercise or 'the file')}</span>", grade.status, words, *counts


def _table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are HTML already."""
    head = "".join(f"<th scope='col'>{heading}</th>" for heading in headings)
    body = "".join(
        f"<tr><th scope='row'>{first}</th>{''.join(f'<td>{cell}</td>' for cell in others)}</tr>"
        for first, *others in rows
    )
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _anchor(student: str) -> str:
    return f"student-{student.encode('utf-8', 'surrogatepass').hex()}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _plain(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
