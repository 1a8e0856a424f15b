"""The roofline: how fast a machine can compute, given how much it computes for each byte that it moves.

Two limits make the roof: memory its slope, arithmetic its flat part. The third has no place in it, because it does not
depend on what a pass computes: each pass takes the time to launch it, however small it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from prepack_lab.figures.style import TEXT, LabFigure, look, style_curves
from prepack_lab.measuring.cost import Cost
from prepack_lab.measuring.table import Table

LIMITS = ("arithmetic", "memory", "launching")
FORMS = ("", "-open", "-dot", "-open-dot")
"""Of the same symbol: the first, second, … that is drawn for one method."""


def draw_roofline(
    costs: Mapping[str, Cost],
    flops_per_second: float,
    bytes_per_second: float,
    seconds: Mapping[str, float] | None = None,
    launch_seconds: float = 0.0,
) -> LabFigure:
    """Draw the roof of a machine, and where some prefills lie under it.

    Args:
        costs: under the words for it, what each prefill costs; words that begin with a method get its look.
        flops_per_second: the most arithmetic that the machine does.
        bytes_per_second: the most that it reads and writes.
        seconds: how long each took, where it was measured; without it a prefill is drawn at its limit.
        launch_seconds: what a pass takes that computes next to nothing.
    """
    seconds = seconds or {}
    ridge = flops_per_second / bytes_per_second
    least_seconds = {
        words: limits(cost, flops_per_second, bytes_per_second, launch_seconds) for words, cost in costs.items()
    }
    bound = {words: max(own, key=own.__getitem__) for words, own in least_seconds.items()}
    ceiling = {words: cost.flops / max(least_seconds[words].values()) for words, cost in costs.items()}
    reached = {
        words: cost.flops / seconds[words] if words in seconds else ceiling[words] for words, cost in costs.items()
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
        figure.add_scatter(
            x=[cost.intensity], y=[reached[words] / 1e9], mode="markers", name=words,
            marker={"symbol": symbol, "color": drawn.colour, "size": 13},
            hovertemplate=(
                f"{words}: {cost.intensity:,.0f} FLOP a byte, {reached[words] / 1e9:,.0f} GFLOP/s; "
                f"{bound[words]} is the limit, at {ceiling[words] / 1e9:,.0f} GFLOP/s<extra></extra>"
            ),
        )  # fmt: skip
    figure.add_scatter(
        x=[cost.intensity for cost in costs.values()], y=[one / 1e9 for one in ceiling.values()], mode="markers",
        name="its limit", hoverinfo="skip",
        marker={"symbol": "line-ew", "size": 18, "line": {"width": 2, "color": TEXT}},
    )  # fmt: skip
    style_curves(figure, reading([*bound.values()]), "FLOP for each byte that is moved", "GFLOP/s")
    figure.update_xaxes(type="log", dtick=1)
    figure.update_yaxes(type="log", dtick=1, tickformat=",~g")
    figure.add_vline(x=ridge, line={"color": TEXT, "dash": "dot"})
    rows = [
        (
            words,
            f"{cost.intensity:,.1f}",
            *(f"{1e3 * least:,.1f} ms" for least in least_seconds[words].values()),
            bound[words],
            f"{1e3 * seconds[words]:,.1f} ms" if words in seconds else "–",
        )
        for words, cost in costs.items()
    ]
    headings = ("prefill", "FLOP a byte", *(f"{limit} alone" for limit in LIMITS), "the limit", "measured")
    figure.twin = Table(headings, rows, figure.reading)
    return figure


def limits(cost: Cost, flops_per_second: float, bytes_per_second: float, launch_seconds: float) -> dict[str, float]:
    """The least seconds that each limit of a machine alone allows, by the names of `LIMITS`."""
    least = (cost.flops / flops_per_second, cost.moved_bytes / bytes_per_second, cost.passes * launch_seconds)
    return dict(zip(LIMITS, least, strict=True))


def reading(bound: Sequence[str]) -> str:
    """What the figure says, in one sentence."""
    counts = ", ".join(f"{limit} {bound.count(limit)}" for limit in LIMITS if limit in bound)
    return f"What limits {len(bound)} prefill{'s' * (len(bound) > 1)}: {counts}"
