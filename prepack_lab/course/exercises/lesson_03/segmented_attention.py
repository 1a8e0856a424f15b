"""Exercise 03-attention: the same rule without a mask."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import torch

from prepack_lab.course.exercises.cases import few_lengths
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import tensor


def segmented_attention(query, key, value, cu_seqlens):
    attended = []
    for begin, end in zip(cu_seqlens, cu_seqlens[1:], strict=False):
        own = (states[None, begin:end] for states in (query, key, value))  # [1, n, D]
        attended.append(torch.nn.functional.scaled_dot_product_attention(*own, is_causal=True)[0])
    return torch.cat(attended)


def _attend(query, key, value, causal=True):
    scores = query @ key.T * query.shape[-1] ** -0.5
    if causal:
        scores = scores.masked_fill(~torch.ones_like(scores, dtype=torch.bool).tril(), -torch.inf)
    return scores.softmax(-1) @ value


def _each(query, key, value, cu_seqlens, attend):
    spans = [*zip(cu_seqlens, cu_seqlens[1:], strict=False)]
    return torch.cat([attend(query[a:b], key[a:b], value[a:b]) for a, b in spans])


def _whole_row(query, key, value, cu_seqlens):
    return _attend(query, key, value)


def _not_causal(query, key, value, cu_seqlens):
    return _each(query, key, value, cu_seqlens, lambda q, k, v: _attend(q, k, v, causal=False))


def _not_scaled(query, key, value, cu_seqlens):
    return _each(query, key, value, cu_seqlens, lambda q, k, v: _attend(q * q.shape[-1] ** 0.5, k, v))


def _last_is_lost(query, key, value, cu_seqlens):
    return _each(query, key, value, cu_seqlens[:-1], _attend) if len(cu_seqlens) > 2 else query[:0]


def _rows(draw: Random) -> Iterator[tuple[Any, ...]]:
    for count, lengths in enumerate(few_lengths(draw, longest=6, most=5)):
        generator = torch.Generator().manual_seed(count)
        states = [torch.randn(sum(lengths), 4, generator=generator).mul(100).round() / 100 for _ in range(3)]
        ends = [sum(lengths[:place]) for place in range(len(lengths) + 1)]
        yield *states, ends


SEGMENTED_ATTENTION = Exercise(
    key="03-attention",
    title="Attention without a mask",
    minutes=12,
    level="challenge",
    task="Given `query`, `key` and `value` of shape [W, D] for one head, and the boundaries `cu_seqlens` as a list, "
    "return the causal attention of each segment by itself, of shape [W, D]. No mask over the row: each segment is "
    "attended alone.",
    reference=segmented_attention,
    cases=_rows,
    judge=tensor,
    hints=(
        "`zip(cu_seqlens, cu_seqlens[1:])` gives where each segment begins and ends.",
        "A slice of a segment is `query[begin:end]`. Attend it with its own keys and values.",
        "`torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)` takes [1, n, D]: add `[None]`.",
    ),
    wrong={
        "the whole row": WrongAnswer(_whole_row, "You attend over the whole row: later prompts read earlier ones."),
        "not causal": WrongAnswer(_not_causal, "Your tokens see later ones: attention must be causal."),
        "not scaled": WrongAnswer(_not_scaled, "The scores must be divided by the square root of D before softmax."),
        "the last is lost": WrongAnswer(_last_is_lost, "The last segment is missing: B + 1 boundaries, B segments."),
    },
)
