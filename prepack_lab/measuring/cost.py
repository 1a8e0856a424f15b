"""What a prefill costs, before it is run: operations and bytes.

A forward pass over R rows of W slots multiplies every slot with every weight, and compares slots with slots:

    linear      2 · weights · R · W             every slot, padding too
    attention   4 · H · D · layers · pairs      pairs of a query and a key: R · W² under a mask, n (n + 1) / 2 without
    head        2 · hidden · V · B              the last token of each prompt

Padding costs as much as text in the first, and more in the second. A decoding step has one slot per prompt, and pairs
it with every slot of the caches. Source: the paper's section 3.3; the constants are counted (see `ModelSizes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from transformers import PreTrainedConfig

from prepack_lab.measuring.model_sizes import ModelSizes
from prepack_lab.methods import Pass, plan_passes


@dataclass(frozen=True)
class Cost:
    """The cost of one prefill of some prompts by one method, or of a decoding step."""

    method: str
    passes: int
    rows: int
    slots: int
    """Slots that are computed, tokens and padding."""
    tokens: int
    linear_flops: float
    attention_flops: float
    head_flops: float
    weight_bytes: float
    cache_bytes: float
    """Keys and values as the passes lay them out, before unpacking."""
    working_bytes: float
    """The most that activations, mask and logits take at once."""
    moved_bytes: float
    """Read and written in all passes: the weights once per pass, and what each layer reads and writes per slot."""

    @property
    def flops(self) -> float:
        """All floating-point operations."""
        return self.linear_flops + self.attention_flops + self.head_flops

    @property
    def pass_bytes(self) -> float:
        """The peak, without the weights."""
        return self.cache_bytes + self.working_bytes

    @property
    def memory_bytes(self) -> float:
        """The peak, weights included."""
        return self.weight_bytes + self.pass_bytes

    @property
    def intensity(self) -> float:
        """FLOP per byte moved: below what the machine can do, memory is the limit."""
        return self.flops / self.moved_bytes


def estimate_cost(
    config: PreTrainedConfig | ModelSizes,
    lengths: Sequence[int],
    method: str = "prepacked",
    dtype: torch.dtype | None = None,
    **options: Any,
) -> Cost:
    """Estimate the cost of the prefill of prompts of these lengths.

    Args:
        config: of a model, or its sizes, which saves time where many costs are estimated.
        lengths: tokens of each prompt.
        method: one of `METHODS`.
        dtype: of weights and cache; the configuration's where left out.
        options: how the method shares the prompts out (see `plan_passes`).

    Raises:
        ValueError: as for `prefill` and `pack`, or a model whose sizes can't be counted (see `ModelSizes.of`).
    """
    return cost_of_passes(config, [*plan_passes(method, lengths, **options)], method, dtype)


def cost_of_passes(
    config: PreTrainedConfig | ModelSizes, passes: Sequence[Pass], method: str, dtype: torch.dtype | None = None
) -> Cost:
    """The cost of passes that are planned already.

    Raises:
        ValueError: as for `ModelSizes.of`.
    """
    sizes = ModelSizes.of(config)
    itemsize = (dtype or sizes.dtype).itemsize
    slots = sum(planned.rows.slots for planned in passes)
    touched = 8 * sizes.hidden + 6 * sizes.intermediate  # numbers that a layer reads and writes per slot
    cache = slots * sizes.cache_per_token * itemsize
    weights = sizes.parameters * itemsize
    return Cost(
        method,
        passes=len(passes),
        rows=sum(planned.rows.num_bins for planned in passes),
        slots=slots,
        tokens=sum(planned.rows.tokens for planned in passes),
        linear_flops=float(sizes.flops_per_token * slots),
        attention_flops=float(sizes.flops_per_pair * sum(planned.pairs for planned in passes)),
        head_flops=float(sizes.flops_per_prompt * sum(len(planned.prompts) for planned in passes)),
        weight_bytes=float(weights),
        cache_bytes=float(cache),
        working_bytes=float(max(sum(working_parts(planned, sizes).values()) for planned in passes) * itemsize),
        moved_bytes=float(len(passes) * weights + slots * sizes.layers * touched * itemsize + 2 * cache),
    )


def cost_of_step(
    config: PreTrainedConfig | ModelSizes, prompts: int, cache_slots: int, dtype: torch.dtype | None = None
) -> Cost:
    """Estimate the cost of a decoding step from unpacked caches: it computes little, and moves nearly as much.

    Args:
        config: as for `estimate_cost`.
        prompts: B, each of which gets a token.
        cache_slots: S, the slots in all their caches together: B · L where each is as long as the longest.
        dtype: of weights and cache; the configuration's where left out.

    Raises:
        ValueError: as for `estimate_cost`.
    """
    sizes = ModelSizes.of(config)
    tokens = estimate_cost(sizes, [1] * prompts, "full_batching", dtype)
    cache = cache_slots * sizes.cache_per_token * (dtype or sizes.dtype).itemsize
    return replace(
        tokens,
        method="decode",
        attention_flops=float(sizes.flops_per_pair * cache_slots),
        cache_bytes=float(cache),
        moved_bytes=tokens.moved_bytes + cache,
    )


def working_parts(planned: Pass, sizes: ModelSizes, logits_everywhere: bool = False) -> dict[str, int]:
    """The numbers that a pass holds at once beside weights and cache; activations are widest in the feed-forward."""
    rows = planned.rows
    masked = planned.attention == "masked" or (planned.attention == "padded" and rows.slots > rows.tokens)
    return {
        "activations": rows.slots * (4 * sizes.hidden + 3 * sizes.intermediate),
        "mask": planned.pairs if masked else 0,
        "logits": (rows.slots if logits_everywhere else len(planned.prompts)) * sizes.vocabulary,
    }
