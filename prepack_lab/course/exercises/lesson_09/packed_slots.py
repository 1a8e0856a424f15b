"""Exercise 09-slots: how large the cache of packed decoding is."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.cases import few_lengths
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number
from prepack_lab.packing import pack


def packed_slots(lengths, bins, steps):
    width = max(sum(lengths[prompt] for prompt in members) for members in bins)
    most = max(len(members) for members in bins)
    return len(bins) * (width + most * steps)


def _no_padding(lengths, bins, steps):
    return sum(lengths) + len(lengths) * steps


def _new_slots_fit(lengths, bins, steps):
    width = max(sum(lengths[prompt] for prompt in members) for members in bins)
    return len(bins) * width + len(lengths) * steps


def _one_a_row(lengths, bins, steps):
    width = max(sum(lengths[prompt] for prompt in members) for members in bins)
    return len(bins) * (width + steps)


def _longest_prompt(lengths, bins, steps):
    return len(bins) * (max(lengths) + max(len(members) for members in bins) * steps)


def _unpacked(lengths, bins, steps):
    return len(lengths) * (max(lengths) + steps)


def _packings(draw: Random) -> Iterator[tuple[Any, ...]]:
    for lengths in few_lengths(draw):
        capacity = max(lengths) + draw.randint(0, 8)
        bins = [[*members] for members in pack(lengths, capacity).bins]
        yield lengths, bins, 0
        yield lengths, bins, draw.randint(1, 9)


PACKED_SLOTS = Exercise(
    key="09-slots",
    title="The slots of packed decoding",
    minutes=10,
    level="challenge",
    task="`bins` lists for each row the indices of its prompts, and `lengths` their tokens. All rows are as wide as "
    "the fullest one. In each of `steps` steps every row grows by as many slots as the row with the most prompts "
    "needs. Return how many slots there are in the end.",
    reference=packed_slots,
    cases=_packings,
    judge=number,
    hints=(
        "The tokens of a row: `sum(lengths[prompt] for prompt in members)`. The width is the largest of these.",
        "A step adds one slot for each prompt of a row, and rows stay equally wide: the row with the most "
        "prompts decides.",
        "So each row has width + most prompts in a row × steps slots, and there are `len(bins)` rows.",
    ),
    wrong={
        "no padding": WrongAnswer(
            _no_padding, "You count tokens. Rows are equally wide, so there are slots without a token, too."
        ),
        "new slots fit": WrongAnswer(
            _new_slots_fit, "The new slots are padded, too: every row grows as much as the one with the most prompts."
        ),
        "one a row": WrongAnswer(_one_a_row, "You add one slot a row. Every prompt of a row needs one of its own."),
        "the longest prompt": WrongAnswer(
            _longest_prompt, "You take the longest prompt for the width. A row may be fuller: add up its prompts."
        ),
        "a cache for each": WrongAnswer(_unpacked, "This is the unpacked cache: a row for each prompt."),
    },
)
