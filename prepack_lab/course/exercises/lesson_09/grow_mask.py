"""Exercise 09-mask: the attention mask after one more token."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import torch

from prepack_lab.course.exercises.cases import few_lengths
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import tensor
from prepack_lab.forward import left_padded_mask


def grow_mask(attention_mask):
    ones = attention_mask.new_ones(len(attention_mask), 1)
    return torch.cat([attention_mask, ones], dim=1)


def _hidden(attention_mask):
    return torch.cat([attention_mask, torch.zeros_like(attention_mask[:, :1])], dim=1)


def _on_the_left(attention_mask):
    return torch.cat([torch.ones_like(attention_mask[:, :1]), attention_mask], dim=1)


def _one_more_row(attention_mask):
    return torch.cat([attention_mask, torch.ones_like(attention_mask[:1])], dim=0)


def _floats(attention_mask):
    return grow_mask(attention_mask).float()


def _padding_shown(attention_mask):
    return torch.ones_like(grow_mask(attention_mask))


def _masks(draw: Random) -> Iterator[tuple[Any, ...]]:
    for lengths in few_lengths(draw, longest=6, most=8):
        yield (left_padded_mask(lengths),)


GROW_MASK = Exercise(
    key="09-mask",
    title="The mask grows",
    minutes=4,
    level="core",
    task="`attention_mask` [B, L] holds 1 for the tokens of each prompt and 0 for the padding on their left. Every "
    "prompt gets one more token, on the right. Return the mask of the batch after that, [B, L + 1], of the same dtype.",
    reference=grow_mask,
    cases=_masks,
    judge=tensor,
    hints=(
        "The new tokens are a column: one for each prompt, all of them to be seen.",
        "`attention_mask.new_ones(rows, columns)` makes ones of the same dtype, on the same device.",
        "`torch.cat([left, right], dim=1)` puts two tensors side by side.",
    ),
    wrong={
        "hidden": WrongAnswer(_hidden, "Your new column is 0: the new token would be hidden like padding."),
        "on the left": WrongAnswer(
            _on_the_left, "The new column is on the left, before the padding. It goes to the right."
        ),
        "one more row": WrongAnswer(_one_more_row, "You add a row, as if a prompt had come. dim=1 adds a column."),
        "other numbers": WrongAnswer(_floats, "The numbers are right, in another dtype: take ones of the mask's own."),
        "padding shown": WrongAnswer(_padding_shown, "All is 1 now, and padding would be seen. Keep the old columns."),
    },
)
