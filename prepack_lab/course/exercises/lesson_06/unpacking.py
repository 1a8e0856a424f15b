"""Exercise 06-unpack: how much larger the cache becomes when it is unpacked."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.cases import few_lengths
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number
from prepack_lab.packing import pack


def unpacking(lengths, rows, width):
    return len(lengths) * max(lengths) / (rows * width)


def _tokens(lengths, rows, width):
    return sum(lengths) / (rows * width)


def _inverted(lengths, rows, width):
    return rows * width / (len(lengths) * max(lengths))


def _rows_only(lengths, rows, width):
    return len(lengths) / rows


def _slots(lengths, rows, width):
    return len(lengths) * max(lengths)


def _cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    for lengths in few_lengths(draw):
        packing = pack(lengths, max(lengths) + draw.randint(0, 3))
        yield lengths, packing.num_bins, packing.width


UNPACKING = Exercise(
    key="06-unpack",
    title="The price of unpacking",
    minutes=4,
    level="core",
    task="Prompts of these `lengths` were packed into `rows` rows of `width` slots. Unpacked, each prompt has a row of "
    "its own, as long as the longest. Return how many times as large the cache becomes.",
    reference=unpacking,
    cases=_cases,
    judge=number,
    hints=(
        "A cache is as large as its slots are many. How many are there packed, and how many unpacked?",
        "Unpacked: one row a prompt, `len(lengths) * max(lengths)` slots.",
    ),
    wrong={
        "tokens": WrongAnswer(_tokens, "Unpacked caches are padded again: every prompt takes the longest one's room."),
        "inverted": WrongAnswer(_inverted, "It is upside down: the unpacked cache stands above."),
        "rows only": WrongAnswer(_rows_only, "You compare rows only. Their width counts, too."),
        "slots": WrongAnswer(_slots, "These are the slots afterwards. Divide by those before."),
    },
)
