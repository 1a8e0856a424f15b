"""Exercise 03-segments: which prompt each slot of a row belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import torch

from prepack_lab.course.exercises.cases import few_lengths
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import tensor


def segment_ids(lengths, width):
    prompts = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))
    padding = torch.full((width - sum(lengths),), -1)
    return torch.cat([prompts, padding])


def _without_padding(lengths, width):
    return torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))


def _padding_is_prompt_0(lengths, width):
    row = torch.zeros(width, dtype=torch.long)
    row[: sum(lengths)] = _without_padding(lengths, width)
    return row


def _from_one(lengths, width):
    row = segment_ids(lengths, width)
    return torch.where(row >= 0, row + 1, row)


def _positions(lengths, width):
    positions = torch.cat([torch.arange(length) for length in lengths])
    return torch.cat([positions, torch.full((width - sum(lengths),), -1)])


def _rows(draw: Random) -> Iterator[tuple[Any, ...]]:
    for lengths in few_lengths(draw, longest=8, most=6):
        yield lengths, sum(lengths)
        yield lengths, sum(lengths) + draw.randint(1, 4)


SEGMENT_IDS = Exercise(
    key="03-segments",
    title="Which prompt a slot belongs to",
    minutes=4,
    level="warm-up",
    task="A row holds prompts of these `lengths` one after the other, and then padding up to `width` slots. Return a "
    "tensor of shape [width] that says for each slot the index of its prompt, and -1 on padding.",
    reference=segment_ids,
    cases=_rows,
    judge=tensor,
    hints=(
        "`torch.arange(len(lengths))` are the indices. Each must be repeated as often as its prompt has tokens.",
        "`x.repeat_interleave(counts)` repeats each item of x as often as `counts`, a tensor, says.",
        "`torch.cat` puts the padding behind it: `torch.full((missing,), -1)`.",
    ),
    wrong={
        "no padding": WrongAnswer(_without_padding, "The padding at the end of the row is missing: fill it with -1."),
        "padding is prompt 0": WrongAnswer(
            _padding_is_prompt_0, "Your padding counts as prompt 0. Use -1, which is no prompt."
        ),
        "from one": WrongAnswer(_from_one, "The first prompt is prompt 0."),
        "positions": WrongAnswer(_positions, "These are positions. A segment id is the same for a whole prompt."),
    },
)
