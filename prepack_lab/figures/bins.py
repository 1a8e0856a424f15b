"""Strategies side by side: which prompts each has put into which bin so far, and the fewest bins there can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from plotly.subplots import make_subplots

from prepack_lab.figures.rows import slot_bars
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
    titles = [
        f"{strategy.replace('_', ' ')}: {count} bin{'s' if count != 1 else ''}" for strategy, count in counts.items()
    ]
    figure = LabFigure()
    make_subplots(cols=len(states), shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.04, figure=figure)
    for column, bins in enumerate(states.values(), start=1):
        for bars in slot_bars(bins, lengths, capacity, "room left"):
            figure.add_bar(**bars, orientation="h", showlegend=False, row=1, col=column)
        figure.add_hline(y=bound - 0.5, line={"color": TEXT, "width": 2, "dash": "dash"}, row=1, col=column)
    style(figure, reading(states, lengths, bound), height=430)
    figure.update_layout(barmode="overlay", bargap=0.12, uniformtext={"minsize": 10, "mode": "hide"})
    figure.update_annotations(font={"size": 13, "color": TEXT}, yshift=4)
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
