"""The cache as tokens are generated: a cache for each prompt, or packed rows that go on as rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from prepack_lab.decoding import decoding_slots
from prepack_lab.figures.style import LabFigure, look, style_curves
from prepack_lab.measuring.machine import MB
from prepack_lab.measuring.table import Table
from prepack_lab.packing import Packing


def draw_cache_over_steps(packings: Mapping[str, Packing], steps: int, bytes_per_slot: float) -> LabFigure:
    """Draw what keys and values take, step after step.

    Args:
        packings: for each way of decoding, the rows it goes on from; the first is a cache for each prompt.
        steps: the most steps; each adds a token to every prompt.
        bytes_per_slot: what a slot's keys and values take, in all layers.
    """
    figure = LabFigure()
    places = np.arange(steps + 1)
    taken = {how: [decoding_slots(rows, step) for step in range(steps + 1)] for how, rows in packings.items()}
    for how, slots in taken.items():
        drawn = look(how)
        figure.add_scatter(
            x=places,
            y=np.array(slots) * bytes_per_slot / MB,
            mode="lines+markers",
            name=how,
            line={"color": drawn.colour, "dash": drawn.dash, "width": 3},
            marker={"symbol": drawn.symbol, "size": [10 if step % max(steps // 5, 1) == 0 else 0 for step in places]},
            customdata=[
                f"{how}, after {step} steps: {many:,} slots, {many * bytes_per_slot / MB:,.1f} MB"
                for step, many in zip(places, slots, strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
    style_curves(figure, reading(taken), "steps of decoding, a token for each prompt", "MB of keys and values")
    figure.update_yaxes(rangemode="tozero")
    chosen = sorted({0, steps, *(steps * part // 4 for part in (1, 2, 3))})
    rows = [(how, *(f"{slots[step] * bytes_per_slot / MB:,.1f} MB" for step in chosen)) for how, slots in taken.items()]
    figure.twin = Table(("decoding", *(f"{step} steps" for step in chosen)), rows, figure.reading)
    return figure


def reading(slots: Mapping[str, list[int]]) -> str:
    """What the figure says, in one sentence."""
    (_, each), *packed = slots.items()
    for how, taken in packed:
        more = [one > other for one, other in zip(taken, each, strict=True)]
        if True in more and not more[0]:
            return f"{how} takes less than a cache per prompt up to step {more.index(True) - 1}"
    least = min(slots, key=lambda how: slots[how][-1])
    return f"After {len(each) - 1} steps, {least} takes the least memory"
