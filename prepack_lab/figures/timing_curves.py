"""Seconds against batch size, method by method; and how many times as fast as full batching that is."""

from __future__ import annotations

from collections.abc import Mapping

from prepack_lab.figures.style import LabFigure, look, powers_of_two, style_curves
from prepack_lab.measuring.table import Table
from prepack_lab.measuring.timing import Measurement
from prepack_lab.methods import BASELINE

ByBatch = Mapping[int, Measurement | None]
"""For each batch size what was measured, or None where the batch did not fit the memory."""


def draw_timing(
    measured: Mapping[str, ByBatch],
    predicted: Mapping[str, Mapping[int, float]] | None = None,
    recorded: Mapping[str, ByBatch] | None = None,
    recorded_on: str = "",
) -> LabFigure:
    """Draw the medians with their quartiles as bars, predictions dashed, and a cross where memory ran out.

    Args:
        measured: for each method and batch size.
        predicted: seconds that a cost model predicted.
        recorded: measurements that were taken elsewhere, drawn faint, with long dashes and hollow marks.
        recorded_on: the device of those.
    """
    figure = LabFigure()
    for method, by_batch in (recorded or {}).items():
        curve = _curve(f"{method}, recorded", method, by_batch)
        curve["line"] |= {"dash": "longdash", "width": 1.5}
        curve["marker"] |= {"symbol": f"{look(method).symbol}-open"}
        figure.add_scatter(**curve, opacity=0.6)
    for method, seconds in (predicted or {}).items():
        figure.add_scatter(**_prediction(method, seconds))
    for method, by_batch in measured.items():
        figure.add_scatter(**_curve(method, method, by_batch))
    style_curves(figure, reading(measured), "prompts in the batch", "seconds for the batch")
    _add_walls(figure, measured)
    shown = [*measured.values(), *(recorded or {}).values()]
    figure.update_xaxes(powers_of_two(size for by_batch in shown for size in by_batch))
    figure.update_yaxes(rangemode="tozero")
    figure.twin = _twin(measured, predicted or {}, recorded or {}, recorded_on, figure.reading)
    return figure


def speed_up(measured: Mapping[str, ByBatch], method: str, size: int) -> float | None:
    """How many times as fast as full batching; None where one of the two was not measured."""
    full, one = (measured.get(name, {}).get(size) for name in (BASELINE, method))
    return full.median / one.median if full and one else None


def reading(measured: Mapping[str, ByBatch]) -> str:
    """What the figure says, in one sentence."""
    gains = [
        (size, gain, method)
        for method, by_batch in measured.items()
        for size in by_batch
        if method != BASELINE and (gain := speed_up(measured, method, size))
    ]
    if not gains:
        return "Nothing to compare yet" if any(measured.values()) else "Nothing measured yet"
    largest = max(size for size, _, _ in gains)
    _, gain, method = max(one for one in gains if one[0] == largest)
    prompts = "1 prompt" if largest == 1 else f"{largest} prompts"
    if gain < 1:
        return f"{prompts}: full_batching is the fastest so far"
    return f"{prompts}: {method} is {gain:.1f} times as fast as {BASELINE}"


def _curve(name: str, method: str, by_batch: ByBatch) -> dict:
    fitting = {size: one for size, one in sorted(by_batch.items()) if one}
    drawn = look(method)
    return {
        "x": [*fitting],
        "y": [one.median for one in fitting.values()],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [one.spread[1] - one.median for one in fitting.values()],
            "arrayminus": [one.median - one.spread[0] for one in fitting.values()],
        },
        "mode": "lines+markers",
        "name": name,
        "line": {"color": drawn.colour, "dash": drawn.dash, "width": 2},
        "marker": {"symbol": drawn.symbol, "size": 9},
        "customdata": [
            f"{name}, {size} prompts: {one.median:.3f} s, half of {len(one.seconds)} runs "
            f"from {one.spread[0]:.3f} to {one.spread[1]:.3f} s"
            for size, one in fitting.items()
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _prediction(method: str, seconds: Mapping[int, float]) -> dict:
    return {
        "x": sorted(seconds),
        "y": [seconds[size] for size in sorted(seconds)],
        "mode": "lines",
        "line": {"color": look(method).colour, "dash": "dot", "width": 1.5},
        "customdata": [f"{method}, {size} prompts: {seconds[size]:.3f} s predicted" for size in sorted(seconds)],
        "hovertemplate": "%{customdata}<extra></extra>",
        "showlegend": False,
    }


def _add_walls(figure: LabFigure, measured: Mapping[str, ByBatch]) -> None:
    """A cross above the batch sizes that ran out of memory."""
    walls = [(size, method) for method, by_batch in measured.items() for size, one in by_batch.items() if one is None]
    if not walls:
        return
    top = max((one.median for by_batch in measured.values() for one in by_batch.values() if one), default=1.0)
    figure.add_scatter(
        x=[size for size, _ in walls],
        y=[1.1 * top] * len(walls),
        mode="markers+text",
        name="out of memory",
        marker={"symbol": "x", "size": 14, "color": [look(method).colour for _, method in walls]},
        text=["out of memory"] * len(walls),
        textposition="bottom center",
        customdata=[f"{method}, {size} prompts: out of memory" for size, method in walls],
        hovertemplate="%{customdata}<extra></extra>",
        showlegend=False,
        cliponaxis=False,
    )
    figure.update_layout(margin_r=60)


def _twin(
    measured: Mapping[str, ByBatch],
    predicted: Mapping[str, Mapping[int, float]],
    recorded: Mapping[str, ByBatch],
    recorded_on: str,
    caption: str,
) -> Table:
    rows = []
    for method, by_batch in measured.items():
        for size, one in sorted(by_batch.items()):
            before = predicted.get(method, {}).get(size)
            gain = speed_up(measured, method, size)
            rows.append(
                (method, size, *_seconds(one), f"{before:.3f} s" if before else "–", f"{gain:.2f}×" if gain else "–")
            )
    for method, by_batch in recorded.items():
        for size, one in sorted(by_batch.items()):
            gain = speed_up(recorded, method, size)
            rows.append(
                (f"{method}, recorded on {recorded_on}", size, *_seconds(one), "–", f"{gain:.2f}×" if gain else "–")
            )
    return Table(("method", "prompts", "median", "half of the runs", "predicted", f"× {BASELINE}"), rows, caption)


def _seconds(one: Measurement | None) -> tuple[str, str]:
    if one is None:
        return "out of memory", "–"
    return f"{one.median:.3f} s", f"{one.spread[0]:.3f} to {one.spread[1]:.3f} s"
