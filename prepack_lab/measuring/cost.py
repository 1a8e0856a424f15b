"""What a prefill costs, told before it is run: operations, bytes, and seconds on a machine that is known.

A forward pass over R rows of W slots multiplies every slot with every weight, and compares slots with slots:

    linear      2 · weights · R · W             every slot, padding too
    attention   4 · H · D · layers · pairs      pairs of a query and a key: R · W² under a mask, n (n + 1) / 2 without
    head        2 · hidden · V · B              the last token of each prompt

Padding costs as much as text in the first, and more in the second. Source: the paper's section 3.3, with constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

import torch
from transformers import PreTrainedConfig

from prepack_lab.measuring.model_sizes import ModelSizes
from prepack_lab.methods import METHODS, Pass, Plan, PlanOptions


@dataclass(frozen=True)
class Cost:
    """The cost of one prefill of some prompts by one method."""

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
    """Read and written in all passes: weights once a pass, and what each layer reads and writes of the slots."""

    @property
    def flops(self) -> float:
        """All floating-point operations."""
        return self.linear_flops + self.attention_flops + self.head_flops

    @property
    def memory_bytes(self) -> float:
        """The peak, weights included."""
        return self.weight_bytes + self.cache_bytes + self.working_bytes

    @property
    def intensity(self) -> float:
        """FLOP per byte moved: below what the machine can do, memory is the limit."""
        return self.flops / self.moved_bytes


def estimate_cost(
    config: PreTrainedConfig | ModelSizes,
    lengths: Sequence[int],
    method: str = "prepacked",
    dtype: torch.dtype | None = None,
    **plan: Unpack[PlanOptions],
) -> Cost:
    """Tell what the prefill of prompts of these lengths will cost.

    Args:
        config: of a dense model, or the sizes read off it, which saves time where many costs are told.
        lengths: tokens of each prompt.
        method: one of `METHODS`.
        dtype: of weights and cache; the configuration's where left out.
        plan: as for `prefill`.

    Raises:
        ValueError: as for `prefill` and `pack`, or a model with experts.
    """
    return cost_of_passes(config, _plan(lengths, method, Plan(**plan)), method, dtype)


def cost_of_passes(
    config: PreTrainedConfig | ModelSizes, passes: Sequence[Pass], method: str, dtype: torch.dtype | None = None
) -> Cost:
    """The cost of passes that are planned already.

    Raises:
        ValueError: a model with experts.
    """
    sizes = ModelSizes.of(config)
    size = (dtype or sizes.dtype).itemsize
    slots = sum(one.rows.slots for one in passes)
    touched = 8 * sizes.hidden + 6 * sizes.intermediate  # numbers that a layer reads and writes for a slot
    cache = slots * sizes.cache_per_token * size
    return Cost(
        method,
        passes=len(passes),
        rows=sum(one.rows.num_bins for one in passes),
        slots=slots,
        tokens=sum(one.rows.tokens for one in passes),
        linear_flops=float(sizes.flops_per_token * slots),
        attention_flops=float(sizes.flops_per_pair * sum(one.pairs for one in passes)),
        head_flops=float(sizes.flops_per_prompt * sum(len(one.prompts) for one in passes)),
        weight_bytes=float(sizes.parameters * size),
        cache_bytes=float(cache),
        working_bytes=float(max(_working(one, sizes) for one in passes) * size),
        moved_bytes=float(len(passes) * sizes.parameters * size + slots * sizes.layers * touched * size + 2 * cache),
    )


def memory_parts(
    config: PreTrainedConfig | ModelSizes,
    lengths: Sequence[int],
    method: str,
    dtype: torch.dtype | None = None,
    logits_everywhere: bool = False,
) -> dict[str, float]:
    """What the memory of a prefill is made of, at its peak: bytes of each part, before unpacking.

    Args:
        config, lengths, method, dtype: as for `estimate_cost`.
        logits_everywhere: keep logits at every slot, as a plain forward pass does, instead of the last ones only.
    """
    sizes, passes = ModelSizes.of(config), _plan(lengths, method, Plan())
    size = (dtype or sizes.dtype).itemsize
    widest = max(passes, key=lambda one: _working(one, sizes))
    places = widest.rows.slots if logits_everywhere else len(widest.prompts)
    numbers = {
        "weights": sizes.parameters,
        "cache": sum(one.rows.slots for one in passes) * sizes.cache_per_token,
        "activations": _activations(widest, sizes),
        "mask": _mask(widest),
        "logits": places * sizes.vocabulary,
    }
    return {part: float(count * size) for part, count in numbers.items()}


def _plan(lengths: Sequence[int], method: str, plan: Plan) -> list[Pass]:
    plan.check(method)
    return [*METHODS[method](lengths, plan)]


def _working(one: Pass, sizes: ModelSizes) -> int:
    """The numbers that a pass holds at once beside weights and cache: the widest moment is in the feed-forward."""
    return _activations(one, sizes) + _mask(one) + len(one.prompts) * sizes.vocabulary


def _activations(one: Pass, sizes: ModelSizes) -> int:
    return one.rows.slots * (4 * sizes.hidden + 3 * sizes.intermediate)


def _mask(one: Pass) -> int:
    padded = one.attention == "padded" and one.rows.slots > one.rows.tokens  # transformers masks padding only
    return one.pairs if padded or one.attention == "masked" else 0
