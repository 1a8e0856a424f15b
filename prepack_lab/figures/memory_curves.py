"""Peak memory against batch size, method by method, and the wall of the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prepack_lab.figures.style import TEXT, WORSE, LabFigure, look, powers_of_two, style_curves
from prepack_lab.measuring.machine import GB
from prepack_lab.measuring.table import Table

ByBatch = Mapping[int, float]


def draw_memory(
    estimated: Mapping[str, ByBatch],
    limit: float | None = None,
    measured: Mapping[str, Mapping[int, float | None]] | None = None,
) -> LabFigure:
    """Draw estimates as curves, measurements as points, and the limit as a line that no batch may cross.

    Args:
        estimated: bytes for each method and batch size.
        limit: bytes that the device has.
        measured: bytes for each method and batch size; None where memory ran out.
    """
    measured = measured or {}
    figure = LabFigure()
    for method, by_batch in estimated.items():
        drawn = look(method)
        figure.add_scatter(
            **_points(method, by_batch, "estimated"),
            mode="lines+markers",
            line={"color": drawn.colour, "dash": drawn.dash},
            marker={"symbol": drawn.symbol, "size": 7},
        )
    for method, found in measured.items():
        fitting = {size: taken for size, taken in found.items() if taken is not None}
        figure.add_scatter(
            **_points(method, fitting, "measured"),
            mode="markers",
            marker={"symbol": "circle-open", "size": 16, "color": look(method).colour, "line": {"width": 3}},
            showlegend=False,
        )
    sizes = sorted({size for by_batch in estimated.values() for size in by_batch})
    if limit and sizes:
        _add_wall(figure, limit / GB, sizes)
    style_curves(figure, reading(estimated, limit), "prompts in the batch", "GB at the peak")
    figure.update_xaxes(powers_of_two(sizes))
    figure.update_yaxes(type="log", dtick="D2", tickformat=",~g")
    figure.twin = _twin(estimated, limit, measured, figure.reading)
    return figure


def reading(estimated: Mapping[str, ByBatch], limit: float | None) -> str:
    """What the figure says, in one sentence."""
    sizes = [size for by_batch in estimated.values() for size in by_batch]
    if not sizes:
        return "Nothing estimated yet"
    if limit is None:
        return f"Peak memory of batches of up to {max(sizes):,} prompts"
    fits = {
        method: max((size for size, taken in by.items() if taken <= limit), default=0)
        for method, by in estimated.items()
    }
    most, least = max(fits.values()), min(fits.values())
    if most == least:
        return f"Of these batch sizes, every method fits {most:,}" if most else "Not even one prompt fits"
    winners, losers = ([method for method in fits if fits[method] == count] for count in (most, least))
    verb = "fits" if len(winners) == 1 else "fit"
    return f"Of these batch sizes, {_named(winners)} {verb} {most:,} and {_named(losers)} {least:,}"


def _named(methods: Sequence[str]) -> str:
    return " and ".join(methods) if len(methods) < 3 else f"{len(methods)} methods"


def _add_wall(figure: LabFigure, limit: float, sizes: Sequence[int]) -> None:
    figure.add_scatter(
        x=[sizes[0], sizes[-1]],
        y=[limit, limit],
        mode="lines+text",
        line={"color": WORSE, "width": 4},
        text=[f"the device has {limit:,.0f} GB<br> "],
        textposition="top right",
        textfont_color=TEXT,
        hoverinfo="skip",
        showlegend=False,
    )


def _points(method: str, by_batch: ByBatch, how: str) -> dict:
    return {
        "x": sorted(by_batch),
        "y": [by_batch[size] / GB for size in sorted(by_batch)],
        "name": method,
        "customdata": [f"{method}, {size:,} prompts: {by_batch[size] / GB:,.2f} GB {how}" for size in sorted(by_batch)],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _twin(
    estimated: Mapping[str, ByBatch],
    limit: float | None,
    measured: Mapping[str, Mapping[int, float | None]],
    caption: str,
) -> Table:
    def cell(method: str, size: int) -> str:
        taken = estimated[method].get(size)
        if taken is None:
            return "–"
        words = f"{taken / GB:,.2f} GB" + (" ✗" if limit is not None and taken > limit else "")
        if size in measured.get(method, {}):
            found = measured[method][size]
            words += ", measured: did not fit" if found is None else f", measured {found / GB:,.2f} GB"
        return words

    sizes = sorted({size for by_batch in estimated.values() for size in by_batch})
    rows = [(f"{size:,}", *(cell(method, size) for method in estimated)) for size in sizes]
    return Table(("prompts", *estimated), rows, f"{caption} (✗: more than the device has)" if limit else caption)
