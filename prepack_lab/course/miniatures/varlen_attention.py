"""Varlen attention: one row of all prompts, and where each begins, instead of rows and a mask.

Prompts of 2, 4 and 3 tokens lie in one row of 9 slots, with `cu_seqlens` 0 2 6 9. Each is attended to by itself:
3 + 10 + 6 pairs of a query and a key. A mask over two rows of 6 slots would make it 72, most of them hidden.

On CUDA one kernel does it for all prompts at once (`torch.nn.attention.varlen`); here they take their turn. The lab's
method `padding_free` is this, in every layer of a model.

Source: Dao et al., FlashAttention, arXiv 2205.14135, and the `varlen` functions of its library.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F

from prepack_lab.masks import packed_mask


def attend_by_segment(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, cu_seqlens: Sequence[int]
) -> torch.Tensor:
    """The causal attention of each prompt of one row by itself: [H, tokens, D] each → [H, tokens, D]."""
    attended = []
    for begin, end in pairwise(cu_seqlens):
        q, k, v = (states[None, :, begin:end] for states in (query, key, value))  # [1, H, n, D]
        attended.append(F.scaled_dot_product_attention(q, k, v, is_causal=True)[0])
    return torch.cat(attended, dim=1)


def attend_by_mask(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, segment_ids: torch.Tensor
) -> torch.Tensor:
    """The same for packed rows, under a dense mask: [R, H, W, D] each, and segments [R, W] → [R, H, W, D]."""
    return F.scaled_dot_product_attention(query, key, value, attn_mask=packed_mask(segment_ids, query.dtype))
