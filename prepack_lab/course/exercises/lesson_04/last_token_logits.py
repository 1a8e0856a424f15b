"""Exercise 04-last: the logits after each prompt, out of packed rows."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import torch

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import tensor
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import pack


def last_token_logits(logits, last_token):
    row, slot = last_token.unbind(1)
    return logits[row, slot]


def _all_pairs(logits, last_token):
    return logits[last_token[:, 0]][:, last_token[:, 1]]


def _end_of_the_row(logits, last_token):
    return logits[last_token[:, 0], -1]


def _one_before(logits, last_token):
    return logits[last_token[:, 0], last_token[:, 1] - 1]


def _columns_first(logits, last_token):
    order = (last_token[:, 0] * logits.shape[1] + last_token[:, 1]).argsort()
    return last_token_logits(logits, last_token[order])


def packed_batches(draw: Random, longest: int = 5) -> Iterator[PackedBatch]:
    """Small batches of several rows, the prompts not in the order of the rows."""
    for lengths in ([1], [1, 2], [2, 1, 1], [2, 4, 3], [1, 3, 2, 3]):
        yield _batch(lengths)
    for size in range(4, 8):
        yield _batch([draw.randint(1, longest) for _ in range(size)])


def _batch(lengths: list[int]) -> PackedBatch:
    return PackedBatch.from_prompts([[0] * length for length in lengths], pack(lengths))


def _cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    for batch in packed_batches(draw):
        R, W = batch.shape
        yield torch.arange(R * W * 2.0).view(R, W, 2), batch.last_token


LAST_TOKEN_LOGITS = Exercise(
    key="04-last",
    title="The logits after each prompt",
    minutes=4,
    level="warm-up",
    task="A packed pass gave `logits` of shape [R, W, V]. `last_token`, of shape [B, 2], names the row and the slot of "
    "each prompt's last token. Return the logits after each prompt, of shape [B, V], in the order of the prompts.",
    reference=last_token_logits,
    cases=_cases,
    judge=tensor,
    hints=(
        "`last_token[:, 0]` are the rows, `last_token[:, 1]` the slots.",
        "Index with both at once: `logits[rows, slots]` takes one place for each pair.",
    ),
    wrong={
        "all pairs": WrongAnswer(_all_pairs, "You take every row with every slot. Index with both in one bracket."),
        "the end of the row": WrongAnswer(
            _end_of_the_row, "You take the last slot of the row. Most prompts end before it."
        ),
        "one before": WrongAnswer(_one_before, "These are the logits one slot before: they foretell the last token."),
        "row by row": WrongAnswer(
            _columns_first, "These come in the order of the rows. Give them in the order of the prompts."
        ),
    },
)
