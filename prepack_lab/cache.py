"""The caches of forward passes → one cache a prompt, left-padded and ready for `model.generate`.

Keys and values are [B, H, L, D] a layer: prompts in the order given, their last tokens aligned at the right.
Layers are the model's own kind, so a sliding-window layer keeps only what its window can see.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from transformers import DynamicCache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer

from prepack_lab.machine import zeros
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
    batch: PackedBatch | None = None
    """The rows, where they hold several prompts."""

    @property
    def rows(self) -> PackedBatch:
        """The rows.

        Raises:
            ValueError: they hold one prompt each.
        """
        if self.batch is None:
            raise ValueError("this cache has a row for each prompt; nothing is packed in it")
        return self.batch

    @classmethod
    def packed(cls, cache: DynamicCache, batch: PackedBatch, prompts: Sequence[int] | None = None) -> CachePart:
        """Of packed rows."""
        chosen = range(len(batch.packing.lengths)) if prompts is None else prompts
        return cls(cache, chosen, batch.first_token, batch.last_token, batch)

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
    """One left-padded cache for the prompts of several forward passes, in their order, as `unpack_cache` makes it.

    Only tokens are moved; padding is 0. Its attention weight is 0, too, so it changes nothing.
    """
    omitted = 1 if omit_last else 0
    longest = max(int((part.last - part.first)[:, 1].max()) for part in parts) + 1 - omitted
    rising = sorted(prompt for part in parts for prompt in part.prompts)
    moves = [_moves(part, rising, longest, omitted) for part in parts]
    joined = DynamicCache(config=config)
    for index in range(len(parts[0].cache.layers)):
        states = [_states(part.cache.layers[index]) for part in parts]
        keys, values = (_join(kind, moves, len(rising), longest) for kind in zip(*states, strict=True))
        layer = joined.layers[index] if index < len(joined.layers) else None
        if type(layer) is DynamicLayer:
            layer.lazy_initialization(keys, values)
            layer.keys, layer.values = keys, values  # `update` would copy them
        else:
            joined.update(keys, values, index)
            _drop_what_is_cut(joined.layers[index], keys)
    return joined


def _drop_what_is_cut(layer: Any, keys: torch.Tensor) -> None:
    """A sliding-window layer keeps a view of its window, and with it the memory of all that it was given."""
    if layer.keys.shape[2] < keys.shape[2]:
        layer.keys, layer.values = layer.keys.clone(), layer.values.clone()


def cache_bytes(cache: DynamicCache) -> int:
    """What the keys and values of a cache take."""
    return sum(states.nbytes for layer in _own_layers(cache) for states in _states(layer))


def unpacked_cache_bytes(cache: DynamicCache, config: PreTrainedConfig, prompts: int, tokens: int) -> int:
    """What a cache of the model's own kind would take for so many prompts, padded to so many tokens.

    Args:
        cache: any cache of the same model: it says how wide a layer is.
    """
    imagined = DynamicCache(config=config)
    for index, layer in enumerate(_own_layers(cache)):
        keys, values = (
            states.new_empty((prompts, states.shape[1], tokens, states.shape[3]), device="meta")
            for states in _states(layer)
        )
        imagined.update(keys, values, index)
    return cache_bytes(imagined)


def _own_layers(cache: DynamicCache) -> list[Any]:
    """The layers that hold keys; some models let a layer use those of another."""
    return [layer for layer in cache.layers if getattr(layer, "keys", None) is not None]


def _states(layer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """The keys and values of a layer, [rows, H, W, D] each."""
    return layer.keys, layer.values


class _Moves(NamedTuple):
    """Where each token of a forward pass lies, and where it goes: [n] each."""

    row: torch.Tensor
    slot: torch.Tensor
    to_prompt: torch.Tensor
    to_place: torch.Tensor


def _moves(part: CachePart, rising: Sequence[int], longest: int, omitted: int) -> _Moves:
    device = part.last.device
    lengths = (part.last - part.first)[:, 1] + 1 - omitted  # [b]
    prompt = torch.arange(len(lengths), device=device).repeat_interleave(lengths)  # [n]
    place = torch.arange(len(prompt), device=device) - (lengths.cumsum(0) - lengths)[prompt]
    rank = torch.tensor([bisect_left(rising, index) for index in part.prompts], device=device)
    row, slot = part.first[prompt].unbind(1)
    return _Moves(row, slot + place, rank[prompt], longest - lengths[prompt] + place)


def _join(states: Sequence[torch.Tensor], moves: Sequence[_Moves], prompts: int, longest: int) -> torch.Tensor:
    """[rows, H, W, D] of each pass → [B, H, L, D]."""
    _, heads, _, width = states[0].shape
    joined = zeros((prompts, heads, longest, width), states[0].dtype, states[0].device)
    for state, move in zip(states, moves, strict=True):
        joined[move.to_prompt, :, move.to_place] = state[move.row, :, move.slot]
    return joined
