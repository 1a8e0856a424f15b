"""The blocks of a packed row: which of them FlexAttention computes, and which it leaves out."""

from __future__ import annotations

import numpy as np

from prepack_lab.figures.style import OKABE_ITO, LabFigure, style
from prepack_lab.measuring.table import Table

KINDS = ("left out", "computed, pair by pair under the rule", "computed as it is")
"""What becomes of a block: `LEFT_OUT`, `PARTLY` and `WHOLE` of `miniatures/block_masks.py`."""

_COLOURS = ("rgba(128, 128, 128, 0.12)", OKABE_ITO[1], OKABE_ITO[0])
_MARKS = ("", "o", "#")
_INKS = ("black", "black", "white")


def draw_block_mask(kinds: np.ndarray, block_size: int = 128) -> LabFigure:
    """Draw the blocks of one row.

    Args:
        kinds: [query blocks, key blocks] of 0, 1 and 2: a place in `KINDS`.
        block_size: slots at each side of a block.
    """
    kinds = np.asarray(kinds)
    names = [f"slots {block * block_size:,} to {(block + 1) * block_size - 1:,}" for block in range(len(kinds))]
    figure = LabFigure()
    for kind, (words, colour, mark, ink) in enumerate(zip(KINDS, _COLOURS, _MARKS, _INKS, strict=True)):
        there = np.where(kinds == kind, kind, np.array(None))
        figure.add_heatmap(
            x=names, y=names, z=there.tolist(), zmin=0, zmax=2, colorscale=[(0, colour), (1, colour)],
            showscale=False, showlegend=True, name=f"{mark} {words}".strip(), xgap=1, ygap=1, hoverongaps=False,
            text=np.where(kinds == kind, mark, "").tolist(), texttemplate="%{text}", textfont={"color": ink},
            hovertemplate=f"queries of %{{y}}, keys of %{{x}}: {words}<extra></extra>",
        )  # fmt: skip
    style(figure, reading(kinds), height=520)
    every = -(-len(names) // 10)
    ticks = {
        "tickvals": names[::every],
        "ticktext": [f"{block * block_size:,}" for block in range(0, len(names), every)],
    }
    axis = {"type": "category", "categoryarray": names, "showgrid": False, "constrain": "domain", **ticks}
    figure.update_xaxes(**axis, title="block of keys, by its first slot")
    figure.update_yaxes(**axis, autorange="reversed", scaleanchor="x", title="block of queries")
    figure.update_layout(margin_l=75)
    rows = [(words, f"{int((kinds == kind).sum()):,}") for kind, words in enumerate(KINDS)]
    figure.twin = Table((f"blocks of {block_size} × {block_size} pairs", "how many"), rows, figure.reading)
    return figure


def reading(kinds: np.ndarray) -> str:
    """What the figure says, in one sentence."""
    computed = int((kinds > 0).sum())
    return f"{computed:,} of {kinds.size:,} blocks are computed, {computed / kinds.size:.0%}; the others are left out"
