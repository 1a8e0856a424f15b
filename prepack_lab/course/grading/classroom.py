"""A whole class: many notebooks at once, none of which stops the others; what was graded before is not graded again."""

from __future__ import annotations

import json
import multiprocessing
import signal
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from functools import cache
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

from tqdm.auto import tqdm

from prepack_lab import __version__
from prepack_lab.course import exercises, grading, inside
from prepack_lab.course.grading import judge
from prepack_lab.course.grading.grades import Grade
from prepack_lab.course.grading.judge import Options
from prepack_lab.course.grading.likeness import compared
from prepack_lab.course.grading.reading import LARGEST
from prepack_lab.course.grading.sandbox import Desk, Sandbox, SandboxError, Wall, check_ipython, find_wall
from prepack_lab.course.grading.submissions.finding import Submission, find_submissions
from prepack_lab.course.grading.submissions.roster import Student, match
from prepack_lab.course.inside.namespaces import limit_memory
from prepack_lab.measuring.machine import cores

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

RECORD = "grades.jsonl"
"""A line per graded notebook, from which a second run starts."""
CODE = tuple(Path(package.__file__ or "").parent for package in (exercises, grading, inside))
"""Folders whose code a grade depends on."""
PATIENCE = 240.0
"""Seconds after which a judge that says nothing is ended."""
JUDGING = 10
"""Processor seconds that reading a notebook may take, and judging an exercise."""
JUDGES_MEMORY = 3_000_000_000
"""Bytes, beside what Python and torch take."""
STARTS = 3
"""How often a sandbox is begun anew for a notebook."""


def grade_folder(
    folder: Path, out: Path, options: Options | None = None, *, roster: Sequence[Student] = (),
    level: int | None = None, jobs: int | None = None, fresh: bool = False, wall: Wall | None = None,
) -> list[Grade]:  # fmt: skip
    """Grade all notebooks below a folder, several at a time, with a progress bar.

    Args:
        folder: with the submissions (see `find_submissions`).
        out: the folder for the record, from which the grades of unchanged notebooks are taken.
        options: what is graded, and what a function may take.
        roster: the class; by default whoever handed in something.
        level: how many folders down the students are; by default as `find_submissions` finds out.
        jobs: notebooks graded at a time; by default as many as there are processors.
        fresh: grade everything again.
        wall: around students' code; by default the strongest that there is.

    Returns:
        Grades of all students, sorted; each exercise once per student, from the best of their notebooks.

    Raises:
        ValueError: no such folder, or nothing in it.
        SandboxError: there is nothing to run students' code in; says what to do.
    """
    options, wall = options or Options(), wall or find_wall()
    check_ipython(wall)
    with TemporaryDirectory(prefix="prepack_lab-grade-") as unpacked:
        submissions = find_submissions(folder, Path(unpacked), level)
        submissions = match(submissions, roster) if roster else submissions
        return grade_all(submissions, out, options, wall, jobs or cores(), fresh)


def grade_all(
    submissions: Sequence[Submission], out: Path, options: Options, wall: Wall, jobs: int, fresh: bool = False
) -> list[Grade]:
    """Grade submissions; for the arguments see `grade_folder`."""
    out.mkdir(parents=True, exist_ok=True)
    record = out / RECORD
    known = {} if fresh else _read(record)
    keys = {one: _key(one, options) for one in submissions}
    grades = {one: known[key] for one, key in keys.items() if key in known}
    todo = [one for one in submissions if one not in grades]
    if fresh or not record.exists():
        record.write_text("", encoding="utf-8")
    with (
        _Desks(wall, options.memory_bytes) as desks,
        ThreadPoolExecutor(min(jobs, max(len(todo), 1))) as pool,
        record.open("a", encoding="utf-8") as kept,
        tqdm(total=len(submissions), initial=len(grades), unit="notebook", desc="grading") as bar,
    ):
        running = {pool.submit(_grade, one, desks, options): one for one in todo}
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
    return compared(_best(_noted(one, grade) for one in submissions for grade in grades[one]))


class _Desks:
    """Sandboxes that are kept ready; a notebook takes one, and gives it back."""

    def __init__(self, wall: Wall, memory_bytes: int) -> None:
        self._wall, self._memory_bytes = wall, memory_bytes
        self._free: SimpleQueue[Desk] = SimpleQueue()
        self._all = ExitStack()

    def __enter__(self) -> _Desks:
        return self

    def __exit__(self, *_: object) -> None:
        self._all.close()

    def take(self) -> Desk:
        """One that is free, or a new one. SandboxError where it does not start."""
        with suppress(Exception):
            return self._free.get_nowait()
        desk = Desk(self._wall, self._memory_bytes)
        self._all.callback(desk.close)
        return desk

    def give_back(self, desk: Desk) -> None:
        """Let another notebook have it."""
        self._free.put(desk)


