"""Exercise 10-continuous: steps of static batches against continuous batching."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.cases import few_lengths
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import numbers


def steps(outputs, seats):
    static = sum(max(outputs[start : start + seats]) for start in range(0, len(outputs), seats))
    free_from = [0] * seats
    for output in outputs:
        seat = free_from.index(min(free_from))
        free_from[seat] += output
    return static, max(free_from)


def _never_empty(outputs, seats):
    return steps(outputs, seats)[0], -(-sum(outputs) // seats)


def _all_as_the_longest(outputs, seats):
    return max(outputs) * -(-len(outputs) // seats), steps(outputs, seats)[1]


def _dealt_out(outputs, seats):
    return steps(outputs, seats)[0], max(sum(outputs[seat::seats]) for seat in range(seats))


def _longest_first(outputs, seats):
    return steps(outputs, seats)[0], steps(sorted(outputs, reverse=True), seats)[1]


def _continuous_first(outputs, seats):
    return steps(outputs, seats)[::-1]


def _first_to_be_free(outputs, seats):
    free_from = [0] * seats
    for output in outputs:
        free_from[free_from.index(min(free_from))] += output
    return steps(outputs, seats)[0], min(free_from)


def _cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    for outputs in few_lengths(draw):
        yield outputs, 2
        yield outputs, draw.randint(1, 4)


STEPS = Exercise(
    key="10-continuous",
    title="Static batches against continuous batching",
    minutes=10,
    level="challenge",
    task="Requests wait in this order; `outputs` are the steps that each needs. At most `seats` of them compute in a "
    "step. Static: batches of `seats` in order, and the next begins when all of a batch have finished. Continuous: "
    "whenever a seat is free, the next request takes it. Return (static, continuous): the steps until all are done.",
    reference=steps,
    cases=_cases,
    judge=numbers,
    hints=(
        "Static: a batch takes as many steps as its longest answer. Cut the list into batches, and add up.",
        "Continuous: keep for each seat the step from which on it is free, all 0 at first.",
        "The next request takes the seat that is free first: `seat = free_from.index(min(free_from))`.",
        "It stays for its output: `free_from[seat] += output`. In the end, the latest seat counts.",
    ),
    wrong={
        "never an empty seat": WrongAnswer(
            _never_empty, "You divide all steps by the seats. Towards the end some seats stay empty: nobody waits."
        ),
        "all as the longest": WrongAnswer(
            _all_as_the_longest, "Your static batches all take as long as the longest answer. Each has its own longest."
        ),
        "dealt out": WrongAnswer(
            _dealt_out, "You deal the requests out beforehand. The next one takes whichever seat is free first."
        ),
        "longest first": WrongAnswer(
            _longest_first, "You let the longest go first. They come in the order given: nobody knows lengths ahead."
        ),
        "continuous first": WrongAnswer(_continuous_first, "Both are right, in the other order: static comes first."),
        "the first to be free": WrongAnswer(
            _first_to_be_free, "Your continuous steps end when the first seat is free for good. All must be done."
        ),
    },
)
