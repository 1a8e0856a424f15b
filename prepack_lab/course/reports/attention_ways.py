"""One attention, three ways: under a dense mask, block by block, and prompt by prompt."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch

from prepack_lab.course.miniatures.block_masks import attend, computed_pairs
from prepack_lab.course.miniatures.varlen_attention import attend_by_mask, attend_by_segment
from prepack_lab.masks import packed_block_mask
from prepack_lab.measuring.table import Table
from prepack_lab.measuring.timing import Measurement, measure_together
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import Packing, pack


class _Laid(NamedTuple):
    """Queries, keys and values of some prompts, laid out twice."""

    rows: PackedBatch
    packed: torch.Tensor
    """[3, R, H, W, D] in the rows, 0 on padding."""
    alone: torch.Tensor
    """[3, H, tokens, D] one prompt after the other."""
    cu_seqlens: list[int]
    is_token: torch.Tensor
    """[R, W] the slots of the rows that hold a token."""
    place: torch.Tensor
    """[tokens] where each of those tokens lies in `alone`."""


def attention_table(lengths: Sequence[int], width: int = 64, repeats: int = 3) -> Table:
    """Pairs that attention computes for prompts of these lengths, seconds, and how far the results are apart.

    Args:
        lengths: tokens of each prompt.
        width: D, the numbers in a head; there is one head, filled at random.
        repeats: timed runs.
    """
    laid = _lay_out(lengths, width)
    R, W = laid.rows.shape
    blocks = packed_block_mask(laid.rows.segment_ids)
    query, key, value = laid.packed
    masked = partial(attend_by_mask, query, key, value, laid.rows.segment_ids)
    flex = partial(attend, query, key, value, blocks)
    query, key, value = laid.alone
    segmented = partial(attend_by_segment, query, key, value, laid.cu_seqlens)
    expected = segmented()[:, laid.place].transpose(0, 1)  # [tokens, H, D]
    times = measure_together({"masked": masked, "segmented": segmented}, repeats=repeats, device="cpu")
    needed = sum(length * (length + 1) // 2 for length in lengths)

    def row(way: str, pairs: int, took: str, out: torch.Tensor | None) -> tuple[str, ...]:
        off = "–" if out is None else f"{(out.transpose(1, 2)[laid.is_token] - expected).abs().max().item():.1e}"
        return way, f"{pairs / 1e6:,.2f} ({pairs / needed:.1f}×)", took, off

    rows = [
        row("dense mask over the rows", R * W**2, _ms(times["masked"]), masked()),
        row("block mask, FlexAttention", computed_pairs(blocks), "not compiled here", flex()),
        row("one attention a prompt, varlen", needed, _ms(times["segmented"]), None),
    ]
    headings = ("attention", "pairs computed, in millions", "median and quartiles", "off by, at most")
    device = times["masked"].device
    caption = f"{len(lengths)} prompts, {sum(lengths):,} tokens, {R} packed rows of {W:,} slots; one head, on {device}"
    return Table(headings, rows, caption)


def _lay_out(lengths: Sequence[int], width: int) -> _Laid:
    prompts = [[0] * length for length in lengths]
    rows = PackedBatch.from_prompts(prompts, pack(lengths))
    (cu_seqlens,) = PackedBatch.from_prompts(prompts, Packing.concatenated(lengths)).cu_seqlens
    is_token = rows.segment_ids >= 0
    place = (torch.tensor(cu_seqlens)[rows.segment_ids] + rows.position_ids)[is_token]
    alone = torch.randn(3, 1, sum(lengths), width, generator=torch.Generator().manual_seed(0))
    packed = torch.zeros(3, *rows.shape, 1, width)
    packed[:, is_token] = alone[:, :, place].transpose(1, 2)
    return _Laid(rows, packed.transpose(2, 3), alone, cu_seqlens, is_token, place)


def _ms(time: Measurement) -> str:
    lower, upper = time.spread
    return f"{1e3 * time.median:.1f} ms ({1e3 * lower:.1f} to {1e3 * upper:.1f})"
