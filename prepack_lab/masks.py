"""Segments → the packed mask, which keeps the prompts of a row apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask


def packed_mask(segment_ids: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """The block-diagonal causal mask: a token sees the earlier tokens of its own prompt, and itself.

    A row with segments 0 0 1 1 and one padding slot (0 = may be seen, x = hidden):

        0 x x x x
        0 0 x x x
        x x 0 x x
        x x 0 0 x
        x x x x 0

    The mask is additive: 0 where a key may be seen and the smallest number of `dtype` where not. A boolean mask
    would be added by eager attention as 0 and 1, without a word. Padding sees padding only, so no row of the mask
    is hidden throughout, which would give NaN.

    Args:
        segment_ids: [R, W] the prompt's index for each slot, -1 on padding.
        dtype: the model's dtype.

    Returns:
        [R, 1, W, W]: row, any head, query, key.

    Source: the paper's "independent mask", section 3.
    """
    if not dtype.is_floating_point:
        raise ValueError(f"the mask is added to attention scores; its dtype is the model's, not {dtype}")
    return additive(may_see(segment_ids), dtype)


def may_see(segment_ids: torch.Tensor, apart: bool = True, window: int | None = None) -> torch.Tensor:
    """Which slot may look at which: the rule behind `packed_mask`, and what becomes of it without its parts.

    Args:
        segment_ids: [R, W] the prompt's index for each slot, -1 on padding.
        apart: without it, prompts see the earlier prompts of their row: a plain causal mask.
        window: see this many slots at most, oneself included; all earlier ones where left out.

    Returns:
        [R, 1, W, W] booleans: row, any head, query, key. Padding sees padding only.

    Raises:
        ValueError: a window below 1.
    """
    if window is not None and window < 1:
        raise ValueError(f"the window is {window}; a token sees at least itself, so it is 1 or more")
    W = segment_ids.shape[-1]
    place = torch.arange(W, device=segment_ids.device)
    distance = place[:, None] - place  # [W, W] how far the key lies before the query
    near = (distance >= 0) if window is None else (distance >= 0) & (distance < window)
    segments = segment_ids if apart else segment_ids.clamp(max=0)
    return same_prompt(segments, segments) & near


def packed_block_mask(segment_ids: torch.Tensor) -> BlockMask:
    """The same rule for FlexAttention (`torch.nn.attention.flex_attention`), which leaves hidden blocks out.

    Args:
        segment_ids: [R, W] the prompt's index for each slot, -1 on padding.

    Returns:
        A block mask over [R, 1, W, W]; pass it as `block_mask=`.
    """
    from torch.nn.attention.flex_attention import create_block_mask

    def may_see(row: torch.Tensor, head: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        return (segment_ids[row, query] == segment_ids[row, key]) & (key <= query)

    R, W = segment_ids.shape
    return create_block_mask(may_see, R, None, W, W, device=segment_ids.device)


def same_prompt(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Which slots belong to one prompt: segments [R, Q] and [R, W] → [R, 1, Q, W]."""
    return queries[:, None, :, None] == keys[:, None, None, :]


def additive(may_see: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """0 where a key may be seen, and the smallest number of `dtype` where not."""
    mask = torch.zeros(may_see.shape, dtype=dtype, device=may_see.device)
    return mask.masked_fill_(~may_see, torch.finfo(dtype).min)
