"""How many times as fast as full batching, as the batch grows: here, and in the paper."""

from __future__ import annotations

from collections.abc import Mapping

from prepack_lab.figures.style import TEXT, LabFigure, look, powers_of_two, style_curves
from prepack_lab.measuring.table import Table

ByBatch = Mapping[int, float]


def draw_speed_ups(
    gains: Mapping[str, ByBatch], paper: ByBatch | None = None, expected: ByBatch | None = None
) -> LabFigure:
    """Draw speed-ups against the batch size.

    Args:
        gains: for each method and batch size.
        paper: what the paper measured for `prepacked` on its GPU, drawn as open circles.
        expected: k/r, how many times fewer rows packing makes, drawn as a thin line.
    """
    figure = LabFigure()
    for method, by_batch in gains.items():
        drawn = look(method)
        _add(
            figure, method, by_batch, line={"color": drawn.colour, "dash": drawn.dash}, marker={"symbol": drawn.symbol}
        )
    if expected:
        _add(figure, "k/r, counted", expected, mode="lines", line={"color": TEXT, "dash": "dot"})
    if paper:
        _add(figure, "prepacked, the paper", paper, mode="markers", marker={"symbol": "circle-open", "color": TEXT})
    style_curves(figure, reading(gains), "prompts in the batch", "times as fast as full_batching")
    sizes = [size for by_batch in (*gains.values(), paper or {}, expected or {}) for size in by_batch]
    figure.update_xaxes(powers_of_two(sizes))
    figure.update_yaxes(rangemode="tozero")
    figure.add_hline(y=1, line={"color": TEXT, "dash": "dot"})
    columns = {**gains, **({"k/r": expected} if expected else {}), **({"the paper": paper} if paper else {})}
    rows = [
        (size, *(f"{column[size]:.2f}×" if size in column else "–" for column in columns.values()))
        for size in sorted(set(sizes))
    ]
    figure.twin = Table(("prompts", *columns), rows, figure.reading)
    return figure


def reading(gains: Mapping[str, ByBatch]) -> str:
    """What the figure says, in one sentence."""
    found = [(gain, method, size) for method, by_batch in gains.items() for size, gain in by_batch.items()]
    if not found:
        return "Nothing measured yet"
    gain, method, size = max(found)
    return f"{method} is up to {gain:.1f} times as fast as full_batching, at {size} prompts"


def _add(figure: LabFigure, name: str, by_batch: ByBatch, mode: str = "lines+markers", **how: dict) -> None:
    sizes = sorted(by_batch)
    figure.add_scatter(
        x=sizes,
        y=[by_batch[size] for size in sizes],
        mode=mode,
        name=name,
        customdata=[f"{name}, {size} prompts: {by_batch[size]:.2f} times as fast" for size in sizes],
        hovertemplate="%{customdata}<extra></extra>",
        **({"marker": {"size": 9} | how.pop("marker")} if "marker" in how else {}),
        **how,
    )
