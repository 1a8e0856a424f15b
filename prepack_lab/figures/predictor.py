"""A speed-up predicted before it is measured: batches as points, a line through them, and the paper's line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prepack_lab.figures.style import OKABE_ITO, TEXT, LabFigure, style_curves
from prepack_lab.measuring.predictors import Line, fit_line
from prepack_lab.measuring.table import Table


def draw_predictor(
    predictor: Sequence[float],
    speed_ups: Sequence[float],
    name: str = "r/k",
    paper: Line | None = None,
    words: Sequence[str] | None = None,
) -> LabFigure:
    """Draw the speed-up of batches against what predicts it.

    Args:
        predictor: [batches] known before anything is run.
        speed_ups: [batches] times as fast as full batching, as measured.
        name: of the predictor, at the axis.
        paper: the line that the paper's own batches gave.
        words: what each batch is, shown when the mouse rests on its point.
    """
    figure = LabFigure()
    words = words or [f"batch {index}" for index in range(len(predictor))]
    figure.add_scatter(
        x=[*predictor],
        y=[*speed_ups],
        mode="markers",
        name="a batch",
        marker={"color": OKABE_ITO[0], "size": 9, "opacity": 0.9},
        customdata=[
            f"{word}: {name} {x:.2f}, {y:.2f} times as fast"
            for word, x, y in zip(words, predictor, speed_ups, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )
    fitted = fit_line(predictor, speed_ups) if len(set(predictor)) > 1 else None
    ends = np.array([min(predictor, default=0), max(predictor, default=1)])
    if fitted:
        _add_line(figure, "fitted here", fitted, ends, {"color": OKABE_ITO[0], "width": 3})
    if paper:
        _add_line(figure, "the paper's", paper, ends, {"color": TEXT, "width": 3, "dash": "dash"})
    style_curves(figure, reading(name, fitted), name, "times as fast as full_batching")
    figure.twin = Table(
        ("line", "speed-up =", "R²"),
        [
            (who, f"{line.intercept:.3g} {line.slope:+.3g} · {name}", f"{line.r_squared:.2f}")
            for who, line in (("fitted here", fitted), ("the paper's", paper))
            if line
        ],
        figure.reading,
    )
    return figure


def reading(name: str, fitted: Line | None) -> str:
    """What the figure says, in one sentence."""
    if fitted is None:
        return "Too few batches for a line"
    return f"{name} explains {fitted.r_squared:.0%} of what makes the speed-ups of these batches differ"


def _add_line(figure: LabFigure, name: str, line: Line, ends: np.ndarray, look: dict) -> None:
    figure.add_scatter(x=ends, y=line.at(ends), mode="lines", name=name, line=look, hoverinfo="skip")
