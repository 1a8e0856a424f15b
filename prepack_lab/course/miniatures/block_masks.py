"""FlexAttention: attention is given the rule instead of the mask, and leaves out blocks that are hidden throughout.

A dense mask hides pairs of a query and a key after they were computed. Here the square of all pairs is cut into blocks
of 128 × 128, and the rule is asked once which of them to compute. In blocks of 2 × 2, a row with segments of 5 and 3:

    o . . .       o  computed, with the rule asked pair by pair: some pairs are hidden
    # o . .       #  computed as it is: no pair is hidden
    o o o .       .  left out
    . . o o

The lab's rule is `masks.packed_block_mask`.

Source: Dong et al., Flex Attention, arXiv 2412.05496; `torch.nn.attention.flex_attention`.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask

LEFT_OUT, PARTLY, WHOLE = 0, 1, 2


def block_kinds(mask: BlockMask) -> torch.Tensor:
    """What becomes of each block, `LEFT_OUT`, `PARTLY` or `WHOLE`: [R, query blocks, key blocks]."""
    partly, whole = (mask.kv_num_blocks, mask.kv_indices), (mask.full_kv_num_blocks, mask.full_kv_indices)
    return (PARTLY * _marked(*partly) + WHOLE * _marked(*whole))[:, 0]


def computed_pairs(mask: BlockMask) -> int:
    """Pairs of a query and a key that are computed, in all rows: whole blocks of them."""
    height, width = mask.BLOCK_SIZE
    return int((block_kinds(mask) != LEFT_OUT).sum()) * height * width


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: BlockMask) -> torch.Tensor:
    """FlexAttention without its compiler, which would need one for C++ here: the same numbers, and no time saved.

    Args:
        query, key, value: [R, H, W, D].

    Returns:
        [R, H, W, D].
    """
    from torch.nn.attention.flex_attention import flex_attention

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "flex_attention called without torch.compile")
        out = flex_attention(query, key, value, block_mask=mask)
    assert isinstance(out, torch.Tensor)
    return out


def _marked(count: torch.Tensor | None, indices: torch.Tensor | None) -> torch.Tensor:
    """1 where a block is among the first `count` indices of its line: [R, 1, Q] and [R, 1, Q, K] → [R, 1, Q, K]."""
    if count is None or indices is None:
        return torch.tensor(0)
    K = indices.shape[-1]
    named = torch.arange(K, device=count.device) < count[..., None]
    return torch.zeros(indices.shape, dtype=torch.long).scatter_add(-1, indices.long(), named.long())
