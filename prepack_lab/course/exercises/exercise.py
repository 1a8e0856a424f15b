"""An exercise: a task, a reference, cases to try, and the mistakes that people make."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from textwrap import dedent, indent
from types import CodeType
from typing import Any, Literal

Level = Literal["warm-up", "core", "challenge"]


@dataclass(frozen=True)
class WrongAnswer:
    """A mistake that people make."""

    function: Callable[..., Any]
    """Makes the mistake: a learner's function that agrees with it gets the diagnosis."""
    diagnosis: str
    """What is wrong, in a sentence that does not give the answer away."""


@dataclass(frozen=True)
class Exercise:
    """An exercise of a lesson: the learner writes a function, `check` tries it."""

    key: str
    """Lesson and name: "02-next-fit"."""
    title: str
    minutes: int
    level: Level
    task: str
    """What the function takes and what it returns, as the lesson says it."""
    reference: Callable[..., Any]
    cases: Callable[[Random], Iterable[tuple[Any, ...]]]
    """Arguments to try, the smallest first: examples by hand, then random ones."""
    judge: Callable[..., str | None]
    """(returned, expected, *arguments) → what is wrong with it, or None."""
    hints: tuple[str, ...]
    stub: str = "return ..."
    """The lines that a learner fills in, below the first line of the function."""
    wrong: Mapping[str, WrongAnswer] = field(default_factory=dict)
    related: bool = True
    """Whether to say what holds between a wrong answer and the right one; not where the judge names the place."""
    exact_dtype: bool = False
    """Whether the statement asks for a dtype; else any whole numbers, or any floats, will do."""
    own_work: tuple[str, ...] = ()
    """Modules of the lab that a function must not use, as they do what it is to do."""

    @property
    def statement(self) -> str:
        """The task, and what must not be used, as the lesson says it."""
        if not self.own_work:
            return self.task
        modules = " and ".join(f"`{module}`" for module in self.own_work)
        own = f"Write it yourself: what the lab has for it, in {modules}, refuses to work while yours is checked."
        return f"{self.task}\n\n{own}"

    @property
    def lesson(self) -> str:
        """The number of its lesson: "02"."""
        return self.key.split("-")[0]

    @property
    def solution(self) -> str:
        """The reference, as text."""
        return dedent(inspect.getsource(self.reference))

    @property
    def open(self) -> str:
        """The function as the learner finds it, as text."""
        return self._with(self.stub)

    def _with(self, lines: str) -> str:
        """The function with these lines, as text."""
        head = f"def {self.reference.__name__}({', '.join(self.signature)}):\n"
        return head + indent(dedent(lines).strip("\n"), "    ")

    def is_untouched(self, function: CodeType | str | None) -> bool:
        """Whether a function, given as its code or its text, is the stub, or holds nothing."""
        try:
            gist = _gist(function)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        return gist is not None and gist in [_gist(self._with(lines)) for lines in (self.stub, "pass", "return ...")]

    @property
    def signature(self) -> tuple[str, ...]:
        """The names of the function's arguments."""
        return tuple(inspect.signature(self.reference).parameters)


def _gist(function: CodeType | str | None) -> tuple[Any, ...] | None:
    """What a function does, whatever its name, its file and its lines; None where there is none."""
    if isinstance(function, str):
        return next((_gist(one) for one in compile(function, "", "exec").co_consts if isinstance(one, CodeType)), None)
    if function is None:
        return None
    held = tuple(_gist(one) if isinstance(one, CodeType) else (type(one), one) for one in function.co_consts)
    return function.co_code, function.co_names, function.co_varnames, held
