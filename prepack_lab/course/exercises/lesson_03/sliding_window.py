"""Exercise 03-window: a sliding window inside each prompt."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import torch

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import tensor


def sliding_window(segment_ids, window):
    slot = torch.arange(len(segment_ids))
    distance = slot[:, None] - slot  # [W, W], how far the key lies before the query
    same_prompt = segment_ids[:, None] == segment_ids
    return same_prompt & (distance >= 0) & (distance < window)


def _distance(segment_ids):
    slot = torch.arange(len(segment_ids))
    return slot[:, None] - slot


def _across_prompts(segment_ids, window):
    distance = _distance(segment_ids)
    return (distance >= 0) & (distance < window)


def _no_window(segment_ids, window):
    return (segment_ids[:, None] == segment_ids) & (_distance(segment_ids) >= 0)


def _one_too_many(segment_ids, window):
    return sliding_window(segment_ids, window + 1)


def _both_ways(segment_ids, window):
    return (segment_ids[:, None] == segment_ids) & (_distance(segment_ids).abs() < window)


def _additive(segment_ids, window):
    return torch.zeros(len(segment_ids), len(segment_ids)).masked_fill(~sliding_window(segment_ids, window), -torch.inf)


def _rows(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield torch.tensor([0, 0]), 1
    yield torch.tensor([0, 0, 0]), 2
    yield torch.tensor([0, 0, 1, 1]), 3
    for width in range(4, 12):
        yield torch.tensor(sorted(draw.randrange(3) for _ in range(width))), draw.randint(1, 4)


SLIDING_WINDOW = Exercise(
    key="03-window",
    title="A window inside each prompt",
    minutes=6,
    level="core",
    task="Given `segment_ids` of shape [W] and a `window`, return booleans of shape [W, W], query and key: True where "
    "the query may look. It sees its own prompt only, itself and earlier slots, `window` slots at most, itself "
    "included.",
    reference=sliding_window,
    cases=_rows,
    judge=tensor,
    hints=(
        "How far does the key lie before the query? `slot[:, None] - slot`, with `slot = torch.arange(W)`.",
        "Causal: the distance is 0 or more. Window: it is below `window`.",
        "And both slots belong to one prompt: `segment_ids[:, None] == segment_ids`.",
    ),
    wrong={
        "across prompts": WrongAnswer(_across_prompts, "Your window reaches into the prompt before. Keep them apart."),
        "no window": WrongAnswer(_no_window, "Your tokens see their whole prompt: the window is missing."),
        "one too many": WrongAnswer(_one_too_many, "One slot too many: the token itself counts among the `window`."),
        "both ways": WrongAnswer(_both_ways, "Your window looks ahead, too. A token sees earlier ones and itself."),
        "additive": WrongAnswer(_additive, "Numbers came back. Here the rule itself is asked for: True and False."),
    },
)
