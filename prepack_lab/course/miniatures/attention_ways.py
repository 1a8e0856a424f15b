"""One attention, three ways: under a dense mask over packed rows, block by block, and prompt by prompt.

The first computes every pair of a row, the second leaves out blocks that are hidden throughout, the third computes no
hidden pair at all. The results are the same, up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from prepack_lab.course.miniatures.block_masks import attend, computed_pairs
from prepack_lab.course.miniatures.varlen_attention import attend_by_mask, attend_by_segment
from prepack_lab.masks import packed_block_mask
from prepack_lab.measuring.timing import Measurement, measure_together
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import Packing, pack


@dataclass(frozen=True)
class Attended:
    """What one way computed."""

    pairs: int
    """Of a query and a key."""
    time: Measurement | None
    """None where it is not compiled, and so says nothing."""
    off: float
    """The largest difference from each prompt alone."""


def attend_three_ways(lengths: Sequence[int], width: int = 64, repeats: int = 3) -> dict[str, Attended]:
    """Compute attention over prompts of these lengths in three ways, on the CPU.

    Args:
        lengths: tokens of each prompt.
        width: D, the numbers in a head; there is one head, filled at random.
        repeats: timed runs.
    """
    prompts = [[0] * length for length in lengths]
    rows = PackedBatch.from_prompts(prompts, pack(lengths))
    (cu_seqlens,) = PackedBatch.from_prompts(prompts, Packing.concatenated(lengths)).cu_seqlens
    is_token = rows.segment_ids >= 0  # [R, W]
    place = (torch.tensor(cu_seqlens)[rows.segment_ids] + rows.position_ids)[
        is_token
    ]  # of each token, one after another
    alone = torch.randn(3, 1, sum(lengths), width, generator=torch.Generator().manual_seed(0))  # [3, H, tokens, D]
    packed = torch.zeros(3, *rows.shape, 1, width)
    packed[:, is_token] = alone[:, :, place].transpose(1, 2)
    query, key, value = packed.transpose(2, 3)  # [R, H, W, D] each
    blocks = packed_block_mask(rows.segment_ids)
    ways = {
        "dense mask": lambda: attend_by_mask(query, key, value, rows.segment_ids),
        "prompt by prompt, varlen": lambda: attend_by_segment(alone[0], alone[1], alone[2], cu_seqlens),
    }
    times = measure_together(ways, repeats=repeats, device="cpu")
    expected = ways["prompt by prompt, varlen"]()[:, place].transpose(0, 1)  # [tokens, H, D]

    def off(out: torch.Tensor) -> float:
        return float((out.transpose(1, 2)[is_token] - expected).abs().max())

    R, W = rows.shape
    needed = sum(length * (length + 1) // 2 for length in lengths)
    return {
        "dense mask": Attended(R * W**2, times["dense mask"], off(ways["dense mask"]())),
        "block mask, FlexAttention": Attended(computed_pairs(blocks), None, off(attend(query, key, value, blocks))),
        "prompt by prompt, varlen": Attended(needed, times["prompt by prompt, varlen"], 0.0),
    }
