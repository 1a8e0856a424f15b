"""`check`, `hint` and `solution`, which a learner calls. None of them stops a notebook that is run to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from itertools import takewhile
from random import Random
from time import monotonic
from typing import Any

import torch

from prepack_lab.course.exercises.catalogue import exercise
from prepack_lab.course.exercises.differences import by_argument, picture, relation
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.forms import in_form_of
from prepack_lab.course.exercises.judges import article, same
from prepack_lab.course.exercises.progress import UNSAVED, Progress
from prepack_lab.course.inside.attempt import SECONDS, Outcome, attempt, call
from prepack_lab.course.stale_kernel import restart_kernel

SEED = 0
COMPARED = 40
"""Cases in which a function is compared with known mistakes."""
OPEN = "Nothing has been filled in yet."
NOTHING = (
    "it returned None. Every way through the function must end with return and a value. "
    "print() only shows a value, and sort() and append() change a list in place: all three return None."
)
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
    open: bool = False
    """Whether it has not been filled in yet."""
    picture: str = ""
    """Where a tensor differs from the right one; empty where there is nothing to draw."""

    def __str__(self) -> str:
        mark = "✓" if self.solved else "○" if self.open else "✗"
        return "\n".join(filter(None, (f"{mark} {self.key}: {self.words}", self.picture)))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        colour = "#009E73" if self.solved else "#767676" if self.open else "#D55E00"
        mark = "✓ Solved." if self.solved else "○ Open." if self.open else "✗ Not yet."
        lines = "<br>".join(escape(line) for line in self.words.splitlines())
        picture = f"<pre>{escape(self.picture)}</pre>" if self.picture else ""
        return (
            f"<div role='status' style='border-left:4px solid {colour}; padding:4px 12px'>"
            f"<b>{mark}</b> {lines} <code>{escape(self.key)}</code>{picture}</div>"
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
        A verdict that the notebook shows: solved, still open, or the smallest case that fails, and why. Whatever is
        wrong, the key included, the notebook goes on.
    """
    try:
        asked = exercise(key)
    except ValueError as error:
        return Verdict(str(key), False, _sentence(error), 0)
    if not callable(function):
        return Verdict(key, False, f"This is {article(function)}, and a function is asked for.", 0)
    if asked.is_untouched(getattr(function, "__code__", None)):
        return Verdict(key, False, OPEN, 0, open=True)
    verdict = _try(asked, function)
    saved = Progress.record(key, verdict.solved)
    unsaved = "" if saved else UNSAVED
    return replace(verdict, words="\n".join(filter(None, (verdict.words, unsaved, restart_kernel()))))


def _try(asked: Exercise, function: Callable[..., Any]) -> Verdict:
    cases = [*asked.cases(Random(SEED))]
    return diagnose(asked, cases, lambda place: attempt(function, cases[place], SECONDS, asked.own_work))


def diagnose(asked: Exercise, cases: Sequence[tuple[Any, ...]], outcome_of: Callable[[int], Outcome]) -> Verdict:
    """Judge what became of each case: find the smallest that fails, and what the mistake behind it looks like.

    Args:
        asked: the exercise.
        cases: arguments, the smallest first.
        outcome_of: index of a case → what became of it; called at most once per case, for no more than are needed.
    """
    tries = _Tries(asked, cases, outcome_of)
    for place, arguments in enumerate(cases):
        verdict = _wrong(asked, tries.outcome(place), tries.expected(place), arguments)
        if verdict is not None:
            failed = tries.outcome(place).failure is not None
            why = None if verdict.open or tries.outcome(place).kind == "endless" else tries.mistake()
            if why is None and not verdict.open and not failed:
                why = tries.relation()
            lines = (verdict.words, why if why and why.rstrip(".") not in verdict.words else None)
            return replace(verdict, words="\n".join(filter(None, lines)), cases=place + 1)
    return Verdict(asked.key, True, f"{len(cases)} case{'s' if len(cases) > 1 else ''}, all right.", len(cases))


def is_right(asked: Exercise, outcome: Outcome, arguments: tuple[Any, ...]) -> bool:
    """Whether what became of a case is right."""
    tries = _Tries(asked, [arguments], lambda _: outcome)
    return _wrong(asked, tries.outcome(0), tries.expected(0), arguments) is None


