"""The roofline: how fast a machine can compute, given how much it computes for each byte that it moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from prepack_lab.figures.style import TEXT, LabFigure, look, style_curves
from prepack_lab.measuring.cost import Cost
from prepack_lab.measuring.table import Table

FORMS = ("", "-open", "-dot", "-open-dot")
"""Of the same symbol: the first, second, … that is drawn for one method."""


def draw_roofline(
    costs: Mapping[str, Cost],
    flops_per_second: float,
    bytes_per_second: float,
    seconds: Mapping[str, float] | None = None,
) -> LabFigure:
    """Draw the roof of a machine, and where some prefills lie under it.

    Args:
        costs: under the words for it, what each prefill costs; words that begin with a method get its look.
        flops_per_second: the most arithmetic that the machine does.
        bytes_per_second: the most that it reads and writes.
        seconds: how long each took, where it was measured; without it a prefill is drawn on the roof.
    """
    seconds = seconds or {}
    ridge = flops_per_second / bytes_per_second
    reached = {
        words: cost.flops / seconds[words]
        if words in seconds
        else min(flops_per_second, cost.intensity * bytes_per_second)
        for words, cost in costs.items()
    }
    most = max([4 * ridge, *(2 * cost.intensity for cost in costs.values())])
    least = min([ridge / 100, *(cost.intensity / 2 for cost in costs.values())])
    x = np.geomspace(least, most, 60)
    figure = LabFigure()
    figure.add_scatter(
        x=x, y=np.minimum(flops_per_second, x * bytes_per_second) / 1e9, mode="lines", name="the machine's roof",
        line={"color": TEXT, "width": 3}, hoverinfo="skip",
    )  # fmt: skip
    seen: Counter[str] = Counter()
    for words, cost in costs.items():
        method = words.split(",")[0]
        drawn = look(method)
        symbol = drawn.symbol.removesuffix("-open") + FORMS[seen[method] % len(FORMS)]
        seen[method] += 1
        bound = "memory" if cost.intensity < ridge else "arithmetic"
        figure.add_scatter(
            x=[cost.intensity], y=[reached[words] / 1e9], mode="markers", name=words,
            marker={"symbol": symbol, "color": drawn.colour, "size": 13},
            hovertemplate=(
                f"{words}: {cost.intensity:,.0f} FLOP a byte, {reached[words] / 1e9:,.0f} GFLOP/s; "
                f"{bound} is the limit<extra></extra>"
            ),
        )  # fmt: skip
    style_curves(figure, reading(costs, ridge), "FLOP for each byte that is moved", "GFLOP/s")
    figure.update_xaxes(type="log", dtick=1)
    figure.update_yaxes(type="log", dtick=1, tickformat=",~g")
    figure.add_vline(x=ridge, line={"color": TEXT, "dash": "dot"})
    rows = [
        (
            words,
            f"{cost.intensity:,.0f}",
            f"{reached[words] / 1e9:,.0f}",
            "memory" if cost.intensity < ridge else "arithmetic",
            "measured" if words in seconds else "the most there can be",
        )
        for words, cost in costs.items()
    ]
    figure.twin = Table(("prefill", "FLOP a byte", "GFLOP/s", "the limit", "the figure is"), rows, figure.reading)
    return figure


def reading(costs: Mapping[str, Cost], ridge: float) -> str:
    """What the figure says, in one sentence."""
    bound = sum(cost.intensity < ridge for cost in costs.values())
    return f"Below {ridge:,.0f} FLOP a byte memory is the limit: so it is for {bound} of these {len(costs)} prefills"
