"""A notebook → its grades, judged in a process of its own, while the notebook runs in the sandbox.

The sandbox is given a student's cells, and arguments one at a time; it returns values. All that is known of the right
answers is here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC
from functools import cache
from hashlib import sha256
from random import Random
from time import monotonic
from typing import Any

from prepack_lab.course.exercises.catalogue import EXERCISES
from prepack_lab.course.exercises.checking import OPEN, SEED, Verdict, diagnose, is_right
from prepack_lab.course.exercises.exercise import Exercise
from prepack_lab.course.grading.grades import OF_KIND, Grade, Status
from prepack_lab.course.grading.likeness import shape_of
from prepack_lab.course.grading.quizzes import quiz_grades
from prepack_lab.course.grading.reading import Notebook, UnreadableNotebookError, counted, read_notebook, read_progress
from prepack_lab.course.grading.sandbox import Sandbox, SandboxError
from prepack_lab.course.grading.submissions.finding import Submission
from prepack_lab.course.inside.attempt import Kind, Outcome, endless
from prepack_lab.course.inside.channel import UNREADABLE, Channel, ClosedError
from prepack_lab.course.inside.wire import decode, encode

ROOMS = 12
"""The most often that a notebook is begun again, after it has brought its process down."""
CASES_TOGETHER = 12
"""All cases of an exercise may take so many times as long as a single one."""
CELLS_TOGETHER = 60.0
"""Seconds for all cells, without the checks in them; of those that come later only definitions and checks are run."""
NOTHING_ASKED = "there is no exercise in it that is graded here"
LATER = 2.0
"""Seconds after which a process is ended: its own clock comes first, and knows the line."""


@dataclass(frozen=True)
class Options:
    """What is graded, and what a function may take."""

    seconds: float = 5.0
    """For each case, and for each cell."""
    memory_bytes: int = 1_000_000_000
    """Beside what Python and torch take; enforced on Linux."""
    seed: int = 0
    """Mixed into the seeds of all students."""
    keys: tuple[str, ...] | None = None
    """Of the exercises and quizzes that are graded; by default all."""

    def asks_for(self, key: str) -> bool:
        """Whether an exercise or a quiz is graded."""
        return self.keys is None or key in self.keys


def seed_of(content: bytes, key: str, seed: int = 0) -> int:
    """The seed of a student's own random cases, drawn from their whole notebook.

    Nobody knows it before the notebook is finished: a table of answers in it would change it. The same notebook has the
    same seed wherever it is graded.
    """
    return int.from_bytes(sha256(sha256(content).digest() + f"/{seed}/{key}".encode()).digest()[:4], "big")


def grades_of(
    submission: Submission, sandbox: Sandbox, options: Options, spared: Set[str], begin: Callable[[str], None]
) -> Iterator[Grade]:
    """Grade every exercise of the lessons in a notebook. Nothing that its code does raises anything.

    Args:
        submission: with a notebook.
        sandbox: where it runs.
        options: what is asked for.
        spared: exercises that are left out, as judging them has failed before.
        begin: called with the exercise that is judged next.

    Raises:
        SandboxError: it does not start.
    """
    assert submission.path is not None
    about = Grade(submission.student, submission.name, "", "unreadable", "", submitted=_when(submission))
    try:
        notebook = read_notebook(submission.path)
        content = submission.path.read_bytes()
    except UnreadableNotebookError as error:
        yield replace(about, diagnosis=str(error))
        return
    lessons = notebook.lessons(submission.path.name)
    if not lessons and "glossary" not in submission.path.name:
        words = "it holds no lesson that can be recognized by its checks, its heading or its file name"
        yield replace(about, diagnosis=words)
        return
    progress = read_progress(submission.path)
    asked = [one for one in EXERCISES.values() if one.lesson in lessons and options.asks_for(one.key)]
    hearing = _Hearing(notebook, content, options, {one.key: one for one in asked if one.key not in spared}, begin)
    if asked:
        hearing.run(sandbox)
    for one in asked:
        if one.key not in spared:
            attempts, hints = (counted(progress, what, one.key) for what in ("attempts", "hints"))
            yield replace(
                hearing.grade(one), student=about.student, notebook=about.notebook, submitted=about.submitted,
                attempts=attempts, hints=hints,
            )  # fmt: skip
    answered = [
        grade
        for grade in quiz_grades(about.student, about.notebook, progress)
        if grade.exercise.split("-")[0] in lessons and options.asks_for(grade.exercise)
    ]
    yield from (replace(grade, submitted=about.submitted) for grade in answered)
    if not asked and not answered:
        yield replace(about, status="nothing handed in", diagnosis=NOTHING_ASKED)


def _when(submission: Submission) -> str:
    return submission.submitted.astimezone(UTC).isoformat(timespec="seconds") if submission.submitted else ""


@dataclass(frozen=True)
class _Failure:
    """A statement of a notebook that failed in the sandbox."""

    cell: int
    words: str
    names: tuple[str, ...]
    """What it would have made."""
    line: int | None
    missing: str
    """The module that is not there."""
    syntax: bool

    @classmethod
    def of(cls, cell: int, message: dict[str, Any]) -> _Failure:
        """What a message says."""
        line = message["line"] if isinstance(message["line"], int) else None
        names, missing = tuple(map(str, message["names"])), str(message["missing"] or "")[:100]
        return cls(cell, str(message["failed"])[:500], names, line, missing, message["syntax"] is True)

    @property
    def why(self) -> str:
        """What became of it, after "which"."""
        if self.missing.startswith("prepack_lab"):
            return f"needs {self.missing}, and that is left out where notebooks are graded: look at it by hand"
        if self.missing:
            return f"needs {self.missing}, and that is not installed where notebooks are graded: look at it by hand"
        return f"failed here: {self.words}"


class _Hearing:
    """Hears what a notebook has to say: runs it, tries the functions that it checks, and begins again after a crash."""

    def __init__(
        self, notebook: Notebook, content: bytes, options: Options, asked: dict[str, Exercise],
        begin: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._notebook, self._content, self._options = notebook, content, options
        self._asked, self._begin = asked, begin
        self._grades: dict[str, Grade] = {}
        self._settled: set[str] = set()
        """Exercises that are not tried again."""
        self._failures: list[_Failure] = []
        self._unsafe: dict[int, str] = {}
        """Cells that did not come to their end, and why: of these only definitions are run."""
        self._dropped: set[int] = set()
        """Cells that did not even then."""
        self._cell: int | None = None
        self._trying: str | None = None
        self._given_up = False
        self._until = monotonic() + CELLS_TOGETHER

    def grade(self, asked: Exercise) -> Grade:
        """What became of an exercise."""
        return self._grades.get(asked.key) or self._missing(asked)

    def run(self, sandbox: Sandbox) -> None:
        """Run the notebook, as often as it takes to reach its end.

        Raises:
            SandboxError: it does not begin.
        """
        for _ in range(ROOMS):
            self._cell, self._trying, self._failures = None, None, []
            room = sandbox.open()
            try:
                self._listen(room)
                return
            except ClosedError as error:
                self._go_round(endless(self._options.seconds).failure or "" if room.is_late else str(error))
            except (LookupError, TypeError, ValueError, AttributeError):
                self._go_round(UNREADABLE)
            finally:
                room.end()
        self._given_up = True

    def _go_round(self, why: str) -> None:
        """Leave out, the next time, what has brought the process down."""
        if self._trying is not None:
            self._settled.add(self._trying)
        elif self._cell is None:
            raise SandboxError(f"a notebook's process ended before its first cell: {why}")
        else:
            if self._cell in self._unsafe:
                self._dropped.add(self._cell)
            self._unsafe[self._cell] = why

    def _listen(self, room: Channel) -> None:
        cells = [cell for cell in self._notebook.cells if cell[0] not in self._dropped]
        left = max(self._until - monotonic(), 0.0)
        room.send({"cells": cells, "unsafe": [*self._unsafe], "seconds": self._options.seconds, "together": left})
        while True:
            message = room.receive(self._options.seconds + LATER)
            if "cell" in message:
                self._cell = int(message["cell"])
            elif "failed" in message:
                self._failures.append(_Failure.of(self._cell or 0, message))
            elif "check" in message:
                self._check(room, message)
            elif "end" in message:
                unseen = next((key for key in self._asked if key not in self._grades.keys() | self._settled), None)
                if unseen is None:
                    return
                self._settled.add(unseen)
                room.send({"key": unseen, "name": self._notebook.function_name(self._asked[unseen])})
            else:
                raise ClosedError(_how_it_ended(message))

    def _check(self, room: Channel, message: dict[str, Any]) -> None:
        """Try the function of a check, unless it is known what becomes of it."""
        asked = self._asked.get(str(message["check"]))
        before = self._grades.get(asked.key) if asked else None
        if asked and not (before and (before.solved or asked.key in self._settled)):
            self._trying = asked.key
            self._begin(asked.key)
            trial = _Trial(room, asked, self._options, seed_of(self._content, asked.key, self._options.seed))
            code = str(message["text"]) or self._notebook.text_of(self._notebook.function_name(asked))
            no_function = "" if message["is_function"] is True else str(message["type"])[:100]
            try:
                grade = trial.grade(code, no_function, self._notebook.claims(asked.key))
            except Exception as error:
                words = f"the grader itself failed at it ({type(error).__name__}: {error}); the next run tries again"
                grade = Grade("", "", asked.key, "not graded", words)
            self._grades[asked.key] = self._with_reasons(asked, grade)
            self._until += trial.seconds
            if trial.broken:
                raise ClosedError("its process is gone")
            self._trying = None
        room.send({"enough": True})

    def _with_reasons(self, asked: Exercise, grade: Grade) -> Grade:
        """A grade, and what else there is to say: why a name is not there, and that the check is not."""
        if not self._notebook.checks(asked.key):
            grade = replace(grade, flags=(*grade.flags, "its check is no longer in the notebook"))
        name = re.search(r"name '(\w+)' is not defined", grade.diagnosis)
        why = self._why_missing(name[1]) if name and not grade.solved else None
        return replace(grade, diagnosis=f"{grade.diagnosis}\n{why}") if why else grade

    def _why_missing(self, name: str) -> str | None:
        failure = next((one for one in reversed(self._failures) if name in one.names), None)
        cell = self._notebook.last_cell_that_makes(name)
        if failure:
            return f"{name} is made in cell {failure.cell}, which {failure.why}."
        return f"{name} is made in cell {cell}: {self._unsafe[cell]}." if cell in self._unsafe else None

    def _missing(self, asked: Exercise) -> Grade:
        """The grade of an exercise whose function was never seen."""
        name = self._notebook.function_name(asked)
        about = Grade("", "", asked.key, "missing", "", cases=len([*asked.cases(Random(SEED))]))
        broken = next((one for one in self._failures if one.syntax and name in one.names), None)
        if broken:
            line = f", line {broken.line}" if broken.line else ""
            return replace(about, status="syntax error", diagnosis=f"cell {broken.cell}{line}: {broken.words}")
        if self._given_up:
            words = (
                f"the notebook brought its process down {ROOMS} times, and this was not reached: look at it by hand."
            )
            return replace(about, status="died", diagnosis=words)
        why = self._why_missing(name)
        if why is None:
            why = f"there is no function {name}: its cell was deleted, or the function renamed."
        claimed = ("the notebook shows it as solved, and its function is not there",)
        return replace(about, diagnosis=why, flags=claimed if self._notebook.claims(asked.key) else ())


class _Trial:
    """A function of a notebook, on an exercise's cases."""

    def __init__(self, room: Channel, asked: Exercise, options: Options, seed: int) -> None:
        self._room, self._asked, self._options, self._seed = room, asked, options, seed
        self._began = monotonic()
        self.broken: Outcome | None = None
        """How its process ended, if it did."""

    @property
    def seconds(self) -> float:
        """Since it began."""
        return monotonic() - self._began

    def grade(self, code: str, no_function: str, claimed: bool) -> Grade:
        """Judge it.

        Args:
            code: its text.
            no_function: the type of what is no function; else empty.
            claimed: whether the notebook shows it as solved.
        """
        cases = [*self._asked.cases(Random(self._seed))]
        outcome = cache(lambda place: self._call(cases[place]))
        verdict = self._verdict(code, no_function, cases, outcome)
        status: Status = "solved" if verdict.solved else "not begun" if verdict.open else "wrong"
        if status == "wrong" and verdict.cases:
            status = OF_KIND[outcome(verdict.cases - 1).kind]
        right = len(cases) if verdict.solved else 0
        if status in ("wrong", "crashed"):
            right = sum(is_right(self._asked, outcome(place), one) for place, one in enumerate(cases))
        return Grade(
            "", "", self._asked.key, status, verdict.words, right, len(cases), code=code, picture=verdict.picture,
            flags=self._flags() if claimed and status == "wrong" else (), seconds=round(self.seconds, 2),
            seed=self._seed, shape=shape_of(code) if verdict.solved else "",
        )  # fmt: skip

    def _verdict(
        self, code: str, no_function: str, cases: list[tuple[Any, ...]], outcome: Callable[[int], Outcome]
    ) -> Verdict:
        if no_function:
            return Verdict(self._asked.key, False, f"A function is asked for, and this is of type {no_function}.", 0)
        if self._asked.is_untouched(code):
            return Verdict(self._asked.key, False, OPEN, 0, open=True)
        return diagnose(self._asked, cases, outcome)

    def _flags(self) -> tuple[str, ...]:
        """What to look at where the notebook shows as solved what is not."""
        own = [*self._asked.cases(Random(SEED))]
        if all(is_right(self._asked, self._call(arguments), arguments) for arguments in own):
            return ("right on the numbers of the notebook's own check, and wrong on others",)
        return () if self.broken else ("the notebook shows it as solved, and the same cases fail here",)

    def _call(self, arguments: tuple[Any, ...]) -> Outcome:
        """What becomes of a call; after the process has ended, that it has."""
        together = CASES_TOGETHER * self._options.seconds
        if self.broken is None and self.seconds > together:
            return Outcome(failure=f"it takes more than {together:g} seconds for all cases together", kind="endless")
        try:
            return self.broken or self._called(arguments)
        except ClosedError as error:
            late = self._room.is_late
            self.broken = endless(self._options.seconds) if late else Outcome(failure=str(error), kind="died")
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError):
            self.broken = Outcome(failure=UNREADABLE, kind="died")
        return self.broken

    def _called(self, arguments: tuple[Any, ...]) -> Outcome:
        kept: list[Any] = []
        given = encode([*deepcopy(arguments)], kept)
        self._room.send({"call": given, "own_work": self._asked.own_work})
        while True:
            message = self._room.receive(self._options.seconds + LATER)
            if "ask" in message:
                self._room.send(_answer(kept, message))
            elif "returned" in message:
                return Outcome(decode(message["returned"]))
            elif "failure" in message:
                kind: Kind = next(kind for kind in OF_KIND if kind == message["kind"])
                return Outcome(failure=str(message["failure"])[:2000], kind=kind)
            else:
                raise ClosedError(_how_it_ended(message))


def _answer(kept: list[Any], message: dict[str, Any]) -> dict[str, Any]:
    """Call a method of an argument that has stayed here."""
    method = str(message["method"])
    if method.startswith("_") and method != "__call__":
        return {"raised": "AttributeError", "words": method}
    try:
        called = getattr(kept[message["ask"]], method)
        return {"answer": encode(called(*decode(message["arguments"])))}
    except Exception as error:
        return {"raised": type(error).__name__, "words": str(error)}


def _how_it_ended(message: dict[str, Any]) -> str:
    if "ended" not in message:
        return UNREADABLE
    status = message["ended"]
    if isinstance(status, int) and status < 0:
        return f"it brought the whole process down (signal {-status})"
    return "it ended the whole process: leave out os._exit() and the like"
