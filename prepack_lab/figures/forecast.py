"""Predictions against what was measured: on the diagonal they were right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from prepack_lab.figures.style import OKABE_ITO, TEXT, LabFigure, style_curves
from prepack_lab.measuring.table import Table

MARKS = ((OKABE_ITO[0], "diamond"), (OKABE_ITO[5], "square-open"), (OKABE_ITO[2], "cross"), (OKABE_ITO[3], "circle"))


def draw_forecast(
    predicted: Mapping[str, Sequence[float]],
    measured: Sequence[float],
    words: Sequence[str],
    unit: str = "times as fast as full_batching",
) -> LabFigure:
    """Draw what was predicted, in one or several ways, against what was measured.

    Args:
        predicted: for each way of predicting, a figure for each of the n things predicted.
        measured: [n] what came of them.
        words: [n] what each of them is.
        unit: of predictions and measurements.
    """
    figure = LabFigure()
    ends = [0, 1.08 * max([*measured, *(one for several in predicted.values() for one in several)], default=1)]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", name="as predicted", line={"color": TEXT, "dash": "dash"}, hoverinfo="skip"
    )
    for place, (how, several) in enumerate(predicted.items()):
        colour, symbol = MARKS[place % len(MARKS)]
        figure.add_scatter(
            x=[*several], y=[*measured], mode="markers", name=how,
            marker={"color": colour, "symbol": symbol, "size": 11, "line": {"width": 2, "color": colour}},
            customdata=[
                f"{word}: {how} said {said:.2f}, measured {found:.2f} ({_off(said, found)})"
                for word, said, found in zip(words, several, measured, strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip
    style_curves(figure, reading(predicted, measured), f"predicted, {unit}", "measured", height=420)
    figure.update_xaxes(range=ends)
    figure.update_yaxes(range=ends)
    rows = [
        (
            word,
            f"{found:.2f}",
            *(f"{several[place]:.2f} ({_off(several[place], found)})" for several in predicted.values()),
        )
        for place, (word, found) in enumerate(zip(words, measured, strict=True))
    ]
    figure.twin = Table(("", f"measured, {unit}", *predicted), rows, figure.reading)
    return figure


def typical_error(predicted: Sequence[float], measured: Sequence[float]) -> float:
    """How far off the prediction in the middle is, as a share of what was measured."""
    return median(abs(said / found - 1) for said, found in zip(predicted, measured, strict=True))


def reading(predicted: Mapping[str, Sequence[float]], measured: Sequence[float]) -> str:
    """What the figure says, in one sentence."""
    if not measured:
        return "Nothing measured yet"
    errors = {how: typical_error(several, measured) for how, several in predicted.items()}
    best = min(errors, key=errors.__getitem__)
    off = "less than 1%" if errors[best] < 0.005 else f"{errors[best]:.0%} or less"
    return f"Half of what {best} predicted is off by {off}"


def _off(said: float, found: float) -> str:
    return f"{said / found - 1:+.0%}"
