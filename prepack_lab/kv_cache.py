"""The cache of a forward pass → one cache a prompt, left-padded and ready for `model.generate`.

Keys and values are [B, H, L, D] a layer: prompts in the order given, their last tokens aligned at the right.
Layers are the model's own kind, so a sliding-window layer keeps only what its window can see.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import DynamicCache, PreTrainedConfig

from prepack_lab.packed_batch import PackedBatch


def unpack_cache(
    cache: DynamicCache, batch: PackedBatch, config: PreTrainedConfig, omit_last: bool = False
) -> DynamicCache:
    """Give each prompt its own cache, by one gather a layer.

    Args:
        cache: of the packed forward pass, [R, H, W, D] a layer.
        batch: the rows that were run.
        config: the model's, which says what kind of layers its cache has.
        omit_last: leave out each prompt's last token, which `model.generate` then computes again.

    Returns:
        [B, H, L, D] a layer, or [B, H, L - 1, D] without the last tokens. Padding repeats the prompt's first
        token: its attention weight is 0, and the product with it stays finite.

    Source: the paper's section 3; its code loops over layers and prompts instead.
    """
    row, first = batch.first_token.unbind(1)  # [B], [B]
    last = batch.last_token[:, 1]  # [B]
    longest = max(batch.packing.lengths)
    nearest = 1 if omit_last else 0
    from_end = torch.arange(longest - 1, nearest - 1, -1, device=first.device)  # [L] how far before the last token
    slot = torch.maximum(last[:, None] - from_end, first[:, None])  # [B, L]

    def gather(states: torch.Tensor) -> torch.Tensor:  # [R, H, W, D]
        return states[row[:, None], :, slot].transpose(1, 2)  # [B, L, H, D] → [B, H, L, D]

    return _build_cache([(gather(layer.keys), gather(layer.values)) for layer in cache.layers], config)


def stack_caches(caches: Sequence[DynamicCache], config: PreTrainedConfig) -> DynamicCache:
    """Put caches of single prompts, [1, H, n, D] a layer, together as one left-padded cache."""

    def stack(states: list[torch.Tensor]) -> torch.Tensor:
        longest = max(state.shape[2] for state in states)
        padded = [torch.nn.functional.pad(state, (0, 0, longest - state.shape[2], 0)) for state in states]
        return torch.cat(padded)  # [B, H, L, D]

    layers = zip(*(cache.layers for cache in caches), strict=True)  # a layer, seen by every prompt
    return _build_cache(
        [(stack([x.keys for x in group]), stack([x.values for x in group])) for group in layers], config
    )


def _build_cache(layers: Sequence[tuple[torch.Tensor, torch.Tensor]], config: PreTrainedConfig) -> DynamicCache:
    cache = DynamicCache(config=config)
    for index, (keys, values) in enumerate(layers):
        cache.update(keys, values, index)
    return cache
