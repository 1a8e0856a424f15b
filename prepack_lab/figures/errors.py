"""How far packed results are from each prompt alone, for every prompt and every way to run them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from prepack_lab.figures.style import LabFigure, style
from prepack_lab.measuring.table import Table

_LEAST, _MOST = -8.0, 1.0
"""Powers of ten between which errors are told apart by colour."""


def draw_errors(
    errors: Mapping[str, Sequence[float] | None],
    tolerance: float = 1e-3,
    columns: Sequence[str] | None = None,
    unit: str = "prompt",
) -> LabFigure:
    """Draw a map of errors: blue where they are rounding, orange where something is wrong, "?" where nothing was run.

    Args:
        errors: for each way to run them, [B] the largest differences, as a share of how far the values spread; None
            where it was not run.
        tolerance: up to this it is rounding.
        columns: what the B columns are; prompts by number where left out.
        unit: what a column is, in words.
    """
    known = [row for row in errors.values() if row is not None]
    count = len(columns) if columns is not None else max((len(row) for row in known), default=1)
    columns = [*(columns or (f"{unit} {index}" for index in range(count)))]
    table = np.array([row if row is not None else [np.nan] * count for row in errors.values()], float)
    exponent = np.log10(np.clip(table, 10**_LEAST, 10**_MOST))
    turn = (np.log10(tolerance) - _LEAST) / (_MOST - _LEAST)
    scale = [(0, "#cfe3f1"), (turn, "#0072B2"), (turn, "#f0b48c"), (1, "#B94F00")]
    said = [[_mark(value, tolerance) for value in row] for row in table]
    figure = LabFigure()
    figure.add_heatmap(
        x=[*range(count)], y=[*range(len(errors))], z=np.where(np.isnan(exponent), np.array(None), exponent).tolist(),
        zmin=_LEAST, zmax=_MOST, colorscale=scale, xgap=2, ygap=2,
        text=said, texttemplate="%{text}", textfont_size=20, showscale=False,
        hovertext=[
            [_words(way, column, value, tolerance) for column, value in zip(columns, row, strict=True)]
            for way, row in zip(errors, table, strict=True)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    style(figure, reading(errors, tolerance), height=150 + 46 * max(1, len(errors)))
    figure.update_yaxes(
        tickvals=[*range(len(errors))], ticktext=[*errors], range=[len(errors) - 0.5, -0.5], automargin=True
    )
    figure.update_xaxes(tickvals=[*range(count)], ticktext=columns, range=[-0.5, count - 0.5], showgrid=False)
    for row, way in enumerate(errors):
        if errors[way] is None:
            figure.add_annotation(x=(count - 1) / 2, y=row, text="? not run yet", showarrow=False)
    rows = [
        (way, *(["?"] * count if row is None else [_cell(value, tolerance) for value in row]))
        for way, row in errors.items()
    ]
    figure.twin = Table(("error", *columns), rows, f"{figure.reading} (✓: up to {tolerance:g}, rounding)")
    return figure


def reading(errors: Mapping[str, Sequence[float] | None], tolerance: float) -> str:
    """What the figure says, in one sentence."""
    found = {way: [value for value in row or () if not np.isnan(value)] for way, row in errors.items()}
    ran = {way: max(row) for way, row in found.items() if row}
    if not ran:
        return "Nothing was run yet"
    right = sum(worst <= tolerance for worst in ran.values())
    if right == len(ran):
        return f"All that was run equals each prompt alone: off by at most {max(ran.values()):.0e} of the spread"
    worst = f"the worst is off by {max(ran.values()):.2g} of the spread"
    return f"{right} of {len(ran)} lines equal each prompt alone; {worst}"


def _cell(value: float, tolerance: float) -> str:
    return "?" if np.isnan(value) else f"{_mark(value, tolerance)} {value:.1e}"


def _mark(value: float, tolerance: float) -> str:
    if np.isnan(value):
        return ""
    return "✓" if value <= tolerance else "✗"


def _words(way: str, column: str, value: float, tolerance: float) -> str:
    if np.isnan(value):
        return f"{way}: not run"
    return f"{column}, {way}: off by {value:.1e} of the spread, {'rounding' if value <= tolerance else 'wrong'}"
