"""How long the lucky and the unlucky wait: percentiles of the time to first token, method by method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from prepack_lab.figures.style import LabFigure, look, style_curves
from prepack_lab.measuring.table import Table

SHARES = (50, 90, 99)


def draw_percentiles(waits: Mapping[str, Sequence[float]]) -> LabFigure:
    """Draw, for each share of the prompts, the seconds within which their first token came.

    Args:
        waits: for each method, the time to first token of every prompt, in seconds.
    """
    figure = LabFigure()
    shares = np.arange(1, 100)
    for method, seconds in waits.items():
        drawn, at = look(method), np.percentile(seconds, shares)
        figure.add_scatter(
            x=shares,
            y=at,
            mode="lines+markers",
            name=method,
            line={"color": drawn.colour, "dash": drawn.dash, "width": 2},
            marker={"symbol": drawn.symbol, "size": [9 if share in SHARES else 0 for share in shares]},
            customdata=[f"{method}: {share} % wait at most {s:.2f} s" for share, s in zip(shares, at, strict=True)],
            hovertemplate="%{customdata}<extra></extra>",
        )
    style_curves(figure, reading(waits), "share of the prompts", "time to first token, seconds")
    figure.update_xaxes(ticksuffix=" %", tickvals=[1, 25, *SHARES])
    figure.update_yaxes(type="log", dtick="D2", tickformat=",~g")
    rows = [
        (method, *(f"{at:.2f} s" for at in np.percentile(seconds, SHARES)), f"{max(seconds):.2f} s")
        for method, seconds in waits.items()
    ]
    figure.twin = Table(("method", *(f"{share} % wait at most" for share in SHARES), "longest"), rows, figure.reading)
    return figure


def reading(waits: Mapping[str, Sequence[float]]) -> str:
    """What the figure says, in one sentence."""
    if not waits:
        return "Nobody was served yet"
    late = {method: float(np.percentile(seconds, 99)) for method, seconds in waits.items()}
    best, worst = min(late, key=late.__getitem__), max(late, key=late.__getitem__)
    return f"99 of 100 prompts wait at most {late[best]:.2f} s with {best}, {late[worst]:.2f} s with {worst}"
