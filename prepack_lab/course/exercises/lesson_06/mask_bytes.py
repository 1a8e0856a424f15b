"""Exercise 06-mask: what a dense mask takes."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number


def mask_bytes(rows, width, size):
    return rows * width**2 * size


def _one_line(rows, width, size):
    return rows * width * size


def _half(rows, width, size):
    return rows * width * (width + 1) // 2 * size


def _one_row(rows, width, size):
    return width**2 * size


def _as_one(rows, width, size):
    return (rows * width) ** 2 * size


def _cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield 2, 3, 4
    yield 3, 5, 2
    for _ in range(8):
        yield draw.randint(2, 64), draw.randint(2, 900), draw.choice([2, 4])


MASK_BYTES = Exercise(
    key="06-mask",
    title="What a mask takes",
    minutes=3,
    level="warm-up",
    task="A dense packed mask has a number for every query and every key of a row. There are `rows` rows of `width` "
    "slots, and a number takes `size` bytes. Return the bytes of the mask.",
    reference=mask_bytes,
    cases=_cases,
    judge=number,
    hints=(
        "In one row every slot looks at every slot: how many pairs are that?",
        "rows · width · width numbers, of `size` bytes each.",
    ),
    wrong={
        "not squared": WrongAnswer(_one_line, "One number a slot is not enough: there is one for every pair of slots."),
        "half": WrongAnswer(_half, "The hidden half takes memory, too: a dense mask holds all pairs."),
        "one row": WrongAnswer(_one_row, "This is one row. Every row has a mask of its own."),
        "all rows as one": WrongAnswer(_as_one, "Slots of different rows never meet: the square is that of one row."),
    },
)
