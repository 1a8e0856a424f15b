"""Speed-ups that were measured on a GPU, against rows that anybody can count: k/r for workloads and batch sizes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from prepack_lab.figures.style import OKABE_ITO, TEXT, LabFigure, style_curves
from prepack_lab.measuring.table import Table

Cells = Mapping[str, Mapping[int, float]]
"""Workload → prompts in the batch → a number."""

SYMBOLS = ("circle", "square", "triangle-up", "diamond", "cross", "star", "x")


def draw_counted_rows(counted: Cells, measured: Cells, within: float = 0.12) -> LabFigure:
    """Draw measured speed-ups against k/r, how many times fewer rows packing makes.

    Args:
        counted: the mean k/r of random batches.
        measured: times as fast as full batching, for the same workloads and batch sizes.
        within: the part of k/r by which a measurement may differ, drawn as a band around the diagonal.
    """
    figure = LabFigure()
    every = [number for cells in (*counted.values(), *measured.values()) for number in cells.values()]
    top, bottom = 1.1 * max(every), min(1.0, 0.9 * min(every))  # below 1 packing loses
    ends = np.array([bottom, top])
    figure.add_scatter(
        x=[*ends, *ends[::-1]], y=[*(ends * (1 - within)), *(ends[::-1] * (1 + within))], fill="toself", mode="lines",
        fillcolor="rgba(128, 128, 128, 0.15)", line={"width": 0}, hoverinfo="skip", name=f"within {within:.0%}",
    )  # fmt: skip
    figure.add_scatter(
        x=ends, y=ends, mode="lines", line={"color": TEXT, "dash": "dash"}, hoverinfo="skip", name="equal"
    )
    for place, (workload, cells) in enumerate(measured.items()):
        sizes = sorted(cells)
        figure.add_scatter(
            x=[counted[workload][size] for size in sizes],
            y=[cells[size] for size in sizes],
            mode="markers",
            name=workload,
            marker={"color": OKABE_ITO[place % 7], "symbol": SYMBOLS[place % 7], "size": 11},
            customdata=[
                f"{workload}, {size} prompts: k/r {counted[workload][size]:.2f}, measured {cells[size]:.2f}"
                for size in sizes
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
    style_curves(
        figure, reading(counted, measured), "k/r, counted: times fewer rows", "times as fast, measured", height=480
    )
    for axis in (figure.update_xaxes, figure.update_yaxes):
        axis(range=[bottom, top], dtick=1, tick0=1)
    figure.twin = _twin(counted, measured, figure.reading)
    return figure


def off(counted: Cells, measured: Cells) -> list[float]:
    """For each cell, how far the measured speed-up is from k/r, as a part of the measured one."""
    return [abs(counted[w][size] / speed_up - 1) for w, cells in measured.items() for size, speed_up in cells.items()]


def reading(counted: Cells, measured: Cells) -> str:
    """What the figure says, in one sentence."""
    errors = off(counted, measured)
    many = "1 measured speed-up" if len(errors) == 1 else f"{len(errors)} measured speed-ups"
    return f"{many}: counting rows predicts {'it' if len(errors) == 1 else 'each'} within {max(errors):.0%}"


def _twin(counted: Cells, measured: Cells, caption: str) -> Table:
    sizes = sorted({size for cells in measured.values() for size in cells})

    def cell(workload: str, size: int) -> str:
        return f"{counted[workload][size]:.2f} / {measured[workload][size]:.2f}" if size in measured[workload] else "–"

    rows = [(workload, *(cell(workload, size) for size in sizes)) for workload in measured]
    return Table(("workload", *(f"{size} prompts" for size in sizes)), rows, f"{caption} (k/r / measured)")
