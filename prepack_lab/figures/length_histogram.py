"""How long the prompts of a workload are, and the batch that was drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from prepack_lab.figures.contrast import parting_line
from prepack_lab.figures.style import OKABE_ITO, TEXT, LabFigure, prompt_colour, style
from prepack_lab.measuring.table import Table
from prepack_lab.sources.lengths import LengthProfile

BINS = 50


def draw_lengths(profile: LengthProfile, batch: Sequence[int] | None = None) -> LabFigure:
    """Draw the histogram of a profile, and below it the prompts of a batch, the longest of which sets the width.

    Args:
        profile: whose lengths.
        batch: tokens of each prompt in a batch.
    """
    lengths, counts = profile.histogram.T
    edges = np.linspace(0, float(lengths[-1]), BINS + 1)
    share, _ = np.histogram(lengths, edges, weights=counts / counts.sum())
    middle = (edges[:-1] + edges[1:]) / 2
    figure = LabFigure()
    figure.add_bar(
        x=middle,
        y=share,
        width=np.diff(edges),
        marker={"color": OKABE_ITO[0], "line": {"width": 0}},
        customdata=[f"{low:,.0f} to {high:,.0f} tokens" for low, high in pairwise(edges)],
        hovertemplate="%{y:.1%} of the prompts have %{customdata}<extra></extra>",
        showlegend=False,
    )
    style(figure, reading(profile, batch), height=380)
    figure.update_yaxes(title="share of the prompts", tickformat=".0%", rangemode="tozero")
    figure.update_xaxes(title="tokens", range=[0, 1.02 * float(lengths[-1])])
    figure.update_layout(bargap=0)
    if batch:
        _add_batch(figure, batch, float(share.max()))
    figure.twin = _twin(profile, batch, figure.reading)
    return figure


def reading(profile: LengthProfile, batch: Sequence[int] | None) -> str:
    """What the figure says, in one sentence."""
    if not batch:
        return f"Half of the prompts have at most {profile.median:,.0f} tokens, the longest {profile.longest:,}"
    below = sum(2 * length <= max(batch) for length in batch)
    return f"The longest of {len(batch)} prompts has {max(batch):,} tokens; {below} are at most half as long"


def _add_batch(figure: LabFigure, batch: Sequence[int], height: float) -> None:
    colours = [prompt_colour(prompt) for prompt in range(len(batch))]
    figure.add_scatter(
        x=[*batch],
        y=[-0.06 * height] * len(batch),
        mode="markers",
        marker={
            "symbol": "diamond-tall", "size": 14, "color": colours,
            "line": {"width": 1, "color": [*map(parting_line, colours)]},
        },
        customdata=[f"prompt {prompt}: {length:,} tokens" for prompt, length in enumerate(batch)],
        hovertemplate="%{customdata}<extra></extra>",
        showlegend=False,
    )  # fmt: skip
    at_the_left = max(batch) > figure.layout.xaxis.range[1] / 2
    figure.add_vline(
        x=max(batch),
        line={"color": TEXT, "width": 2, "dash": "dash"},
        annotation={"text": f"longest of the batch: {max(batch):,}", "font_color": TEXT},
        annotation_xshift=-4 if at_the_left else 4,
        annotation_position="top left" if at_the_left else "top right",
    )


def _twin(profile: LengthProfile, batch: Sequence[int] | None, caption: str) -> Table:
    lengths = np.repeat(*profile.histogram.T)
    shares = (10, 25, 50, 75, 90, 99)
    rows = [
        (profile.title, *(f"{value:,.0f}" for value in np.percentile(lengths, shares)), f"{profile.longest:,}"),
        *([("this batch", *(f"{v:,.0f}" for v in np.percentile(batch, shares)), f"{max(batch):,}")] if batch else []),
    ]
    return Table(("tokens", *(f"{share} % have at most" for share in shares), "longest"), rows, caption)
