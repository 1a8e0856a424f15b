"""Exercise 06-largest: the largest batch that fits, in few tries."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer


class Memory:
    """Says whether a batch fits; a try costs time, and after too many it gives up.

    Args:
        limit: the largest batch that fits.
        tries: how many questions it answers.
    """

    def __init__(self, limit: int, tries: int) -> None:
        self.limit, self.tries, self._asked = limit, tries, 0

    def __call__(self, size: int) -> bool:
        self._asked += 1
        if self._asked > self.tries:
            raise RuntimeError(f"{self.tries} tries were enough, and you asked once more; halve the gap each time")
        return size <= self.limit

    def __repr__(self) -> str:
        return f"Memory(limit={self.limit}, tries={self.tries})"


def largest_that_fits(fits, most):
    low, high = 0, most + 1  # low fits, high does not
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def _one_by_one(fits, most):
    size = 0
    while size < most and fits(size + 1):
        size += 1
    return size


def _first_too_large(fits, most):
    return largest_that_fits(fits, most) + 1


def _never_the_most(fits, most):
    return largest_that_fits(fits, most - 1)


def _doubling(fits, most):
    size = 1
    while size * 2 <= most and fits(size * 2):
        size *= 2
    return size


def _cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    for limit, most in ((1, 3), (0, 3), (3, 3), (5, 9), (6, 9)):
        yield Memory(limit, 6), most
    for _ in range(6):
        most = draw.randint(200, 1000)
        yield Memory(draw.randint(100, most), 12), most


def _judge(returned: Any, expected: int, *arguments: Any) -> str | None:
    if isinstance(returned, bool) or not isinstance(returned, int):
        return f"A number of prompts is asked for, and a {type(returned).__name__} came back."
    if returned == expected:
        return None
    return "This batch does not fit." if returned > expected else "A larger batch fits, too."


LARGEST_THAT_FITS = Exercise(
    key="06-largest",
    title="The largest batch that fits",
    minutes=10,
    level="core",
    task="`fits` is a function: `fits(size)` runs a batch and says whether it fitted. If a batch fits, every smaller "
    "one does. Return the largest size from 1 to `most` that fits, and 0 where none does. Every try costs time: halve "
    "the gap each time.",
    reference=largest_that_fits,
    cases=_cases,
    judge=_judge,
    hints=(
        "Keep two sizes: one that fits (0 to begin with), and one that does not (`most + 1`).",
        "Try the size in the middle. Whatever it says, the gap is half as large.",
        "Stop when they are neighbours. The one that fits is the answer.",
    ),
    wrong={
        "one by one": WrongAnswer(_one_by_one, "You try every size. Halve the gap each time."),
        "the first too large": WrongAnswer(_first_too_large, "This is the first that does not fit: one less."),
        "never the most": WrongAnswer(_never_the_most, "The size `most` itself may fit; you never try it."),
        "powers of two": WrongAnswer(_doubling, "You find a power of two only. Close the gap above it by halving."),
    },
)
