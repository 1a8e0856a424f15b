"""A student's notebook, run as a notebook: by IPython, cell by cell, where `lab.check` asks the grader for cases."""

from __future__ import annotations

import ast
import builtins
import inspect
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from tempfile import gettempdir
from time import monotonic
from types import ModuleType
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import prepack_lab as lab
from prepack_lab.course.inside.attempt import Outcome, TimeUp, attempt
from prepack_lab.course.inside.channel import Channel
from prepack_lab.course.inside.wire import TooMuchError, decode, encode

OTHERS = ("hint", "solution", "progress")
"""What else lessons call, and what does nothing here."""
NOTE = "__prepack_lab_note__"
MOST_CHECKS = 5
"""Of one exercise; a notebook has one."""
LONGEST = 100_000
"""Letters of a function's text."""
SAFE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
"""Statements that end; all that is run of a cell that did not."""


def new_shell() -> InteractiveShell:
    """IPython as in a notebook: magics, `display`, a module `__main__`. It shows nothing, and starts no programs."""
    module = ModuleType("__main__")
    shell = InteractiveShell.instance(
        user_module=module, ipython_dir=gettempdir(), config=Config(HistoryManager={"enabled": False})
    )
    silent: tuple[tuple[str, Any], ...] = (
        ("showtraceback", None), ("showsyntaxerror", None), ("system", None), ("getoutput", [])
    )  # fmt: skip
    for name, value in silent:
        setattr(shell, name, lambda *_, value=value, **__: value)
    shell.run_cell("%time None", silent=True)  # the first one takes longer
    return shell


class Notebook:
    """A notebook, as the grader has asked for it."""

    def __init__(self, shell: InteractiveShell, channel: Channel, seconds: float) -> None:
        self._channel, self._seconds = channel, seconds
        self._names, self._run_cell = shell.user_ns, shell.run_cell
        self._checks: dict[str, int] = {}
        self._checking = 0.0
        """Seconds that checks have taken."""
        vars(lab)["check"] = self.check
        vars(lab).update(dict.fromkeys(OTHERS, lambda *_, **__: None))
        self._one_by_one = _OneByOne()
        shell.ast_transformers.append(self._one_by_one)
        setattr(builtins, NOTE, self._note)

    def run(self, cells: Sequence[tuple[int, str]], unsafe: Sequence[int], together: float) -> None:
        """Run the cells in order, then whatever functions the grader asks for by name.

        Args:
            cells: the number and source of each.
            unsafe: numbers of cells that did not end before: only their definitions and checks are run.
            together: seconds that all cells may take, without their checks; the later ones are then unsafe, too.
        """
        until = monotonic() + together
        for number, source in cells:
            self._channel.send({"cell": number})
            self._one_by_one.only_safe = number in unsafe or monotonic() > until + self._checking
            try:
                done = self._run_cell(source, silent=True)
                unread = done.error_before_exec or done.error_in_exec
            except ValueError as error:  # letters that no file can hold
                unread = error
            if unread is not None:
                self._could_not_read(source, unread)
        self._channel.send({"end": True})
        while True:
            asked = self._channel.receive()
            if asked["name"] in self._names:
                self.check(asked["key"], self._names[asked["name"]])
            self._channel.send({"end": True})

    def check(self, key: Any = None, function: Any = None, *_: Any, **__: Any) -> None:
        """What a notebook's `lab.check` does here: have the grader try a function."""
        key = str(key)
        self._checks[key] = self._checks.get(key, 0) + 1
        if self._checks[key] > MOST_CHECKS:
            return
        began = monotonic()
        self._channel.send({"check": key, "is_function": callable(function), **_described(function)})
        while (asked := self._channel.receive()) and "call" in asked:
            _reap()
            arguments = decode(asked["call"], self._ask)
            outcome = attempt(function, arguments, self._seconds, asked["own_work"])
            self._channel.send(_message(outcome))
        self._checking += monotonic() - began

    def _ask(self, number: int, method: str, arguments: Sequence[Any]) -> Any:
        self._channel.send({"ask": number, "method": method, "arguments": encode([*arguments])})
        answer = self._channel.receive()
        if "raised" in answer:
            raise getattr(builtins, answer["raised"], RuntimeError)(answer["words"])
        return decode(answer["answer"])

    def _note(self, place: int) -> None:
        """Tell the grader of a statement that failed; only the end of the time is no failure of its own."""
        error = sys.exc_info()[1]
        if isinstance(error, TimeUp):
            raise error
        statement = self._one_by_one.statements[place]
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        self._failed([*_names(statement)], statement.lineno, _words(error), missing)

    def _could_not_read(self, source: str, error: BaseException) -> None:
        names = re.findall(r"^\s*(?:async\s+)?def\s+(\w+)", source, re.MULTILINE)
        line = getattr(error, "lineno", None)
        self._failed(names, line, _words(error), None, isinstance(error, SyntaxError | ValueError))

    def _failed(self, names: list[str], line: Any, words: str, missing: Any, syntax: bool = False) -> None:
        self._channel.send({"failed": words, "names": names, "line": line, "missing": missing, "syntax": syntax})


class _OneByOne(ast.NodeTransformer):
    """Lets a cell go on after a statement that fails, such as one that loads a model, which is not here."""

    def __init__(self) -> None:
        self.statements: list[ast.stmt] = []
        self.only_safe = False

    def visit_Module(self, cell: ast.Module) -> ast.Module:
        kept = [one for one in cell.body if not self.only_safe or isinstance(one, SAFE) or _is_check(one)]
        return ast.fix_missing_locations(ast.Module([self._alone(one) for one in kept], cell.type_ignores))

    def _alone(self, statement: ast.stmt) -> ast.stmt:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            return statement
        self.statements.append(statement)
        note = ast.Call(ast.Name(NOTE, ast.Load()), [ast.Constant(len(self.statements) - 1)], [])
        handler = ast.ExceptHandler(None, None, [ast.Expr(note)])
        return ast.copy_location(ast.Try([statement], [handler], [], []), statement)


def _reap() -> None:
    """Forget children that have ended: nobody else does, where this is the first process."""
    with suppress(OSError):
        while hasattr(os, "WNOHANG") and os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _is_check(statement: ast.stmt) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "check"


def _names(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement makes."""
    for part in ast.walk(statement):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
        elif isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield part.name
        elif isinstance(part, ast.alias):
            yield (part.asname or part.name).split(".")[0]


def _described(function: Any) -> dict[str, str]:
    """A function's text, for people to read, and the type of what is no function."""
    try:
        text = inspect.getsource(function.func if isinstance(function, partial) else function)
    except Exception:  # made in a cell with a magic, by exec, or by a class of its own
        text = ""
    return {"text": text[:LONGEST], "type": type(function).__name__}


def _words(error: BaseException | None) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:500]
    except Exception:  # its text can't be shown
        return type(error).__name__


def _message(outcome: Outcome) -> dict[str, Any]:
    if outcome.failure is not None:
        return {"failure": outcome.failure, "kind": outcome.kind}
    try:
        return {"returned": encode(outcome.returned)}
    except TooMuchError:
        return {"failure": "it returned more than 100,000 numbers or letters", "kind": "too much"}
    except Exception as error:
        return {"failure": f"what it returned can't be read: {type(error).__name__}", "kind": "too much"}


def serve(shell: InteractiveShell, channel: Channel) -> None:
    """Run the notebook that the grader sends."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=channel.end)  # one process speaks for the notebook
    channel.send({"ready": True})
    asked = channel.receive()
    Notebook(shell, channel, asked["seconds"]).run(asked["cells"], asked["unsafe"], asked["together"])
