"""The cache of packed rows, and the same cache once every prompt has its own: what unpacking costs in memory."""

from __future__ import annotations

from collections.abc import Sequence

from prepack_lab.figures.rows import draw_rows
from prepack_lab.figures.style import LabFigure
from prepack_lab.measuring.machine import MB
from prepack_lab.packing import Packing


def draw_cache_layout(
    packing: Packing, bytes_per_slot: int | None = None, texts: Sequence[str] | None = None
) -> LabFigure:
    """Draw where the keys and values of each prompt lie before and after unpacking.

    Args:
        packing: the rows of the forward pass.
        bytes_per_slot: what a slot's keys and values take in all layers; without it, sizes are given in slots.
        texts: the prompts as text, shown when the mouse rests on one.
    """
    unpacked = Packing.padded(packing.lengths)
    figure = draw_rows({"packed: as the pass left it": packing, "unpacked: a cache for each": unpacked}, texts)
    figure.layout.title.text = reading(packing, unpacked, bytes_per_slot)
    assert figure.twin is not None
    figure.twin.caption = figure.reading
    return figure


def reading(packing: Packing, unpacked: Packing, bytes_per_slot: int | None) -> str:
    """What the figure says, in one sentence."""
    if bytes_per_slot is None:
        sizes = [f"{one.slots:,} slots" for one in (packing, unpacked)]
    else:
        sizes = [f"{one.slots * bytes_per_slot / MB:,.1f} MB" for one in (packing, unpacked)]
    return (
        f"Unpacking takes the cache from {sizes[0]} to {sizes[1]}: {unpacked.slots / packing.slots:.1f} times as much"
    )
