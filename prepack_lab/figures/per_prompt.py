"""What a prompt of a whole dataset costs, as the batches grow: milliseconds, or slots."""

from __future__ import annotations

from collections.abc import Mapping

from prepack_lab.figures.style import LabFigure, look, powers_of_two, style_curves
from prepack_lab.measuring.table import Table

_SIZES = {
    "batch_size": ("prompts in a batch (dataset_prepacked: rows)", "batches of {:,}"),
    "token_budget": ("tokens in a pass, at most", "passes of {:,} tokens"),
}
"""For each option that shares prompts out: the lower axis, and its value in words."""


def draw_per_prompt(spent: Mapping[str, Mapping[int, float]], unit: str, option: str = "batch_size") -> LabFigure:
    """Draw the cost of a prompt against the batch size or the token budget, method by method.

    Args:
        spent: for each method and size, what a prompt costs in the mean.
        unit: of the costs, in the plural: "milliseconds", "slots".
        option: whose values the sizes are, "batch_size" or "token_budget".
    """
    (along, words), figure = _SIZES[option], LabFigure()
    for method, by_size in spent.items():
        drawn, sizes = look(method), sorted(by_size)
        figure.add_scatter(
            x=sizes,
            y=[by_size[size] for size in sizes],
            mode="lines+markers",
            name=method,
            line={"color": drawn.colour, "dash": drawn.dash, "width": 2},
            marker={"symbol": drawn.symbol, "size": 10},
            customdata=[f"{method}, {words.format(size)}: {_said(by_size[size])} {unit} per prompt" for size in sizes],
            hovertemplate="%{customdata}<extra></extra>",
        )
    style_curves(figure, reading(spent, option), along, f"{unit} per prompt")
    every = sorted({size for by_size in spent.values() for size in by_size})
    figure.update_xaxes(powers_of_two(every))
    figure.update_yaxes(rangemode="tozero")
    rows = [
        (method, *(_said(by_size[size]) if size in by_size else "–" for size in every))
        for method, by_size in spent.items()
    ]
    figure.twin = Table((f"{unit} per prompt", *map(words.format, every)), rows, figure.reading)
    return figure


def reading(spent: Mapping[str, Mapping[int, float]], option: str) -> str:
    """What the figure says, in one sentence."""
    sizes = sorted({size for by_size in spent.values() for size in by_size})
    if not sizes:
        return "Nothing to compare yet"
    if len(spent) == 1:
        ((method, by_size),) = spent.items()
        return f"{method} costs the least in {_SIZES[option][1].format(min(sizes, key=by_size.__getitem__))}"
    best = {
        size: min((method for method in spent if size in spent[method]), key=lambda method: spent[method][size])
        for size in sizes
    }
    if len(set(best.values())) == 1:
        return f"{best[sizes[0]]} costs the least, whatever the {option.replace('_', ' ')}"
    at = {method: [str(size) for size in sizes if best[size] == method] for method in dict.fromkeys(best.values())}
    return "The least: " + ", ".join(f"{method} at {' and '.join(where)}" for method, where in at.items())


def _said(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
