"""Strategies side by side: which prompts each has put into which bin so far, and the fewest bins there can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prepack_lab.figures.rows import side_by_side, slot_bars
from prepack_lab.figures.style import TEXT, LabFigure, style
from prepack_lab.measuring.table import Table
from prepack_lab.packing import Packing

Bins = Sequence[Sequence[int]]


def draw_bins(packings: Mapping[str, Packing]) -> LabFigure:
    """Draw packings of the same prompts by several strategies, against the lower bound.

    Args:
        packings: by strategy, all with one capacity.
    """
    any_one = next(iter(packings.values()))
    bound = max(packing.lower_bound for packing in packings.values())
    states = {strategy: packing.bins for strategy, packing in packings.items()}
    return draw_bin_states(states, any_one.lengths, any_one.capacity, bound)


def draw_bin_states(
    states: Mapping[str, Bins], lengths: Sequence[int], capacity: int, bound: int, rows: int | None = None
) -> LabFigure:
    """Draw bins that may be filled in part.

    Args:
        states: for each strategy, the prompts of each bin.
        lengths: tokens of each prompt.
        capacity: the most tokens in a bin.
        bound: no packing of all prompts has fewer bins.
        rows: bins to leave room for, so that the picture stands still while bins open; as many as there are where
            left out.
    """
    counts = {strategy: len(bins) for strategy, bins in states.items()}
    rows = max(rows or 0, bound, *counts.values())
    panels = [
        (
            f"{strategy.replace('_', ' ')}: {count} bin{'s' if count != 1 else ''}",
            slot_bars(states[strategy], lengths, capacity, "room left"),
        )
        for strategy, count in counts.items()
    ]
    figure = side_by_side(panels, font_size=13)
    line = {"type": "line", "y0": bound - 0.5, "y1": bound - 0.5, "x0": 0, "x1": 1}
    drawn = {"line": {"color": TEXT, "width": 2, "dash": "dash"}}
    axes = ["" if number == 0 else str(number + 1) for number in range(len(panels))]
    figure.layout.shapes = [{**line, **drawn, "xref": f"x{axis} domain", "yref": f"y{axis}"} for axis in axes]
    style(figure, reading(states, lengths, bound), height=430)
    figure.update_xaxes(range=[0, capacity], title="tokens")
    figure.update_yaxes(range=[rows - 0.4, -0.5], tick0=0, dtick=-(-rows // 9))
    figure.update_layout(yaxis_title="bin")
    figure.twin = _twin(states, lengths, capacity, figure.reading)
    return figure


def reading(states: Mapping[str, Bins], lengths: Sequence[int], bound: int) -> str:
    """What the figure says, in one sentence."""
    placed = {sum(map(len, bins)) for bins in states.values()}
    if placed != {len(lengths)}:
        return f"{max(placed)} of {len(lengths)} prompts placed; all of them need at least {bound} bins (dashed)"
    best = min(map(len, states.values()))
    winners = [strategy.replace("_", " ") for strategy, bins in states.items() if len(bins) == best]
    proof = "no packing has fewer" if best == bound else f"at least {bound} are needed"
    who = " and ".join(winners) if len(winners) < 3 else f"{len(winners)} strategies"
    return f"{best} bins by {who}; {proof} (dashed)"


def _twin(states: Mapping[str, Bins], lengths: Sequence[int], capacity: int, caption: str) -> Table:
    rows = []
    for strategy, bins in states.items():
        for index, members in enumerate(bins):
            filled = sum(lengths[prompt] for prompt in members)
            prompts = ", ".join(f"{prompt} ({lengths[prompt]:,})" for prompt in members)
            rows.append((strategy, index, prompts, f"{filled:,}", f"{capacity - filled:,}"))
    return Table(("strategy", "bin", "prompts (tokens)", "tokens", "room left"), rows, caption)
