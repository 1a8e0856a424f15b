"""A notebook → a grade for each exercise of its lessons."""

from __future__ import annotations

import json
import multiprocessing
import re
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, Literal

from prepack_lab.course.exercises.catalogue import EXERCISES
from prepack_lab.course.exercises.checking import OPEN, diagnose
from prepack_lab.course.exercises.exercise import Exercise
from prepack_lab.course.grading import worker
from prepack_lab.course.grading.reading import Notebook, UnreadableNotebookError, read_notebook
from prepack_lab.course.grading.submissions import Submission
from prepack_lab.course.inside.attempt import Kind, Outcome, endless
from prepack_lab.course.inside.wire import decode

Status = Literal[
    "solved", "wrong", "not begun", "missing", "syntax error", "crashed", "endless loop", "too much memory",
    "calls exit", "forbidden", "huge output", "died", "unreadable", "not graded",
]  # fmt: skip
"""What became of a function; the diagnosis says more. "not graded": the grader itself failed."""

OF_KIND: dict[Kind, Status] = {
    "returned": "wrong", "raised": "crashed", "endless": "endless loop", "memory": "too much memory",
    "open": "not begun", "exit": "calls exit", "forbidden": "forbidden", "too much": "huge output", "died": "died",
}  # fmt: skip
STARTING = 120.0
"""Seconds that a process may take to start, and to import the lab."""
LARGEST_MESSAGE = 64_000_000
"""Bytes."""


@dataclass(frozen=True)
class Limits:
    """What a function may take."""

    seconds: float = 10.0
    """For all its cases together."""
    memory_bytes: int = 1_000_000_000
    """Beside what Python and torch take; enforced on Linux."""


@dataclass(frozen=True)
class Grade:
    """A student's result in an exercise."""

    student: str
    notebook: str
    """Its path within the folder; empty where no notebook of the lesson was handed in."""
    exercise: str
    status: Status
    diagnosis: str
    cases: int = 0
    """Tried, up to the first that failed."""
    attempts: int | None = None
    """Checks that the student ran, from progress.json beside the notebook; None without such a file."""
    hints: int | None = None
    flags: tuple[str, ...] = ()
    """What an instructor should look at: tampering, claims that do not hold, functions that are alike."""
    seconds: float = 0.0
    code: str = ""
    """The function's text."""

    @property
    def solved(self) -> bool:
        """Whether all cases were right."""
        return self.status == "solved"


def seed_of(student: str, exercise: str, seed: int = 0) -> int:
    """The seed of a student's own random cases: the same each time, and different for each student."""
    named = f"{seed}/{student}/{exercise}".encode("utf-8", "surrogatepass")
    return int.from_bytes(sha256(named).digest()[:4], "big")


def grade_notebook(submission: Submission, limits: Limits | None = None, seed: int = 0) -> list[Grade]:
    """Grade every exercise of the lessons in a notebook. Nothing that its code does stops the grader."""
    limits = limits or Limits()
    try:
        notebook = read_notebook(submission.path)
    except UnreadableNotebookError as error:
        return [Grade(submission.student, submission.name, "", "unreadable", str(error))]
    lessons = notebook.lessons(submission.path.name)
    if not lessons:
        words = "it holds no lesson that can be recognized by its checks, its heading or its file name"
        return [Grade(submission.student, submission.name, "", "unreadable", words)]
    asked = [exercise for exercise in EXERCISES.values() if exercise.lesson in lessons]
    return [_graded(submission, notebook, exercise, limits, seed) for exercise in asked]


def not_graded(submission: Submission, error: Exception, exercise: str = "") -> Grade:
    """What takes the place of a grade where the grader itself failed, so that the others are graded all the same."""
    words = f"the grader itself failed ({type(error).__name__}: {error}); look at this notebook by hand"
    return Grade(submission.student, submission.name, exercise, "not graded", words)


def _graded(submission: Submission, notebook: Notebook, asked: Exercise, limits: Limits, seed: int) -> Grade:
    name = notebook.function_name(asked)
    attempts, hints = _practised(submission.path, asked.key)
    grade = Grade(
        submission.student, submission.name, asked.key, "missing", "", attempts=attempts, hints=hints,
        flags=notebook.tampering, code=notebook.text_of(name),
    )  # fmt: skip
    broken = notebook.broken_in(name)
    if broken is not None and notebook.defined_in(name) is None:
        return replace(grade, status="syntax error", diagnosis=broken.error or "", code=broken.source)
    if notebook.defined_in(name) is None:
        words = f"there is no function {name}: its cell was deleted, or the function renamed"
        return replace(grade, diagnosis=_left_out(notebook, name) or words)
    began = monotonic()
    try:
        grade = replace(_tried(grade, asked, notebook, name, limits, seed), seconds=round(monotonic() - began, 2))
    except Exception as error:  # the other exercises are graded all the same
        return not_graded(submission, error, asked.key)
    flags = list(grade.flags)
    if asked.key not in notebook.checks:
        flags.append("its check is no longer in the notebook")
    unknown = re.search(r"NameError: name '(\w+)' is not defined", grade.diagnosis)
    left_out = _left_out(notebook, unknown[1]) if unknown and grade.status == "crashed" else None
    if left_out is not None:
        grade = replace(grade, diagnosis=f"{grade.diagnosis}\n{left_out}")
    elif notebook.claims(asked.key) and not grade.solved:
        flags.append("the notebook shows it as solved, and it is not")
    return replace(grade, flags=tuple(flags))


