"""`check`, `hint` and `solution`, which a learner calls. None of them stops a notebook that is run to its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from random import Random
from time import monotonic
from typing import Any

import torch

from prepack_lab.course.exercises.attempt import SECONDS, Outcome, attempt, endless
from prepack_lab.course.exercises.catalogue import exercise
from prepack_lab.course.exercises.exercise import Exercise
from prepack_lab.course.exercises.judges import same
from prepack_lab.course.exercises.progress import Progress
from prepack_lab.course.stale_kernel import restart_kernel

SEED = 0
COMPARED = 40
"""Cases in which a function is compared with known mistakes."""
LEAST_SECONDS = 0.05
"""For a case that comes when the time is up: enough for any function that is as fast as it should be."""
SMALL = 25
"""Numbers in the largest tensor that is shown whole."""


@dataclass(frozen=True)
class Verdict:
    """The result of a check."""

    key: str
    solved: bool
    words: str
    cases: int
    """Tried, up to the first that failed."""

    def __str__(self) -> str:
        return f"{'✓' if self.solved else '✗'} {self.key}: {self.words}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        colour = "#009E73" if self.solved else "#D55E00"
        mark = "✓ Solved." if self.solved else "✗ Not yet."
        lines = "<br>".join(escape(line) for line in self.words.splitlines())
        return (
            f"<div role='status' style='border-left:4px solid {colour}; padding:4px 12px'>"
            f"<b>{mark}</b> {lines} <code>{escape(self.key)}</code></div>"
        )


@dataclass(frozen=True)
class Note:
    """A few lines of text, shown as they are."""

    title: str
    text: str
    code: bool = False

    def __str__(self) -> str:
        return f"{self.title}\n{self.text}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        tag = "pre" if self.code else "p"
        return f"<div><b>{escape(self.title)}</b><{tag}>{escape(self.text)}</{tag}></div>"


def check(key: str, function: Callable[..., Any]) -> Verdict:
    """Try a function on the cases of an exercise: examples by hand, then random ones.

    Args:
        key: of the exercise, such as "02-next-fit".
        function: yours.

    Returns:
        A verdict that the notebook shows: solved, or the smallest case that fails, and why.

    Raises:
        ValueError: there is no such exercise; says which there are.
    """
    asked = exercise(key)
    if not callable(function):
        return Verdict(key, False, f"This is a {type(function).__name__}, and a function is asked for.", 0)
    verdict = _try(asked, function)
    saved = Progress.record(key, verdict.solved)
    unsaved = "" if saved else "(Progress could not be kept: this folder can't be written.)"
    return replace(verdict, words="\n".join(filter(None, (verdict.words, unsaved, restart_kernel()))))


def _try(asked: Exercise, function: Callable[..., Any]) -> Verdict:
    cases, until = [*asked.cases(Random(SEED))], monotonic() + SECONDS

    def outcome_of(place: int) -> Outcome:
        outcome = attempt(function, cases[place], max(until - monotonic(), LEAST_SECONDS))
        return endless(SECONDS) if outcome.kind == "endless" else outcome

    return diagnose(asked, cases, outcome_of)


def diagnose(asked: Exercise, cases: Sequence[tuple[Any, ...]], outcome_of: Callable[[int], Outcome]) -> Verdict:
    """Judge what became of each case: find the smallest that fails, and the known mistake behind it.

    Args:
        asked: the exercise.
        cases: arguments, the smallest first.
        outcome_of: index of a case → what became of it; called at most once per case, for no more than are needed.
    """
    outcome_of = cache(outcome_of)
    for place, arguments in enumerate(cases):
        outcome = outcome_of(place)
        wrong = _wrong(asked, outcome, arguments)
        if wrong is not None:
            mistake = None if outcome.kind == "endless" else _mistake(asked, cases, outcome_of)
            return Verdict(asked.key, False, wrong if mistake is None else f"{wrong}\n{mistake}", place + 1)
    return Verdict(asked.key, True, f"{len(cases)} case{'s' if len(cases) > 1 else ''}, all right.", len(cases))


def _wrong(asked: Exercise, outcome: Outcome, arguments: tuple[Any, ...]) -> str | None:
    """What is wrong with an outcome, in words; None where it is right."""
    named = ", ".join(f"{name} = {_short(value)}" for name, value in zip(asked.signature, arguments, strict=True))
    given = f"With {named}: " if named else ""
    if outcome.failure is not None:
        return f"{given}{outcome.failure}"
    if _is_open(outcome.returned):
        return "Your function returned nothing. Fill it in, and end it with return."
    expected = asked.reference(*deepcopy(arguments))
    try:
        wrong = asked.judge(outcome.returned, expected, *arguments)
    except Exception:  # it can't even be looked at
        wrong = f"This {type(outcome.returned).__name__} can't be compared with what is asked for."
    if wrong is None:
        return None
    returned = f"ou returned {_short(outcome.returned)}"
    if not asked.signature:  # the right value would be the answer itself
        return f"Y{returned}.\n{wrong}"
    return f"{given}y{returned}, and right is {_short(expected)}.\n{wrong}"


def _is_open(returned: Any) -> bool:
    """Whether nothing was filled in: a stub returns `...`, or several of them."""
    several = returned.values() if isinstance(returned, dict) else returned
    some_open = isinstance(returned, list | tuple | dict) and any(value is ... for value in several)
    return returned is None or returned is ... or some_open


def _mistake(asked: Exercise, cases: Sequence[tuple[Any, ...]], outcome_of: Callable[[int], Outcome]) -> str | None:
    """The diagnosis of the known mistake that agrees with the function in every case; None where there is none."""
    compared = cases[:COMPARED]
    for wrong in asked.wrong.values():
        same_so_far = (_alike(attempt(wrong.function, case), outcome_of(place)) for place, case in enumerate(compared))
        if all(same_so_far):
            return wrong.diagnosis
    return None


def _alike(first: Outcome, second: Outcome) -> bool:
    if first.failure is not None or second.failure is not None:
        return first.failure is not None and second.failure is not None
    try:
        return same(first.returned, second.returned)
    except Exception:  # they can't be compared
        return False


def hint(key: str) -> Note:
    """The next hint of an exercise; after the last, the first again."""
    asked = exercise(key)
    step = Progress.load().hints.get(key, 0) % len(asked.hints)
    Progress.took_hint(key)
    return Note(f"Hint {step + 1} of {len(asked.hints)}", asked.hints[step])


def solution(key: str) -> Note:
    """The reference of an exercise, as text."""
    asked = exercise(key)
    return Note(f"{asked.title}: one way to do it", asked.solution, code=True)


def _short(value: Any) -> str:
    """A value in at most 160 letters; a small tensor as nested lists, a larger one by its shape."""
    try:
        if isinstance(value, torch.Tensor):
            kind = str(value.dtype).removeprefix("torch.")
            small = value.numel() <= SMALL
            return f"{kind} {_numbers(value.tolist())}" if small else f"a {kind} tensor of shape {[*value.shape]}"
        text = repr(value)
    except Exception:  # a broken __repr__, a tensor without data, an integer of thousands of digits
        return f"a {type(value).__name__} that can't be shown"
    return text if len(text) <= 160 else f"{text[:157]}…"


def _numbers(nested: Any) -> str:
    """Nested lists of numbers, with four digits at most."""
    if isinstance(nested, list):
        return f"[{', '.join(map(_numbers, nested))}]"
    return f"{nested:.4g}" if isinstance(nested, float) else str(nested)
