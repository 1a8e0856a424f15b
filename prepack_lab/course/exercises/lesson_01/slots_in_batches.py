"""Exercise 01-batches: the slots of a whole dataset."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.cases import few_lengths
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number


def slots_in_batches(lengths, batch_size):
    slots = 0
    for start in range(0, len(lengths), batch_size):
        batch = lengths[start : start + batch_size]
        slots += len(batch) * max(batch)
    return slots


def _full_last_batch(lengths, batch_size):
    return sum(
        batch_size * max(lengths[start : start + batch_size]) for start in range(0, len(lengths), batch_size)
    )  # fmt: skip


def _one_width(lengths, batch_size):
    return len(lengths) * max(lengths)


def _drops_the_rest(lengths, batch_size):
    whole = len(lengths) // batch_size * batch_size
    return sum(batch_size * max(lengths[start : start + batch_size]) for start in range(0, whole, batch_size))


def _batched(draw: Random) -> Iterator[tuple[Any, ...]]:
    for lengths in few_lengths(draw):
        yield lengths, 1
        yield lengths, 2
        yield lengths, draw.randint(1, len(lengths) + 2)


SLOTS_IN_BATCHES = Exercise(
    key="01-batches",
    title="The slots of a whole dataset",
    minutes=6,
    level="core",
    task="Given the `lengths` of many prompts and a `batch_size`, cut them into batches in the order given, pad each "
    "batch to its own longest prompt, and return how many slots are computed in all. The last batch may be smaller.",
    reference=slots_in_batches,
    cases=_batched,
    judge=number,
    hints=(
        "`range(0, len(lengths), batch_size)` gives the place where each batch begins.",
        "A batch is `lengths[start : start + batch_size]`. At the end a slice simply becomes shorter.",
        "Each batch computes `len(batch) * max(batch)` slots; add them up.",
    ),
    wrong={
        "one width for all": WrongAnswer(
            _one_width, "You pad all batches to the longest prompt of all. Each batch has its own longest."
        ),
        "a full last batch": WrongAnswer(
            _full_last_batch, "Your last batch is counted as if it were full. It holds what is left over."
        ),
        "no last batch": WrongAnswer(
            _drops_the_rest, "The last batch is missing, where the batch size does not divide the prompts."
        ),
    },
)
