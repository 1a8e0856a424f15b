"""A mask: which slot of a row may look at which, each prompt's own part in its colour."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import plotly.express as px

from prepack_lab.figures.slot_axes import short_names, slot_axes, slot_names
from prepack_lab.figures.style import OKABE_ITO, LabFigure, prompt_colour, style
from prepack_lab.measuring.table import Table

CELLS = 64
"""Up to this many slots every cell is drawn, named and marked; above it the mask is an image."""

_PADDING_PART = "rgba(128, 128, 128, 0.35)"
_HIDDEN = "rgba(128, 128, 128, 0.07)"
_LEAK = "#8c8c8c"


def draw_mask(
    may_see: np.ndarray,
    segment_ids: Sequence[int],
    words: Sequence[Sequence[str]] | None = None,
    position_ids: Sequence[int] | None = None,
) -> LabFigure:
    """Draw what each slot of a row may look at.

    Args:
        may_see: [W, W] booleans, query and key: a row of `may_see`.
        segment_ids: [W] the prompt's index for each slot, -1 on padding.
        words: the tokens of each prompt as text.
        position_ids: [W] shown beside the slots that look, where given.
    """
    seen, segments = np.asarray(may_see, bool), np.asarray(segment_ids)
    own = segments[:, None] == segments
    figure = LabFigure()
    if len(segments) <= CELLS:
        _add_cells(figure, seen, own, segments, words)
    else:
        _add_image(figure, seen, own, segments)
    style(figure, reading(seen, segments), height=560)
    if len(segments) <= CELLS:
        short = short_names(segments.tolist(), words)
        slot_axes(figure, slot_names(segments.tolist(), words), short)
        if position_ids is not None:
            at = [f"{name}  {position}" for name, position in zip(short, position_ids, strict=True)]
            figure.update_yaxes(tickvals=[*range(len(at))], ticktext=at, title="looks (query), and its position")
        figure.update_layout(margin={"l": 90, "b": 110})
    else:
        extent = [-0.5, len(segments) - 0.5]
        figure.update_xaxes(title="slot that may be seen (key)", range=extent, showgrid=False, constrain="domain")
        figure.update_yaxes(title="slot that looks (query)", range=extent[::-1], scaleanchor="x", constrain="domain")
    figure.twin = _twin(seen, own, segments, figure.reading)
    return figure


def reading(seen: np.ndarray, segments: np.ndarray) -> str:
    """What the figure says, in one sentence."""
    tokens = segments >= 0
    leaks = int((seen & tokens[:, None] & tokens & (segments[:, None] != segments)).sum())
    if leaks:
        return f"{leaks:,} cells (×) let a token see another prompt: that must not be"
    useful = int((seen & tokens[:, None]).sum())
    return f"No token sees another prompt; {useful:,} of {seen.size:,} cells are used, {useful / seen.size:.0%}"


def _add_cells(
    figure: LabFigure, seen: np.ndarray, own: np.ndarray, segments: np.ndarray, words: Sequence[Sequence[str]] | None
) -> None:
    """Three heat maps: what is hidden, what is seen of the own prompt, and what leaks from others."""
    names = slot_names(segments.tolist(), words)
    colour = np.where(segments < 0, len(OKABE_ITO), segments % len(OKABE_ITO))[:, None]
    colours = [*OKABE_ITO, _PADDING_PART]
    steps = [(edge / len(colours), colours[index]) for index in range(len(colours)) for edge in (index, index + 1)]
    parts = (
        ("may not see", ~seen, np.zeros_like(colour), [(0, _HIDDEN), (1, _HIDDEN)], ""),
        ("may see", seen & own, colour, steps, ""),
        ("can see, and should not,", seen & ~own, np.zeros_like(colour), [(0, _LEAK), (1, _LEAK)], "×"),
    )
    for verb, where, value, scale, mark in parts:
        figure.add_heatmap(
            x=names, y=names, z=np.where(where, value, np.array(None)).tolist(), zmin=0, zmax=len(colours),
            colorscale=scale, showscale=False, xgap=1, ygap=1, hoverongaps=False,
            hovertemplate=f"%{{y}} {verb} %{{x}}<extra></extra>",
            **({"text": np.where(where, mark, "").tolist(), "texttemplate": "%{text}"} if mark else {}),
        )  # fmt: skip


def _add_image(figure: LabFigure, seen: np.ndarray, own: np.ndarray, segments: np.ndarray) -> None:
    """The cells as an image, and over each prompt's part an area that says what it is."""
    pixels = np.zeros((*seen.shape, 4), dtype=np.uint8)
    palette = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] + [255] for colour in OKABE_ITO])
    per_slot = np.where(segments[:, None] < 0, [128, 128, 128, 90], palette[segments % len(OKABE_ITO)])
    pixels[:] = np.where((seen & own)[..., None], per_slot[:, None], pixels)
    pixels[seen & ~own] = [140, 140, 140, 255]
    figure.add_trace(px.imshow(pixels, binary_string=True, binary_compression_level=1).data[0])
    figure.update_traces(hoverinfo="skip", hovertemplate=None)
    for segment, first, last in _stretches(segments):
        if segment >= 0:
            corners = [first - 0.5, last + 0.5, last + 0.5, first - 0.5, first - 0.5]
            figure.add_scatter(
                x=[corners[0], corners[0], corners[1], corners[1], corners[0]], y=corners, mode="lines", fill="toself",
                fillcolor="rgba(0, 0, 0, 0)", line={"color": prompt_colour(segment), "width": 1.5}, hoveron="fills",
                text=f"prompt {segment}: {last - first + 1:,} tokens, each sees the earlier ones and itself",
                hoverinfo="text", showlegend=False,
            )  # fmt: skip


def _stretches(segments: np.ndarray) -> list[tuple[int, int, int]]:
    """Each prompt of a row, with its first slot and its last."""
    found = []
    for segment, group in groupby(range(len(segments)), key=lambda slot: int(segments[slot])):
        slots = [*group]
        found.append((segment, slots[0], slots[-1]))
    return found


def _twin(seen: np.ndarray, own: np.ndarray, segments: np.ndarray, caption: str) -> Table:
    """For each prompt: the pairs of its own that are seen, and those of others."""
    rows = []
    for segment, first, last in _stretches(segments):
        part = slice(first, last + 1)
        inside, others = int((seen & own)[part].sum()), int((seen & ~own)[part].sum())
        name = "padding" if segment < 0 else f"prompt {segment}"
        rows.append((name, f"{first:,} to {last:,}", f"{inside:,}", f"{others:,}"))
    return Table(("part", "slots", "cells seen of its own", "of other prompts"), rows, caption)
