"""A whole class: many notebooks at once; a notebook that was graded before is not graded again."""

from __future__ import annotations

import ast
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from textwrap import dedent

from tqdm.auto import tqdm

from prepack_lab import __version__
from prepack_lab.course import exercises, grading
from prepack_lab.course.exercises.catalogue import EXERCISES
from prepack_lab.course.grading.grading import Grade, Limits, grade_notebook, not_graded
from prepack_lab.course.grading.submissions import Submission, find_submissions
from prepack_lab.measuring.machine import cores

RECORD = "grades.jsonl"
"""A line per graded notebook, from which a second run starts."""
CODE = tuple(Path(package.__file__ or "").parent for package in (exercises, grading))
"""Folders whose code a grade depends on."""
SHORTEST = 6
"""Statements in a function; shorter ones are alike because there is only one way to write them."""


def grade_folder(
    folder: Path, out: Path, limits: Limits | None = None, seed: int = 0, jobs: int | None = None, fresh: bool = False
) -> list[Grade]:
    """Grade all notebooks below a folder, several at a time, with a progress bar.

    Args:
        folder: with the submissions (see `find_submissions`).
        out: the folder for the record, from which the grades of unchanged notebooks are taken.
        limits: of each function.
        seed: of the students' own random cases.
        jobs: notebooks graded at a time; by default as many as there are processors.
        fresh: grade everything again.

    Returns:
        Grades of all students, sorted; each exercise once per student, from the best of their notebooks.

    Raises:
        ValueError: no such folder, or no notebook in it.
    """
    limits = limits or Limits()
    submissions = find_submissions(folder)
    out.mkdir(parents=True, exist_ok=True)
    record = out / RECORD
    known = {} if fresh else _read(record)
    code = _code()
    keys = {submission: _key(submission, limits, seed, code) for submission in submissions}
    grades = {submission: known[key] for submission, key in keys.items() if key in known}
    todo = [submission for submission in submissions if submission not in grades]
    if fresh or not record.exists():
        record.write_text("", encoding="utf-8")
    with (
        ThreadPoolExecutor(jobs or cores()) as pool,
        record.open("a", encoding="utf-8") as kept,
        tqdm(total=len(submissions), initial=len(grades), unit="notebook", desc="grading") as bar,
    ):
        running = {pool.submit(_safely, submission, limits, seed): submission for submission in todo}
        try:
            for done in as_completed(running):
                submission, found = running[done], done.result()
                grades[submission] = found
                if not any(grade.status == "not graded" for grade in found):
                    line = {"key": keys[submission], "grades": [asdict(grade) for grade in found]}
                    kept.write("\n" + json.dumps(line))  # the line before may have been cut off
                    kept.flush()
                bar.update()
        except BaseException:  # Ctrl-C: notebooks in progress are finished, no others begun
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return compared(_best(grade for submission in submissions for grade in grades[submission]))


def _safely(submission: Submission, limits: Limits, seed: int) -> list[Grade]:
    try:
        return grade_notebook(submission, limits, seed)
    except Exception as error:
        return [not_graded(submission, error)]


def _key(submission: Submission, limits: Limits, seed: int, code: str) -> str:
    """A digest that changes with anything that a grade depends on."""
    named = f"{__version__}/{code}/{submission.student}/{submission.name}/{limits}/{seed}/"
    digest = sha256(named.encode("utf-8", "surrogatepass"))
    for path in (submission.path, submission.path.parent / "progress.json"):
        if path.is_file() and os.access(path, os.R_OK):
            with path.open("rb") as file:
                while piece := file.read(1 << 20):
                    digest.update(piece)
    return digest.hexdigest()


def _code() -> str:
    """A digest that changes with the exercises and the grader: a task, a case, a judge, the words of a diagnosis."""
    digest = sha256()
    for path in sorted(path for folder in CODE for path in folder.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(record: Path) -> dict[str, list[Grade]]:
    """The grades that an earlier run has left; a line that was cut off is skipped."""
    found: dict[str, list[Grade]] = {}
    if not record.is_file():
        return found
    for line in record.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            held = json.loads(line)
            found[held["key"]] = [Grade(**grade | {"flags": tuple(grade["flags"])}) for grade in held["grades"]]
        except (ValueError, TypeError, KeyError):
            continue
    return found


def _best(grades: Iterable[Grade]) -> list[Grade]:
    """Each exercise once per student: solved before tried before missing. Files that can't be read stay."""
    rank = {"solved": 0, "not graded": 1, "not begun": 3, "missing": 4}
    best: dict[tuple[str, str], Grade] = {}
    for grade in grades:
        key = grade.student, grade.exercise or grade.notebook
        if key not in best or rank.get(grade.status, 2) < rank.get(best[key].status, 2):
            best[key] = grade
    return sorted(best.values(), key=lambda grade: (grade.student.casefold(), grade.exercise, grade.notebook))


def compared(grades: Sequence[Grade]) -> list[Grade]:
    """Flag functions that differ only in names, spaces and comments from another student's, or from the reference."""
    shapes = [_shape(grade.code) if grade.solved else "" for grade in grades]
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for grade, shape in zip(grades, shapes, strict=True):
        alike[grade.exercise, shape].append(grade.student)
    return [
        replace(grade, flags=(*grade.flags, *_likeness(grade, shape, alike[grade.exercise, shape])))
        for grade, shape in zip(grades, shapes, strict=True)
    ]


def _likeness(grade: Grade, shape: str, students: Sequence[str]) -> Iterator[str]:
    if not shape:
        return
    if shape == _shape(EXERCISES[grade.exercise].solution):
        yield "the same as the reference"
    elif len(students) > 1:
        others = [student for student in students if student != grade.student]
        yield f"the same as {', '.join(others[:3])}{' and others' if len(others) > 3 else ''}"


def _shape(code: str) -> str:
    """A function's structure, without the names that a student chose; empty where it is too short to compare."""
    try:
        tree = ast.parse(dedent(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    nodes = [*ast.walk(tree)]
    if sum(isinstance(node, ast.stmt) for node in nodes) < SHORTEST:
        return ""
    chosen: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.arg):
            chosen.setdefault(node.arg, f"n{len(chosen)}")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            chosen.setdefault(node.id, f"n{len(chosen)}")
    for node in nodes:
        if isinstance(node, ast.arg):
            node.arg = chosen[node.arg]
        elif isinstance(node, ast.Name):
            node.id = chosen.get(node.id, node.id)
        elif isinstance(node, ast.FunctionDef):
            node.name = "f"
    return ast.dump(tree)
