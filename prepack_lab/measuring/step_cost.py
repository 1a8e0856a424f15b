"""What one step of decoding costs: a token for each prompt, and the whole cache read for it.

    linear      2 · weights · B            each prompt has one token in it
    attention   4 · H · D · layers · S     S slots in all caches, padding too
    moved       the weights once, and every key and value of the S slots

Next to a prefill it computes little, and moves nearly as much.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from transformers import PreTrainedConfig

from prepack_lab.measuring.cost import Cost, estimate_cost
from prepack_lab.measuring.model_sizes import ModelSizes


def cost_of_step(
    config: PreTrainedConfig | ModelSizes, prompts: int, cache_slots: int, dtype: torch.dtype | None = None
) -> Cost:
    """Tell what a step of decoding from unpacked caches will cost.

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
