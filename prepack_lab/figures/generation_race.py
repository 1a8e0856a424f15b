"""Tokens over time: how soon each runner's first ones came, and how fast the others followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prepack_lab.figures.style import LabFigure, look, style_curves
from prepack_lab.measuring.table import Table


def draw_race(seconds: Mapping[str, Sequence[float]], prompts: int) -> LabFigure:
    """Draw the tokens that each runner has written, against its own clock.

    Args:
        seconds: for each runner, when each token came, rising.
        prompts: how many prompts they all continue.
    """
    figure = LabFigure()
    for runner, times in seconds.items():
        drawn = look(runner)
        figure.add_scatter(
            x=[0, *times],
            y=[*range(len(times) + 1)],
            mode="lines+markers",
            name=runner,
            line={"color": drawn.colour, "dash": drawn.dash, "shape": "hv", "width": 2},
            marker={
                "symbol": drawn.symbol,
                "size": [8 if place and place % prompts == 0 else 0 for place in range(len(times) + 1)],
            },
            customdata=[f"{runner}: {count} tokens after {time:.2f} s" for count, time in enumerate([0, *times])],
            hovertemplate="%{customdata}<extra></extra>",
        )
    style_curves(figure, reading(seconds), "seconds since the start", "tokens written")
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(rangemode="tozero")
    rows = [
        (runner, len(times), *((f"{times[0]:.2f} s", f"{times[-1]:.2f} s") if len(times) else ("–", "–")))
        for runner, times in seconds.items()
    ]
    figure.twin = Table(("runner", "tokens", "first token", "last token"), rows, figure.reading)
    return figure


def reading(seconds: Mapping[str, Sequence[float]]) -> str:
    """What the figure says, in one sentence."""
    going = {runner: times for runner, times in seconds.items() if len(times)}
    if not going:
        return "Nobody has started yet"
    most = max(map(len, going.values()))
    done = {runner: times[-1] for runner, times in going.items() if len(times) == most}
    first = min(done, key=done.__getitem__)
    if len(done) == 1:
        return f"{first} has written {most} tokens after {done[first]:.2g} s"
    return f"{first} was the first to write all {most} tokens, after {done[first]:.2g} s"
