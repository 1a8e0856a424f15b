"""The seats of a server, step by step: who sits in each, and which stay empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from plotly.subplots import make_subplots

from prepack_lab.course.miniatures.iterations import Timeline
from prepack_lab.figures.rows import slot_bars
from prepack_lab.figures.style import TEXT, LabFigure, prompt_colour, style
from prepack_lab.measuring.table import Table


class Stay(NamedTuple):
    """How long a request has a seat."""

    request: int
    seat: int
    first: int
    """The first step that it takes part in, from 0."""
    after: int
    """The step after its last."""


def draw_schedule(timelines: Mapping[str, Timeline], seats: int) -> LabFigure:
    """Draw the seats of one or more schedules of the same requests, one below the other, to the same scale.

    Args:
        timelines: under the words that stand above its panel, each timeline.
        seats: the most requests in a step.
    """
    figure = LabFigure()
    make_subplots(rows=len(timelines), shared_xaxes=True, vertical_spacing=0.16, figure=figure)
    for panel, timeline in enumerate(timelines.values(), start=1):
        taken = stays(timeline, seats)
        empty, _ = slot_bars([[]] * seats, [], len(timeline.steps), "")  # hatched; those who sit are drawn over it
        empty["customdata"] = [f"seat {seat}: nobody sits here" for seat in range(seats)]
        figure.add_bar(**empty, orientation="h", showlegend=False, row=panel, col=1)
        figure.add_bar(
            y=[stay.seat for stay in taken], x=[stay.after - stay.first for stay in taken],
            base=[stay.first for stay in taken], orientation="h", showlegend=False,
            marker={"color": [prompt_colour(stay.request) for stay in taken], "line": {"width": 1, "color": TEXT}},
            text=[str(stay.request) for stay in taken], textposition="inside", insidetextanchor="middle", textangle=0,
            customdata=[
                f"request {stay.request}: seat {stay.seat}, steps {stay.first + 1:,} to {stay.after:,}"
                for stay in taken
            ],
            hovertemplate="%{customdata}<extra></extra>", row=panel, col=1,
        )  # fmt: skip
    style(figure, reading(timelines, seats), height=110 + (60 + 26 * seats) * len(timelines))
    figure.update_layout(barmode="overlay", bargap=0.12, uniformtext={"minsize": 10, "mode": "hide"})
    figure.update_xaxes(range=[0, max(len(one.steps) for one in timelines.values())], tickformat=",")
    figure.update_xaxes(title="step", row=len(timelines))
    figure.update_yaxes(range=[seats - 0.5, -0.5], tick0=0, dtick=1, title="seat")
    for panel, (words, one) in enumerate(timelines.items(), start=1):
        figure.add_annotation(
            text=f"{words}: {len(one.steps):,} steps", x=0, xref="x domain", xanchor="left", showarrow=False,
            y=1, yref=f"y{panel if panel > 1 else ''} domain", yanchor="bottom", yshift=4, font_size=14,
        )  # fmt: skip
    figure.twin = _twin(timelines, seats, figure.reading)
    return figure


def stays(timeline: Timeline, seats: int) -> list[Stay]:
    """Who sits where: each newcomer takes the free seat with the lowest number."""
    first: dict[int, int] = {}
    after: dict[int, int] = {}
    for step, (_, tokens) in enumerate(timeline.steps):
        for request in tokens:
            first.setdefault(request, step)
            after[request] = step + 1
    found, free_from = [], [0] * seats
    for request in sorted(first, key=lambda one: (first[one], one)):
        seat = next(seat for seat, step in enumerate(free_from) if step <= first[request])
        free_from[seat] = after[request]
        found.append(Stay(request, seat, first[request], after[request]))
    return found


def reading(timelines: Mapping[str, Timeline], seats: int) -> str:
    """What the figure says, in one sentence."""
    said = [f"{words} {one.idle_share(seats):.0%}" for words, one in timelines.items()]
    return f"Of all seats in all steps stay empty: {', '.join(said)}"


def _twin(timelines: Mapping[str, Timeline], seats: int, caption: str) -> Table:
    rows = []
    for words, timeline in timelines.items():
        taken = stays(timeline, seats)
        for seat in range(seats):
            here = [stay for stay in taken if stay.seat == seat]
            who = ", ".join(f"{stay.request} ({stay.first + 1:,} to {stay.after:,})" for stay in here)
            empty = len(timeline.steps) - sum(stay.after - stay.first for stay in here)
            rows.append((words, seat, who, f"{empty:,}"))
    return Table(("schedule", "seat", "requests (steps)", "steps empty"), rows, caption)
