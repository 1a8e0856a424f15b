"""A whole class: many notebooks at once, and what was graded before is not graded again."""

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
from prepack_lab.machine import cores

RECORD = "grades.jsonl"
"""One line a graded notebook: what a second run starts from."""
CODE = tuple(Path(package.__file__ or "").parent for package in (exercises, grading))
"""Folders whose code a grade depends on."""
SHORTEST = 6
"""Statements of a function; those with fewer are alike because there is only one way."""


def grade_folder(
    folder: Path, out: Path, limits: Limits | None = None, seed: int = 0, jobs: int | None = None, fresh: bool = False
) -> list[Grade]:
    """Grade all notebooks below a folder, several at a time, with a progress bar.

    Args:
        folder: of the submissions (see `find_submissions`).
        out: a folder for the record; a notebook that has not changed since is taken from there.
        limits: of each function.
        seed: of the students' own random cases.
        jobs: notebooks at a time; as many as there are processors where left out.
        fresh: grade everything anew.

    Returns:
        Grades of all students, sorted; each exercise once a student, the best of their notebooks.

    Raises:
        ValueError: no such folder, or no notebook in it.
    """
    limits = limits or Limits()
    submissions = find_submissions(folder)
    out.mkdir(parents=True, exist_ok=True)
    record = out / RECORD
    known = {} if fresh else _read(record)
    code = _code()
    keys = {one: _key(one, limits, seed, code) for one in submissions}
    grades = {one: known[keys[one]] for one in submissions if keys[one] in known}
    todo = [one for one in submissions if one not in grades]
    if fresh or not record.exists():
        record.write_text("", encoding="utf-8")
    with (
        ThreadPoolExecutor(jobs or cores()) as pool,
        record.open("a", encoding="utf-8") as kept,
        tqdm(total=len(submissions), initial=len(grades), unit="notebook", desc="grading") as bar,
    ):
        running = {pool.submit(_safely, one, limits, seed): one for one in todo}
        try:
            for done in as_completed(running):
                one = running[done]
                grades[one] = done.result()
                if not any(grade.status == "not graded" for grade in grades[one]):
                    line = {"key": keys[one], "grades": [asdict(grade) for grade in grades[one]]}
                    kept.write("\n" + json.dumps(line))  # after a line that was cut off, too
                    kept.flush()
                bar.update()
        except BaseException:  # Ctrl-C: those that are running come to their end, the others do not begin
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return compared(_best(grade for one in submissions for grade in grades[one]))


def _safely(submission: Submission, limits: Limits, seed: int) -> list[Grade]:
    try:
        return grade_notebook(submission, limits, seed)
    except Exception as error:
        return [not_graded(submission, error)]


def _key(submission: Submission, limits: Limits, seed: int, code: str) -> str:
    """Changes with anything that a grade depends on."""
    named = f"{__version__}/{code}/{submission.student}/{submission.name}/{limits}/{seed}/"
    digest = sha256(named.encode("utf-8", "surrogatepass"))
    for path in (submission.path, submission.path.parent / "progress.json"):
        if path.is_file() and os.access(path, os.R_OK):
            with path.open("rb") as file:
                while piece := file.read(1 << 20):
                    digest.update(piece)
    return digest.hexdigest()


def _code() -> str:
    """Changes with the exercises and the grader: with a task, a case, a judge, or what a known mistake is told."""
    digest = sha256()
    for path in sorted(path for folder in CODE for path in folder.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(record: Path) -> dict[str, list[Grade]]:
    """What an earlier run has left; a line that was cut off is left out."""
    found: dict[str, list[Grade]] = {}
    if not record.is_file():
        return found
    for line in record.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            held = json.loads(line)
            found[held["key"]] = [Grade(**one | {"flags": tuple(one["flags"])}) for one in held["grades"]]
        except (ValueError, TypeError, KeyError):
            continue
    return found


def _best(grades: Iterable[Grade]) -> list[Grade]:
    """Each exercise once a student: solved before tried before missing. Files that can't be read stay."""
    rank = {"solved": 0, "not graded": 1, "not begun": 3, "missing": 4}
    best: dict[tuple[str, str], Grade] = {}
    for grade in grades:
        key = grade.student, grade.exercise or grade.notebook
        if key not in best or rank.get(grade.status, 2) < rank.get(best[key].status, 2):
            best[key] = grade
    return sorted(best.values(), key=lambda grade: (grade.student.casefold(), grade.exercise, grade.notebook))


def compared(grades: Sequence[Grade]) -> list[Grade]:
    """Flag functions that are alike but for names of variables, spaces and comments: among students, and our own."""
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
    """A function's structure, without the names that a student chose; empty where it is too short to tell anything."""
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