def _grade(submission: Submission, desks: _Desks, options: Options) -> list[Grade]:
    """The grades of a submission, whatever happens."""
    if submission.path is None:
        return [Grade(submission.student, submission.name, "", "nothing handed in", submission.problem)]
    error: Exception | None = None
    for _ in range(STARTS):
        try:
            desk = desks.take()
            grades = _Sitting(submission, desk.sandbox, options).grades()
            desks.give_back(desk)  # one whose notebook could not begin is not used again
            return grades
        except Exception as failed:
            error = failed
    words = f"the grader itself failed ({type(error).__name__}: {error}); the next run tries again"
    return [Grade(submission.student, submission.name, "", "not graded", words)]


class _Sitting:
    """A notebook's judge, in a process of its own, which is begun again without an exercise that it fails at."""

    def __init__(self, submission: Submission, sandbox: Sandbox, options: Options) -> None:
        self._submission, self._sandbox, self._options = submission, sandbox, options
        self._grades: dict[str, Grade] = {}
        self._judged: str | None = None

    def grades(self) -> list[Grade]:
        """The grades. SandboxError where the notebook could not begin."""
        while not self._sit():
            about = Grade(self._submission.student, self._submission.name, self._judged or "", "unreadable", "")
            if self._judged is None:
                words = (
                    f"reading it takes more than {JUDGING} seconds, or more memory than there is: look at it by hand"
                )
                return [replace(about, diagnosis=words)]
            words = f"judging what it returns takes more than {JUDGING} seconds, or too much memory"
            self._grades[self._judged] = replace(about, status="huge output", diagnosis=words)
        return [*self._grades.values()]

    def _sit(self) -> bool:
        """Have the notebook judged; False where the process that judges was ended by its limits."""
        self._judged = None
        spared = {key for key, grade in self._grades.items() if grade.status == "huge output"}
        mine, its = _processes().Pipe(duplex=False)
        arguments = (self._submission, self._sandbox, self._options, spared, its)
        process = _processes().Process(target=_judge, args=arguments, daemon=True)
        process.start()
        its.close()
        try:
            while mine.poll(PATIENCE):
                kind, value = mine.recv()
                if kind == "failed":
                    raise SandboxError(value)
                if kind == "done":
                    return True
                if kind == "begun":
                    self._judged = value
                else:
                    self._grades[value.exercise] = value
        except EOFError:
            pass
        finally:
            process.kill()
            process.join()
            mine.close()
        return False


def _judge(submission: Submission, sandbox: Sandbox, options: Options, spared: set[str], answer: Connection) -> None:
    """Judge a notebook, within limits, and send what there is to say."""

    def begin(key: str) -> None:
        _limit_time()
        answer.send(("begun", key))

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; what is begun is finished
    limit_memory(JUDGES_MEMORY)
    _limit_time()
    try:
        for grade in judge.grades_of(submission, sandbox, options, spared, begin):
            answer.send(("grade", grade))
        answer.send(("done", None))
    except Exception as error:
        answer.send(("failed", f"{type(error).__name__}: {error}"))


def _limit_time() -> None:
    """Some seconds more, from now on."""
    if resource is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        most = int(used.ru_utime + used.ru_stime) + JUDGING
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


@cache
def _processes() -> Any:
    """How judges are started: where the system can, as forks of a server that has imported the exercises already."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _key(submission: Submission, options: Options) -> str:
    """A digest that changes with anything that a grade depends on."""
    named = f"{__version__}/{_code()}/{submission.student}/{submission.name}/{submission.problem}/{options}/"
    digest = sha256(named.encode("utf-8", "surrogatepass"))
    if submission.path is not None:
        for path in (submission.path, submission.path.with_name("progress.json")):
            with suppress(OSError):
                if path.is_file():
                    digest.update(f"{path.stat().st_size}/".encode())
                    with path.open("rb") as file:  # a larger one is not read
                        digest.update(file.read(LARGEST))
    return digest.hexdigest()


@cache
def _code() -> str:
    """A digest that changes with the exercises and the grader: a task, a case, a judge, the words of a diagnosis."""
    digest = sha256()
    for path in sorted(path for folder in CODE for path in folder.rglob("*.py") if "reports" not in path.parts):
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


def _noted(submission: Submission, grade: Grade) -> Grade:
    """A grade, and what to know of its notebook."""
    late = ("marked as late",) if submission.late else ()
    return replace(grade, flags=(*grade.flags, *filter(None, (submission.note,)), *late))


def _best(grades: Iterable[Grade]) -> list[Grade]:
    """Each exercise once per student: solved before tried before missing. Files that can't be read stay.

    A notebook without exercises, such as the glossary, is no more than a word where there is nothing else.
    """
    rank = {"solved": 0, "not graded": 1, "not begun": 3, "missing": 4}
    best: dict[tuple[str, str], Grade] = {}
    for grade in grades:
        key = grade.student, grade.exercise or grade.notebook
        if key not in best or rank.get(grade.status, 2) < rank.get(best[key].status, 2):
            best[key] = grade
    others = {grade.student for grade in best.values() if grade.diagnosis != judge.NOTHING_ASKED}
    kept = (grade for grade in best.values() if grade.diagnosis != judge.NOTHING_ASKED or grade.student not in others)
    return sorted(kept, key=lambda grade: (grade.student.casefold(), grade.exercise, grade.notebook))