class _Tries:
    """What came of each case, in the form of the right answer, and what all cases together show."""

    def __init__(self, asked: Exercise, cases: Sequence[tuple[Any, ...]], outcome_of: Callable[[int], Outcome]) -> None:
        self._asked, self._cases, self._until = asked, cases, monotonic() + 2 * SECONDS
        self.expected = cache(lambda place: asked.reference(*deepcopy(cases[place])))
        """Index of a case → what is right."""
        self.outcome = cache(lambda place: self._formed(outcome_of(place), place))
        """Index of a case → what came of it."""

    def mistake(self) -> str | None:
        """The diagnosis of the known mistake that agrees with the function in every case; None where there is none."""
        for wrong in self._asked.wrong.values():
            if all(self._agrees(wrong, place) for place in self._compared()) and self._fails_alike(wrong):
                return None if self._is_late() else wrong.diagnosis
        return None

    def _fails_alike(self, wrong: WrongAnswer) -> bool:
        """Where the function fails in every case, whether a known mistake fails with the same words."""
        if any(self.outcome(place).failure is None for place in self._compared()):
            return True
        made, own = call(wrong.function, self._cases[0]), self.outcome(0)
        words = [(one.failure or "").split(", in line ")[0] for one in (made, own)]
        return words[0] == words[1]

    def relation(self) -> str | None:
        """What holds between what came and what is right, in all cases that fail."""
        if not self._asked.signature or not self._asked.related:  # it would give the answer away
            return None
        places = [place for place in self._compared() if self.outcome(place).failure is None]
        judged = (
            self._asked.judge(self.outcome(one).returned, self.expected(one), *self._cases[one]) for one in places
        )
        try:
            failing = [(place, wrong) for place, wrong in zip(places, judged, strict=True) if wrong is not None]
            pairs = [(self.outcome(place).returned, self.expected(place)) for place, _ in failing]
            given = [dict(zip(self._asked.signature, self._cases[place], strict=True)) for place, _ in failing]
            located = any(letter.isdigit() for letter in failing[0][1])
            return None if self._is_late() else by_argument(pairs, given) or relation(pairs, located)
        except Exception:  # what came can't be compared
            return None

    def _compared(self) -> Iterator[int]:
        """The cases to compare: the first ones, as far as there is time."""
        return takewhile(lambda _: not self._is_late(), range(min(len(self._cases), COMPARED)))

    def _is_late(self) -> bool:
        """Whether there was no time to compare all cases, so that nothing can be said of them."""
        return monotonic() >= self._until

    def _agrees(self, wrong: WrongAnswer, place: int) -> bool:
        made = self._formed(call(wrong.function, self._cases[place]), place)
        return _alike(made, self.outcome(place))

    def _formed(self, outcome: Outcome, place: int) -> Outcome:
        """An outcome whose value has the form of the right answer."""
        if outcome.failure is not None:
            return outcome
        try:
            return replace(
                outcome, returned=in_form_of(self.expected(place), outcome.returned, self._asked.exact_dtype)
            )
        except Exception:  # it has no form at all
            return outcome


def _wrong(asked: Exercise, outcome: Outcome, expected: Any, arguments: tuple[Any, ...]) -> Verdict | None:
    """What is wrong with an outcome; None where it is right."""
    named = ", ".join(f"{name} = {_short(value)}" for name, value in zip(asked.signature, arguments, strict=True))
    given = f"With {named}: " if named else ""
    if outcome.failure is not None:
        return Verdict(asked.key, False, f"{given}{outcome.failure}", 0, open=outcome.kind == "open")
    if _has_gaps(outcome.returned):
        return Verdict(
            asked.key, False, f"{given}there is still a `...` in what you returned: fill it in.", 0, open=True
        )
    if outcome.returned is None:
        return Verdict(asked.key, False, f"{given}{NOTHING}", 0)
    try:
        wrong = asked.judge(outcome.returned, expected, *arguments)
    except Exception:  # it can't even be looked at
        wrong = f"This {type(outcome.returned).__name__} can't be compared with what is asked for."
    if wrong is None:
        return None
    returned = f"ou returned {_short(outcome.returned)}"
    if not asked.signature:  # the right value would be the answer itself
        return Verdict(asked.key, False, f"Y{returned}.\n{wrong}", 0)
    words = f"{given}y{returned}, and right is {_short(expected)}.\n{wrong}"
    return Verdict(asked.key, False, words, 0, picture=picture(outcome.returned, expected))


def _has_gaps(returned: Any) -> bool:
    """Whether something was not filled in: a stub returns `...`, or several of them."""
    several = returned.values() if isinstance(returned, dict) else returned
    return returned is ... or (isinstance(returned, list | tuple | dict) and any(value is ... for value in several))


def _alike(first: Outcome, second: Outcome) -> bool:
    if first.failure is not None or second.failure is not None:
        return first.failure is not None and second.failure is not None
    try:
        return same(first.returned, second.returned)
    except Exception:  # they can't be compared
        return False


def hint(key: str) -> Note:
    """The next hint of an exercise; after the last, the first again."""
    try:
        asked = exercise(key)
    except ValueError as error:
        return Note("No hint", _sentence(error))
    step = Progress.load().hints.get(key, 0) % len(asked.hints)
    Progress.took_hint(key)
    return Note(f"Hint {step + 1} of {len(asked.hints)}", asked.hints[step])


def solution(key: str) -> Note:
    """The reference of an exercise, as text."""
    try:
        asked = exercise(key)
    except ValueError as error:
        return Note("No solution", _sentence(error))
    return Note(f"{asked.title}: one way to do it", asked.solution, code=True)


def _short(value: Any) -> str:
    """A value in at most 160 letters; a small tensor as nested lists, a larger one by its shape."""
    try:
        if isinstance(value, torch.Tensor):
            kind = str(value.dtype).removeprefix("torch.")
            small = value.numel() <= SMALL
            shape = [*value.shape]
            return f"{kind} {_numbers(value.tolist())}" if small else f"a tensor of {kind} and shape {shape}"
        text = repr(value)
    except Exception:  # a broken __repr__, a tensor without data, an integer of thousands of digits
        return f"a {type(value).__name__} that can't be shown"
    return text if len(text) <= 160 else f"{text[:157]}…"


def _numbers(nested: Any) -> str:
    """Nested lists of numbers, with four digits at most."""
    if isinstance(nested, list):
        return f"[{', '.join(map(_numbers, nested))}]"
    return f"{nested:.4g}" if isinstance(nested, float) else str(nested)


def _sentence(error: Exception) -> str:
    """An error's text as a sentence."""
    words = str(error)
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith('?') else '.'}"