def _left_out(notebook: Notebook, name: str) -> str | None:
    """In which cell a name is made by code that the grader does not run, in words; None where it is not."""
    cell = notebook.left_out().get(name)
    if cell is None:
        return None
    return f"{name} is made in cell {cell}, and only definitions and plain values are run here: look at it by hand"


def _tried(grade: Grade, asked: Exercise, notebook: Notebook, name: str, limits: Limits, seed: int) -> Grade:
    if asked.is_untouched(grade.code):
        return replace(grade, status="not begun", diagnosis=OPEN)
    variant = seed_of(grade.student, asked.key, seed)
    definitions = tuple(notebook.definitions())
    with TemporaryDirectory(prefix="prepack_lab-grade-") as folder:
        outcomes = run_task(
            worker.Task(asked.key, name, definitions, variant, limits.seconds, limits.memory_bytes, folder)
        )
    cases = [*asked.cases(Random(variant))]
    last = outcomes[-1] if outcomes else Outcome(failure="nothing came back", kind="died")
    verdict = diagnose(asked, cases, lambda place: outcomes[place] if place < len(outcomes) else last)
    if verdict.solved:
        return replace(grade, status="solved", diagnosis=verdict.words, cases=verdict.cases)
    failed = outcomes[verdict.cases - 1] if verdict.cases <= len(outcomes) else last
    status = OF_KIND[failed.kind]
    if verdict.open:
        status = "not begun"
    return replace(grade, status=status, diagnosis=verdict.words, cases=verdict.cases)


@cache
def _processes() -> Any:
    """How processes are started: where the system can, as forks of a server that has imported the lab already."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([worker.__name__])
    return context


def run_task(task: worker.Task) -> list[Outcome]:
    """Run a task in a process of its own, and return whatever it does.

    Returns:
        What became of each case, in order, up to the first that could not be finished.

    Raises:
        RuntimeError: the process failed before the function was called.
    """
    mine, its = _processes().Pipe(duplex=False)
    process = _processes().Process(target=worker.run, args=(task, its), daemon=True)
    process.start()
    its.close()
    try:
        return _listen(mine, task.seconds, process)
    finally:
        process.kill()
        process.join()
        mine.close()


def _listen(mine: Connection, seconds: float, process: Any) -> list[Outcome]:
    _await_start(mine)
    outcomes: list[Outcome] = []
    until = monotonic() + seconds + 2  # the worker's own clock comes first, and says in which line
    while True:
        try:
            if not mine.poll(max(until - monotonic(), 0)):
                return [*outcomes, endless(seconds)]
            message = json.loads(mine.recv_bytes(LARGEST_MESSAGE))
            if "done" in message:
                return outcomes
            outcomes.append(_outcome(message))
        except EOFError:
            return [*outcomes, _death(process)]
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, StopIteration):
            words = "what came back from its process can't be read"
            return [*outcomes, Outcome(failure=words, kind="too much")]


def _await_start(mine: Connection) -> None:
    """Wait until the limits are set. Until then no code of a student has run: a failure is the grader's."""
    if not mine.poll(STARTING):
        raise RuntimeError(f"a process did not start within {STARTING:g} seconds; try fewer --jobs")
    try:
        mine.recv_bytes(LARGEST_MESSAGE)
    except EOFError:
        raise RuntimeError("a process ended before the function was called") from None


def _outcome(message: dict[str, Any]) -> Outcome:
    if "failure" in message:
        kind: Kind = next(kind for kind in OF_KIND if kind == message["kind"])
        return Outcome(failure=str(message["failure"])[:2000], kind=kind)
    return Outcome(decode(message["returned"]))


def _death(process: Any) -> Outcome:
    process.join(5)
    code = process.exitcode
    if code is not None and code < 0:
        words = f"it brought the whole process down (signal {-code})"
    else:
        words = f"it ended the whole process (exit code {code}): leave out os._exit() and the like"
    return Outcome(failure=words, kind="died")


def _practised(path: Path, key: str) -> tuple[int | None, int | None]:
    """Attempts and hints, from progress.json beside the notebook; None without such a file."""
    try:
        held = json.loads((path.parent / "progress.json").read_text(encoding="utf-8"))
        return int(held["attempts"].get(key, 0)), int(held["hints"].get(key, 0))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None, None
