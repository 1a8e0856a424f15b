"""The caches of forward passes → one cache for each prompt, left-padded and ready for `model.generate`.

Keys and values are [B, H, L, D] per layer: prompts in the order given, their last tokens aligned at the right.
Layers are the model's own kind, so a sliding-window layer keeps only what its window can see.
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
    """Give each prompt of a packed forward pass its own cache, by one gather per layer.

    Args:
        cache: of the packed forward pass, [R, H, W, D] per layer.
        batch: the rows that were run.
        config: the model's, which says what kind of layers its cache has.

    Returns:
        [B, H, L, D] per layer.

    Source: the paper's section 3; its code loops over layers and prompts instead.
    """
    planned = Pass(range(len(batch.packing.lengths)), batch.packing, "masked")
    return join_caches([ForwardPass(planned, batch, torch.empty(0), cache)], config)


def join_caches(passes: Sequence[ForwardPass], config: PreTrainedConfig) -> DynamicCache:
    """One left-padded cache for the prompts of several forward passes, in their order: [B, H, L, D] per layer.

    Only tokens are moved; padding is 0. Its attention weight is 0, too, so it changes nothing.
    """
    longest = max(int(one.batch.lengths.max()) for one in passes)
    rising = sorted(prompt for one in passes for prompt in one.prompts)
    moves = [_moves(one, rising, longest) for one in passes]
    joined = DynamicCache(config=config)
    for index in range(len(passes[0].cache.layers)):
        states = [_states(one.cache.layers[index]) for one in passes]
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
    """Bytes that the keys and values of a cache take."""
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


def _moves(one: ForwardPass, rising: Sequence[int], longest: int) -> _Moves:
    lengths = one.batch.lengths  # [b]
    prompt = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)  # [n]
    place = torch.arange(len(prompt), device=lengths.device) - (lengths.cumsum(0) - lengths)[prompt]
    rank = torch.tensor([bisect_left(rising, index) for index in one.prompts], device=lengths.device)
    row, slot = one.batch.first_token[prompt].unbind(1)
    return _Moves(row, slot + place, rank[prompt], longest - lengths[prompt] + place)


def _join(states: Sequence[torch.Tensor], moves: Sequence[_Moves], prompts: int, longest: int) -> torch.Tensor:
    """[rows, H, W, D] of each pass → [B, H, L, D]."""
    _, heads, _, width = states[0].shape
    joined = _zeros((prompts, heads, longest, width), states[0].dtype, states[0].device)
    for state, move in zip(states, moves, strict=True):
        row, slot, to_prompt, to_place = (
            index.to(state.device) for index in move
        )  # layers may have devices of their own
        joined[to_prompt, :, to_place] = state[row, :, slot]
    return joined


def _zeros(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """A tensor of zeros. On Linux and macOS, a large one takes no memory where nothing is ever written."""
    bytes_needed = math.prod(shape) * dtype.itemsize
    if device.type != "cpu" or bytes_needed < 1_000_000 or not hasattr(mmap, "MAP_ANONYMOUS"):
        return torch.zeros(shape, dtype=dtype, device=device)
    pages = mmap.mmap(-1, bytes_needed, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # zeros, when first touched
    return torch.frombuffer(pages, dtype=dtype).view(*shape)
