"""Exercise 03-mask: the block-diagonal causal mask, without a loop."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import torch

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import tensor


def packed_mask(segment_ids, dtype):
    same_prompt = segment_ids[:, None, :, None] == segment_ids[:, None, None, :]  # [R, 1, W, W]
    W = segment_ids.shape[1]
    earlier = torch.ones(W, W, dtype=torch.bool).tril()
    hidden = torch.full(same_prompt.shape, torch.finfo(dtype).min, dtype=dtype)
    return hidden.masked_fill(same_prompt & earlier, 0)


def _from(seen, dtype):
    return torch.full(seen.shape, torch.finfo(dtype).min, dtype=dtype).masked_fill(seen, 0)


def _parts(segment_ids):
    W = segment_ids.shape[1]
    same = segment_ids[:, None, :, None] == segment_ids[:, None, None, :]
    return same, torch.ones(W, W, dtype=torch.bool).tril().expand(same.shape)


def _boolean(segment_ids, dtype):
    same, earlier = _parts(segment_ids)
    return same & earlier


def _both_ways(segment_ids, dtype):
    return _from(_parts(segment_ids)[0], dtype)


def _only_causal(segment_ids, dtype):
    return _from(_parts(segment_ids)[1], dtype)


def _inverted(segment_ids, dtype):
    return _from(~_boolean(segment_ids, dtype), dtype)


def _not_oneself(segment_ids, dtype):
    same, earlier = _parts(segment_ids)
    return _from(same & earlier.tril(-1), dtype)


def _ones(segment_ids, dtype):
    return _boolean(segment_ids, dtype).to(dtype)


def _infinite(segment_ids, dtype):
    same, earlier = _parts(segment_ids)
    return torch.full(same.shape, -torch.inf, dtype=dtype).masked_fill(same & earlier, 0)


def _without_heads(segment_ids, dtype):
    return packed_mask(segment_ids, dtype)[:, 0]


def _rows(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield torch.tensor([[0, 1]]), torch.float32
    yield torch.tensor([[0, 0, -1]]), torch.float32
    yield torch.tensor([[0, 0, 1, -1]]), torch.bfloat16
    for width in range(4, 10):
        rows = [[*sorted(draw.randrange(3) for _ in range(width - 1)), -1] for _ in range(draw.randint(1, 2))]
        yield torch.tensor(rows), draw.choice([torch.float32, torch.bfloat16])


PACKED_MASK = Exercise(
    key="03-mask",
    title="The packed mask without a loop",
    minutes=10,
    level="core",
    task="Given `segment_ids` of shape [R, W] and the model's `dtype`, return the packed mask of shape [R, 1, W, W]: "
    "row, head, query, key. It is 0 where a token may look (its own prompt, itself and earlier), and the smallest "
    "number of the dtype where not: `torch.finfo(dtype).min`.",
    reference=packed_mask,
    cases=_rows,
    judge=tensor,
    hints=(
        "Two slots belong together where their segment ids are equal. Compare [R, 1, W, 1] with [R, 1, 1, W].",
        "`segment_ids[:, None, :, None]` has the shape of the queries, `segment_ids[:, None, None, :]` of the keys.",
        "Earlier and oneself: `torch.ones(W, W, dtype=torch.bool).tril()`. Both must hold: `&`.",
        "`torch.full(shape, torch.finfo(dtype).min, dtype=dtype).masked_fill(seen, 0)` makes it additive.",
    ),
    wrong={
        "boolean": WrongAnswer(
            _boolean, "Your mask is boolean: eager attention will add it as 0 and 1, not apply it. Make it additive."
        ),
        "ones": WrongAnswer(_ones, "Your mask is 1 where a token may look. Added to scores, that hides nothing."),
        "both ways": WrongAnswer(_both_ways, "Your tokens see later ones of their prompt, too: make it causal."),
        "only causal": WrongAnswer(
            _only_causal, "Your mask is causal, but prompts see the earlier prompts of their row."
        ),
        "upside down": WrongAnswer(_inverted, "It is upside down: 0 is what may be seen, and the minimum hides."),
        "not oneself": WrongAnswer(
            _not_oneself, "A token does not see itself. The first of each prompt then sees nothing at all."
        ),
        "minus infinity": WrongAnswer(
            _infinite, "You hide with -inf. A row that is -inf throughout gives NaN; use torch.finfo(dtype).min."
        ),
        "no heads": WrongAnswer(
            _without_heads, "The dimension of the heads is missing: [R, 1, W, W], the 1 stands for any head."
        ),
    },
)
