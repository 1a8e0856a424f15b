"""The caches of forward passes → one cache a prompt, left-padded and ready for `model.generate`.

Keys and values are [B, H, L, D] a layer: prompts in the order given, their last tokens aligned at the right.
Layers are the model's own kind, so a sliding-window layer keeps only what its window can see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import DynamicCache, PreTrainedConfig

from prepack_lab.packed_batch import PackedBatch


@dataclass(frozen=True)
class CachePart:
    """The cache of one forward pass, and where in it each of its prompts lies."""

    cache: DynamicCache
    """[rows, H, W, D] a layer, all of them plain layers."""
    prompts: Sequence[int]
    """The b prompts of this pass, as indices among all prompts."""
    first: torch.Tensor
    """[b, 2] row and slot of each prompt's first token."""
    last: torch.Tensor
    """[b, 2] row and slot of each prompt's last token."""

    @classmethod
    def packed(cls, cache: DynamicCache, batch: PackedBatch, prompts: Sequence[int] | None = None) -> CachePart:
        """Of packed rows."""
        chosen = range(len(batch.packing.lengths)) if prompts is None else prompts
        return cls(cache, chosen, batch.first_token, batch.last_token)

    @classmethod
    def left_padded(
        cls, cache: DynamicCache, lengths: Sequence[int], prompts: Sequence[int], device: torch.device
    ) -> CachePart:
        """Of a batch with one prompt a row, padded on the left."""
        row = torch.arange(len(lengths), device=device)
        last = torch.full_like(row, max(lengths) - 1)
        first = last + 1 - torch.tensor(lengths, device=device)
        return cls(cache, prompts, torch.stack([row, first], 1), torch.stack([row, last], 1))


def unpack_cache(
    cache: DynamicCache, batch: PackedBatch, config: PreTrainedConfig, omit_last: bool = False
) -> DynamicCache:
    """Give each prompt of a packed forward pass its own cache, by one gather a layer.

    Args:
        cache: of the packed forward pass, [R, H, W, D] a layer.
        batch: the rows that were run.
        config: the model's, which says what kind of layers its cache has.
        omit_last: leave out each prompt's last token, which `model.generate` then computes again.

    Returns:
        [B, H, L, D] a layer, or [B, H, L - 1, D] without the last tokens.

    Source: the paper's section 3; its code loops over layers and prompts instead.
    """
    return join_caches([CachePart.packed(cache, batch)], config, omit_last)


def join_caches(parts: Sequence[CachePart], config: PreTrainedConfig, omit_last: bool = False) -> DynamicCache:
    """One left-padded cache for the prompts of several forward passes, as `unpack_cache` makes it for one.

    Padding repeats a prompt's first token, or is 0: its attention weight is 0, and the product with it stays finite.
    """
    longest = max(int((part.last - part.first)[:, 1].max()) for part in parts) + (0 if omit_last else 1)
    places = [_places(part, longest, omit_last) for part in parts]
    joined = DynamicCache(config=config)
    for index in range(len(parts[0].cache.layers)):
        keys, values = (
            _join([getattr(part.cache.layers[index], name) for part in parts], parts, places)
            for name in ("keys", "values")
        )
        joined.update(keys, values, index)
    return joined


def _places(part: CachePart, longest: int, omit_last: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Row [b, 1] and slot [b, L] of every place in the joined cache; padding points at the first token."""
    nearest = 1 if omit_last else 0
    from_end = torch.arange(longest - 1 + nearest, nearest - 1, -1, device=part.last.device)  # [L]
    slot = torch.maximum(part.last[:, 1:] - from_end, part.first[:, 1:])
    return part.last[:, :1], slot


def _join(
    states: Sequence[torch.Tensor],
    parts: Sequence[CachePart],
    places: Sequence[tuple[torch.Tensor, torch.Tensor]],
) -> torch.Tensor:
    """[rows, H, W, D] of each pass → [B, H, L, D]."""
    gathered = [state[row, :, slot].transpose(1, 2) for state, (row, slot) in zip(states, places, strict=True)]
    if len(parts) == 1 and [*parts[0].prompts] == [*range(len(parts[0].prompts))]:
        return gathered[0]
    order = torch.tensor([prompt for part in parts for prompt in part.prompts], device=states[0].device)
    return torch.cat(gathered)[order.argsort()]
