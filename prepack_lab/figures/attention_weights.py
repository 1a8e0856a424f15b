"""The attention that a real model pays, slot by slot, and how much of it goes to other prompts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prepack_lab.figures.slot_axes import short_names, slot_axes, slot_names
from prepack_lab.figures.style import OKABE_ITO, TEXT, LabFigure, style
from prepack_lab.measuring.table import Table


def draw_attention_weights(
    weights: np.ndarray, segment_ids: Sequence[int], words: Sequence[Sequence[str]] | None = None
) -> LabFigure:
    """Draw who attends to whom in a packed row, in one head or in the mean of several.

    Args:
        weights: [W, W] query and key; what a query pays adds up to 1.
        segment_ids: [W] the prompt's index for each slot, -1 on padding.
        words: the tokens of each prompt as text.
    """
    weights, segments = np.asarray(weights, float), np.asarray(segment_ids)
    names = slot_names(segments.tolist(), words)
    figure = LabFigure()
    figure.add_heatmap(
        x=names, y=names, z=np.sqrt(weights).round(4).tolist(), zmin=0, zmax=1, customdata=weights.round(4).tolist(),
        colorscale=[(0, "rgba(0, 114, 178, 0)"), (1, OKABE_ITO[0])],
        colorbar={"title": "share", "tickvals": [0, 0.1**0.5, 0.5, 1], "ticktext": ["0", "10 %", "25 %", "100 %"]},
        hovertemplate="%{y} gives %{customdata:.1%} of its attention to %{x}<extra></extra>",
    )  # fmt: skip
    style(figure, reading(weights, segments), height=560)
    slot_axes(figure, names, short_names(segments.tolist(), words))
    figure.update_layout(margin={"l": 90, "b": 110})
    for seam in np.flatnonzero(np.diff(segments)):
        for add in (figure.add_hline, figure.add_vline):
            add(
                **{"y" if add == figure.add_hline else "x": seam + 0.5}, line={"color": TEXT, "width": 1, "dash": "dot"}
            )
    figure.twin = _twin(weights, segments, figure.reading)
    return figure


def leaked(weights: np.ndarray, segment_ids: Sequence[int] | np.ndarray) -> np.ndarray:
    """[W] the share of each slot's attention that goes to other prompts."""
    segments = np.asarray(segment_ids)
    return np.where(segments[:, None] == segments, 0, weights).sum(-1)


def reading(weights: np.ndarray, segments: np.ndarray) -> str:
    """What the figure says, in one sentence."""
    tokens = segments >= 0
    share = leaked(weights, segments)[tokens].mean()
    if share < 1e-6:
        return "All attention stays inside its own prompt"
    return f"{share:.0%} of the attention goes to other prompts: tokens read what is not theirs"


def _twin(weights: np.ndarray, segments: np.ndarray, caption: str) -> Table:
    """For each prompt, where its tokens look: at whom, and how much."""
    prompts = [*dict.fromkeys(segments[segments >= 0].tolist())]
    rows = []
    for asking in prompts:
        shares = [weights[segments == asking][:, segments == asked].sum(-1).mean() for asked in prompts]
        rows.append((f"prompt {asking}", *(f"{share:.0%}" for share in shares)))
    return Table(("attention of", *(f"to prompt {asked}" for asked in prompts)), rows, caption)
