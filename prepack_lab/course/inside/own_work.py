"""Exercises that ask for one's own work: what the lab has for it refuses to work while a function is tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import FunctionType


class NotYourOwnError(BaseException):
    """The function calls what it is to be itself; no `except Exception` catches it."""


_refused: list[str] = []


@contextmanager
def without(modules: Sequence[str]) -> Iterator[list[str]]:
    """Make the functions and methods of modules refuse, by whatever name somebody holds them.

    Yields:
        What was refused, so that nobody who catches the error passes.
    """
    _refused.clear()
    found = [function for name in modules for function in _functions(name)]
    codes = [function.__code__ for function in found]
    try:
        for function in found:
            function.__code__ = _refuse.__code__
        yield _refused
    finally:
        for function, code in zip(found, codes, strict=True):
            function.__code__ = code


def _functions(module: str) -> Iterator[FunctionType]:
    """Functions and methods that a module defines; those that hold variables of another can't change their code."""
    try:
        inside = [*vars(import_module(module)).values()]
    except ImportError:  # it is left out of the sandbox
        return
    inside += [method for kind in inside if isinstance(kind, type) and kind.__module__ == module
               for method in vars(kind).values()]  # fmt: skip
    for one in inside:
        if isinstance(one, FunctionType) and one.__module__ == module and not one.__code__.co_freevars:
            yield one


def _refuse(*_, **__):  # the code of another function, which sees the names of its own module
    from prepack_lab.course.inside.own_work import refuse

    refuse()


def refuse() -> None:
    """Note that something was refused, and refuse it."""
    _refused.append(WORDS)
    raise NotYourOwnError(WORDS)


WORDS = "it calls the lab's own function for this, and the exercise asks for yours"
