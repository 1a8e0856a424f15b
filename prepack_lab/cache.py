"""The caches of forward passes → a cache for each prompt: one left-padded cache, ready for `model.generate`.

Keys and values are [B, H, L, D] per layer: prompts in the order given, their last tokens aligned at the right.
Layers are of the model's own kind, so a sliding-window layer keeps only what its window can see.
"""

from __future__ import annotations

import math
import mmap
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from transformers import DynamicCache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer

from prepack_lab.forward import ForwardPass
from prepack_lab.methods import Pass
from prepack_lab.packed_batch import PackedBatch


def unpack_cache(cache: DynamicCache, batch: PackedBatch, config: PreTrainedConfig) -> DynamicCache:
    """Give each prompt of a packed forward pass its own cache: all tokens of a layer are moved at once.

    Args:
        cache: what the packed forward pass filled, [R, H, W, D] per layer.
        batch: the rows that were run.
        config: the model's configuration, which says what kinds of layers its cache has.

    Returns:
        [B, H, L, D] per layer.

    Source: the paper's section 3; the paper's code loops over layers and prompts instead.
    """
    planned = Pass(range(len(batch.packing.lengths)), batch.packing, "masked")
    return join_caches([ForwardPass(planned, batch, torch.empty(0), cache)], config)


def join_caches(passes: Sequence[ForwardPass], config: PreTrainedConfig) -> DynamicCache:
    """One left-padded cache for the prompts of several forward passes, by rising index: [B, H, L, D] per layer.

    Only tokens are moved; padding is 0. Its attention weight is 0, too, so it changes nothing. The cache of a single
    padded pass is one already.
    """
    longest = max(int(done.batch.lengths.max()) for done in passes)
    rising = sorted(prompt for done in passes for prompt in done.prompts)
    moves = [_moves(done, rising, longest) for done in passes]
    whole = [*passes[0].prompts] == rising and passes[0].batch.packing.num_bins == len(rising)
    joined_already = whole and passes[0].planned.attention in ("alone", "padded")
    joined = DynamicCache(config=config)
    for index in range(len(passes[0].cache.layers)):
        layers: list[Any] = [done.cache.layers[index] for done in passes]
        states = [(packed.keys, packed.values) for packed in layers]
        keys, values = states[0]
        if not joined_already:
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
    """A sliding-window layer keeps a view of its window, and so holds on to the memory of all that it was given."""
    if layer.keys.shape[2] < keys.shape[2]:
        layer.keys, layer.values = layer.keys.clone(), layer.values.clone()


def cache_bytes(cache: DynamicCache) -> int:
    """Bytes that the keys and values of a cache take."""
    return sum(states.nbytes for layer in _own_layers(cache) for states in (layer.keys, layer.values))


def unpacked_cache_bytes(cache: DynamicCache, config: PreTrainedConfig, prompts: int, tokens: int) -> int:
    """Bytes that a cache of the model's own kind would take for so many prompts, padded to so many tokens.

    Args:
        cache: any cache of the same model: it shows how many heads and dimensions a layer has.
    """
    imagined = DynamicCache(config=config)
    for index, layer in enumerate(_own_layers(cache)):
        keys, values = (
            states.new_empty((prompts, states.shape[1], tokens, states.shape[3]), device="meta")
            for states in (layer.keys, layer.values)
        )
        imagined.update(keys, values, index)
    return cache_bytes(imagined)


def _own_layers(cache: DynamicCache) -> list[Any]:
    """The layers that hold keys; in some models a layer uses those of another."""
    return [layer for layer in cache.layers if getattr(layer, "keys", None) is not None]


class _Moves(NamedTuple):
    """Where each of the n tokens of a forward pass is, and where it goes: [n] each."""

    row: torch.Tensor
    slot: torch.Tensor
    to_prompt: torch.Tensor
    to_place: torch.Tensor


def _moves(done: ForwardPass, rising: Sequence[int], longest: int) -> _Moves:
    lengths = done.batch.lengths  # [b]
    prompt = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)  # [n]
    place = torch.arange(len(prompt), device=lengths.device) - (lengths.cumsum(0) - lengths)[prompt]
    rank = torch.tensor([bisect_left(rising, index) for index in done.prompts], device=lengths.device)
    row, slot = done.batch.first_token[prompt].unbind(1)
    return _Moves(row, slot + place, rank[prompt], longest - lengths[prompt] + place)


def _join(states: Sequence[torch.Tensor], moves: Sequence[_Moves], prompts: int, longest: int) -> torch.Tensor:
    """[rows, H, W, D] of each pass → [B, H, L, D]."""
    _, heads, _, width = states[0].shape
    joined = _zeros((prompts, heads, longest, width), states[0].dtype, states[0].device)
    for state, move in zip(states, moves, strict=True):
        row, slot, to_prompt, to_place = (index.to(state.device) for index in move)  # layers may differ in device
        joined[to_prompt, :, to_place] = state[row, :, slot]
    return joined


def _zeros(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """A tensor of zeros. On Linux and macOS, the parts of a large one that are never written take no memory."""
    bytes_needed = math.prod(shape) * dtype.itemsize
    if device.type != "cpu" or bytes_needed < 1_000_000 or not hasattr(mmap, "MAP_ANONYMOUS"):
        return torch.zeros(shape, dtype=dtype, device=device)
    pages = mmap.mmap(-1, bytes_needed, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # zeros, when first touched
    return torch.frombuffer(pages, dtype=dtype).view(*shape)
