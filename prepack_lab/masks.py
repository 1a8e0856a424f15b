"""Segments → the packed mask, which keeps the prompts of a row apart."""

from __future__ import annotations

import torch


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
    W = segment_ids.shape[-1]
    same_prompt = segment_ids[:, None, :, None] == segment_ids[:, None, None, :]  # [R, 1, W, W]
    not_later = torch.ones(W, W, dtype=torch.bool, device=segment_ids.device).tril()  # [W, W]
    mask = torch.zeros(same_prompt.shape, dtype=dtype, device=segment_ids.device)
    return mask.masked_fill_(~(same_prompt & not_later), torch.finfo(dtype).min)
