"""Segments → the packed mask, which keeps the prompts of a row apart. `attention.py` uses the same rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask

Rule = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""Indices of row, head, query and key, which broadcast → may the query see the key? As in transformers and torch."""


def causal(row: torch.Tensor, head: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """A token sees itself and what came before it."""
    return key <= query


def sliding_window(size: int) -> Rule:
    """A token sees itself and at most `size - 1` tokens before it.

    Raises:
        ValueError: a size below 1.
    """
    if size < 1:
        raise ValueError(f"the window is {size}; a token sees at least itself, so give 1 or more")
    return lambda row, head, query, key: (key <= query) & (query - key < size)


@dataclass(frozen=True)
class Slots:
    """Whose token is in each slot of some rows, and where in its prompt."""

    segment_ids: torch.Tensor
    """[R, W] the prompt's index; -1 on padding."""
    position_ids: torch.Tensor
    """[R, W] the token's place in its own prompt."""
    parents: torch.Tensor | None = None
    """[S] the segment that each one goes on from, or itself; left out, each prompt is one segment."""


def visible(queries: Slots, keys: Slots, rule: Rule = causal) -> torch.Tensor:
    """Which slot may see which: only slots of its own prompt, and only those that the rule allows. A segment that goes
    on from another sees that one, too, and the one that it goes on from.

    The rule is given positions, which restart for each prompt, so a window means the same in a row as alone.

    Args:
        queries: [R, Q] the slots that see.
        keys: [R, W] the slots that are seen.
        rule: what the layer allows within a prompt.

    Returns:
        [R, 1, Q, W] booleans: row, any head, query, key. Padding sees padding only.
    """
    row = torch.arange(len(queries.segment_ids), device=queries.segment_ids.device)[:, None, None, None]
    same_prompt, segments = _same_segment(queries.segment_ids, keys), queries.segment_ids
    while queries.parents is not None and not torch.equal(segments, above := _parents(segments, queries.parents)):
        same_prompt |= _same_segment(above, keys)
        segments = above
    allowed = rule(row, torch.zeros_like(row), queries.position_ids[:, None, :, None], keys.position_ids[:, None, None])
    return same_prompt & allowed


def _same_segment(segments: torch.Tensor, keys: Slots) -> torch.Tensor:
    return segments[:, None, :, None] == keys.segment_ids[:, None, None, :]


def _parents(segments: torch.Tensor, parents: torch.Tensor) -> torch.Tensor:
    return torch.where(segments < 0, segments, parents[segments])


def may_see(segment_ids: torch.Tensor, apart: bool = True, window: int | None = None) -> torch.Tensor:
    """The rule of `packed_mask`, whole or without one of its parts.

    Args:
        segment_ids: [R, W] the prompt's index for each slot, -1 on padding.
        apart: without it, prompts see the earlier prompts of their row: a plain causal mask.
        window: a token sees at most this many slots, its own included; left out, all earlier ones.

    Returns:
        [R, 1, W, W] booleans, as `visible`.

    Raises:
        ValueError: a window below 1.
    """
    places = torch.arange(segment_ids.shape[1], device=segment_ids.device).expand_as(segment_ids)
    slots = Slots(segment_ids if apart else segment_ids.clamp(max=0), places)
    return visible(slots, slots, causal if window is None else sliding_window(window))


def packed_mask(segment_ids: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """The block-diagonal causal mask: a token sees the earlier tokens of its own prompt, and itself.

    A row with segments 0 0 1 1 and one padding slot (0 = may be seen, x = hidden):

        0 x x x x
        0 0 x x x
        x x 0 x x
        x x 0 0 x
        x x x x 0

    The mask is additive: 0 where a key may be seen and the smallest number of `dtype` where not. Eager attention
    would silently add a boolean mask as 0 and 1. Padding sees padding only, so that every query sees some key:
    a softmax over none would give NaN.

    Args:
        segment_ids: [R, W] the prompt's index for each slot, -1 on padding.
        dtype: the model's dtype.

    Returns:
        [R, 1, W, W]: row, any head, query, key.

    Raises:
        ValueError: a dtype that is not floating-point.

    Source: the paper's "independent mask", section 3.
    """
    if not dtype.is_floating_point:
        raise ValueError(f"the mask is added to attention scores; its dtype is the model's, not {dtype}")
    return additive(may_see(segment_ids), dtype)


def packed_block_mask(segment_ids: torch.Tensor) -> BlockMask:
    """The same rule for FlexAttention (`torch.nn.attention.flex_attention`), which skips fully hidden blocks.

    Args:
        segment_ids: [R, W] the prompt's index for each slot, -1 on padding.

    Returns:
        A block mask over [R, 1, W, W]; pass it as `block_mask=`.
    """
    from torch.nn.attention.flex_attention import create_block_mask

    def allowed(row: torch.Tensor, head: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        return (segment_ids[row, query] == segment_ids[row, key]) & causal(row, head, query, key)

    R, W = segment_ids.shape
    return create_block_mask(allowed, R, None, W, W, device=segment_ids.device)


def additive(seen: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """0 where a key may be seen, and the smallest number of `dtype` where not."""
    mask = torch.zeros(seen.shape, dtype=dtype, device=seen.device)
    return mask.masked_fill_(~seen, torch.finfo(dtype).min)
