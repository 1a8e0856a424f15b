"""Chunked prefill: a long prompt is read piece by piece, so that the others go on writing beside it.

A step that reads a whole prompt takes long, and everybody in it waits. A budget of tokens keeps every step short: first
a token for each request that writes, then as much of the prompts as fits. Budget 6, two that write, a prompt of 10:

    step 1   w w r r r r
    step 2   w w r r r r
    step 3   w w r r

The answer is the same: a causal model may read a text in pieces, each over the cache of those before.

Source: Agrawal et al., Sarathi-Serve, OSDI 2024.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.course.miniatures.continuous_batching import seated
from prepack_lab.course.miniatures.iterations import Progress, Schedule
from prepack_lab.forward import call


def chunked(seats: int, budget: int) -> Schedule:
    """Continuous batching with at most `budget` tokens in a step.

    Raises:
        ValueError: a budget that leaves no token for reading when all others write.
    """
    if budget < seats:
        raise ValueError(f"a budget of {budget} tokens is less than one for each of {seats} seats")

    def schedule(here: Mapping[int, Progress]) -> dict[int, int]:
        left, tokens = budget, {}
        for index in sorted(seated(here, seats), key=lambda index: here[index].unread > 0):  # who writes comes first
            if many := min(here[index].rest, left):
                tokens[index] = many
                left -= many
        return tokens

    return schedule


def read_on(model: PreTrainedModel, tokens: Sequence[int], cache: DynamicCache) -> torch.Tensor:
    """Read more tokens of a text whose beginning is in the cache: [1, V] the logits after the last of them.

    The cache grows in place.
    """
    input_ids = torch.tensor([tokens], device=model.device)  # [1, n]
    return call(model, input_ids, cache, logits_to_keep=1).logits[:, -1]


def prefill_in_chunks(model: PreTrainedModel, prompt: Sequence[int], chunk: int) -> tuple[torch.Tensor, DynamicCache]:
    """Read a prompt `chunk` tokens at a time: the same logits and the same cache as at once."""
    if not prompt or chunk < 1:
        raise ValueError(f"a prompt of {len(prompt)} tokens in chunks of {chunk}: both are at least 1")
    cache = DynamicCache()
    for start in range(0, len(prompt), chunk):
        logits = read_on(model, prompt[start : start + chunk], cache)
    return logits, cache
