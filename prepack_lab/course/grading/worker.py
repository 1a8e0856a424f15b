"""A separate process that calls a student's function: limited in time and memory, without network.

What the function returns goes to the grader as JSON, case by case, and is judged there: this process is not trusted.
"""

from __future__ import annotations

import ast
import ctypes
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any, Literal

import torch
from IPython.core.getipython import get_ipython
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display
from traitlets.config import Config

import prepack_lab as lab
from prepack_lab import (  # noqa: F401 - what lessons import
    course,
    forward,
    masks,
    packed_batch,
    packing,
    prefilling,
)
from prepack_lab.course.exercises.catalogue import exercise
from prepack_lab.course.grading.definitions import ANSWERS_IN, defines, imports
from prepack_lab.course.inside.attempt import Outcome, attempt
from prepack_lab.course.inside.wire import TooMuchError, encode

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

LARGEST_FILE = 10_000_000
"""Bytes that a function may write into a file."""

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
"""Flags of Linux's unshare: a network of its own has no connections."""

NETWORK = ("socket.", "urllib.", "http.client", "ftplib.", "smtplib.", "ssl.")
PROCESSES = ("subprocess.", "os.system", "os.fork", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "pty.")
CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "os.chmod", "os.link", "os.symlink",
           "os.kill", "os.putenv", "shutil.")  # fmt: skip
"""Audit events (PEP 578) of what no function of an exercise needs to do."""


@dataclass(frozen=True)
class Task:
    """What is to be run."""

    key: str
    """Of the exercise."""
    function: str
    """Its name in the notebook."""
    definitions: tuple[tuple[str, str], ...]
    """Name and source of each cell that defines something; its other statements are not run (see `defines`)."""
    seed: int
    """Of the random cases, which differ from student to student."""
    seconds: float
    memory_bytes: int
    folder: str
    """An empty folder to run in; the grader removes it."""


class ForbiddenError(BaseException):
    """The function did something that no exercise needs; no `except Exception` of its own catches it."""


def run(task: Task, answer: Connection) -> None:
    """Run a task, and send a message per case; the first says that the limits are set, the last that it is done."""
    cases = [*exercise(task.key).cases(Random(task.seed))]
    os.chdir(task.folder)
    _be_silent()
    InteractiveShell.instance(ipython_dir=task.folder, config=Config(HistoryManager={"enabled": False}))
    _limit(task)
    _forget_the_answers()
    guard = _Guard(task.folder)
    sys.addaudithook(guard)
    _send(answer, {"ready": True})
    for outcome in _outcomes(task, cases, guard):
        _send(answer, outcome)
    _send(answer, {"done": True})
    answer.close()


def _outcomes(task: Task, cases: Sequence[tuple[Any, ...]], guard: _Guard) -> Iterator[dict[str, Any]]:
    """A message per case, up to the first after which no more can be tried."""
    made = _attempt(partial(_define, task, guard), (), task.seconds, guard)
    if made.failure is not None:
        yield _message(replace(made, failure=f"before the function was called, {made.failure}"))
        return
    for arguments in cases:
        outcome = _attempt(made.returned, arguments, task.seconds, guard)
        yield _message(outcome)
        if outcome.kind in ("endless", "memory", "forbidden", "exit"):
            return


def _attempt(function: Callable[..., Any], arguments: Sequence[Any], seconds: float, guard: _Guard) -> Outcome:
    """An attempt under guard; where something was refused, that is the outcome, whatever the function made of it."""
    with guard.on("everything"):
        try:
            outcome = attempt(function, arguments, seconds)
        except ForbiddenError as error:
            return Outcome(failure=str(error), kind="forbidden")
    return Outcome(failure=guard.refused, kind="forbidden") if guard.refused else outcome


def _define(task: Task, guard: _Guard) -> Callable[..., Any]:
    """Run a notebook's definitions one by one, and return the function; those that it does not need may fail."""
    of_jupyter = {"__name__": "__main__", "display": display, "get_ipython": get_ipython}
    namespace: dict[str, Any] = {**of_jupyter, "lab": lab, "torch": torch}
    failed: Exception | None = None
    for name, source in task.definitions:
        for node in filter(defines, ast.parse(source).body):
            with guard.on("imports" if imports(node) else "everything"):
                try:
                    exec(compile(ast.Module([node], []), f"<{name}>", "exec"), namespace)
                except Exception as error:
                    failed = error
    if task.function not in namespace:
        raise failed or NameError(f"{task.function} is not defined")
    return namespace[task.function]


