"""Answers as they are done, and as they can be handed out in the order of the prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prepack_lab.figures.style import LabFigure, look, style_curves
from prepack_lab.measuring.table import Table

Batches = Sequence[tuple[float, Sequence[int]]]
"""For each batch, the seconds at which it was done, and its prompts."""


def draw_deliveries(done: Mapping[str, Batches]) -> LabFigure:
    """Draw how many answers there are, dotted, and how many of them are handed out in order, solid.

    Args:
        done: for each method, its batches as they came.
    """
    figure = LabFigure()
    for method, batches in done.items():
        drawn = look(method)
        delivered = in_order_after(batches)
        if delivered != _done_after(batches):
            _add(figure, f"{method}, done", batches, _done_after(batches), line={"color": drawn.colour, "dash": "dot"})
        _add(
            figure,
            f"{method}, in order",
            batches,
            delivered,
            line={"color": drawn.colour, "width": 3},
            marker={"symbol": drawn.symbol, "size": 9},
            mode="lines+markers",
        )
    style_curves(figure, reading(done), "seconds since the start", "answers")
    figure.update_yaxes(rangemode="tozero")
    figure.update_xaxes(rangemode="tozero")
    figure.twin = Table(("method", "first", "half of them", "all"), _rows(done), figure.reading)
    return figure


def in_order_after(batches: Batches) -> list[int]:
    """After each batch, how many prompts have their answer and no prompt before them still waits."""
    waiting: set[int] = set()
    turn, delivered = 0, []
    for _, prompts in batches:
        waiting.update(prompts)
        while turn in waiting:
            turn += 1
        delivered.append(turn)
    return delivered


def reading(done: Mapping[str, Batches]) -> str:
    """What the figure says, in one sentence."""
    if not any(done.values()):
        return "Nothing is done yet"
    ends = {method: batches[-1][0] for method, batches in done.items() if batches}
    halves = {method: _seconds_until_half(done[method]) for method in ends}
    soonest, first = min(halves, key=halves.__getitem__), min(ends, key=ends.__getitem__)
    if soonest == first:
        return f"{first} hands out half of the answers first, and all of them first"
    return f"{soonest} hands out half of the answers first, {first} all of them"


def _done_after(batches: Batches) -> list[int]:
    counts, total = [], 0
    for _, prompts in batches:
        total += len(prompts)
        counts.append(total)
    return counts


def _seconds_until_half(batches: Batches) -> float:
    half = _done_after(batches)[-1] / 2
    return next(seconds for (seconds, _), there in zip(batches, in_order_after(batches), strict=True) if there >= half)


def _add(figure: LabFigure, name: str, batches: Batches, counts: list[int], mode: str = "lines", **how: dict) -> None:
    figure.add_scatter(
        x=[0, *(seconds for seconds, _ in batches)],
        y=[0, *counts],
        mode=mode,
        name=name,
        customdata=[
            f"{name}: {many} answers after {at:.2f} s"
            for at, many in zip([0, *(s for s, _ in batches)], [0, *counts], strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
        line_shape="hv",
        **how,
    )


def _rows(done: Mapping[str, Batches]) -> list[tuple[str, ...]]:
    rows = []
    for method, batches in done.items():
        if not batches:
            continue
        first = next(s for (s, _), there in zip(batches, in_order_after(batches), strict=True) if there)
        half, end = _seconds_until_half(batches), batches[-1][0]
        rows.append((f"{method}, in order", *(f"{seconds:.2f} s" for seconds in (first, half, end))))
    return rows