def _message(outcome: Outcome) -> dict[str, Any]:
    if outcome.failure is not None:
        return {"failure": outcome.failure, "kind": outcome.kind}
    try:
        return {"returned": encode(outcome.returned)}
    except TooMuchError:
        return {"failure": "it returned more than a million numbers or letters", "kind": "too much"}
    except Exception as error:
        return {"failure": f"what it returned can't be read: {type(error).__name__}", "kind": "too much"}


def _send(answer: Connection, message: dict[str, Any]) -> None:
    answer.send_bytes(json.dumps(message).encode())


def _be_silent() -> None:
    """Send all that is printed nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    sys.stdin = open(os.devnull)  # noqa: SIM115 - as long as the process lives


def _limit(task: Task) -> None:
    """Limit memory, processor time and files, and leave the network, as far as the system allows it."""
    torch.set_num_threads(1)
    sys.dont_write_bytecode = True
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # not allowed everywhere; the guard holds in any case
            ctypes.CDLL(None).unshare(NEW_USER | NEW_NETWORK)
    if resource is None:
        return
    seconds = int(task.seconds * 3) + 5  # the grader's clock comes first; this holds if the grader is gone
    limits = [(resource.RLIMIT_CPU, seconds), (resource.RLIMIT_FSIZE, LARGEST_FILE), (resource.RLIMIT_CORE, 0)]
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])  # Linux: what is mapped already
        limits.append((resource.RLIMIT_AS, pages * os.sysconf("SC_PAGE_SIZE") + task.memory_bytes))
    for limit, most in limits:
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, (most, most))


def _forget_the_answers() -> None:
    """Take the references away, and all that leads to them."""
    for name in [name for name in sys.modules if name.startswith(ANSWERS_IN)]:
        del sys.modules[name]
    for name in ("check", "hint", "solution", "progress"):
        setattr(lab, name, lambda *_: None)
    if hasattr(course, "exercises"):
        del course.exercises
    vars(course)["capstone"] = None  # a lesson imports it, and nothing that is graded calls it


class _Guard:
    """An audit hook, which can't be removed: it refuses what no exercise needs."""

    def __init__(self, folder: str) -> None:
        self.refused = ""
        """What was refused first, in words."""
        self._folder, self._watches = os.path.realpath(folder), ""

    @contextmanager
    def on(self, watches: Literal["imports", "everything"]) -> Iterator[None]:
        """Watch everything, or, while a library is imported, only the network and the lab's answers."""
        before, self._watches = self._watches, watches
        try:
            yield
        finally:
            self._watches = before

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._watches and (words := self._wrong(event, arguments)):
            self.refused = self.refused or words
            raise ForbiddenError(words)

    def _wrong(self, event: str, arguments: tuple[Any, ...]) -> str | None:
        if event.startswith(NETWORK):
            return "it tried to reach the network"
        if event == "import" and str(arguments[0]).startswith(ANSWERS_IN):
            return "it asks the lab's own exercises for the answer"
        if self._watches == "imports":
            return None
        if event.startswith(PROCESSES):
            return "it tried to start another program"
        if event.startswith(CHANGES):
            return f"it tried to change files or processes ({event})"
        if event == "open" and _writes(arguments) and not self._is_inside(arguments[0]):
            return "it tried to write a file"
        return None

    def _is_inside(self, path: Any) -> bool:
        if isinstance(path, int):
            return True
        real = os.path.realpath(os.fsdecode(path))
        return real in (self._folder, os.path.realpath(os.devnull)) or real.startswith(self._folder + os.sep)


def _writes(arguments: tuple[Any, ...]) -> bool:
    _, mode, flags = arguments
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return bool(flags & (os.O_WRONLY | os.O_RDWR)) if isinstance(flags, int) else False
