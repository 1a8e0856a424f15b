"""When each token of each answer came: how steadily some write while others are read."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from plotly.subplots import make_subplots

from prepack_lab.course.miniatures.iterations import Timeline
from prepack_lab.figures.contrast import TEXT, is_pale
from prepack_lab.figures.style import LabFigure, prompt_colour, style
from prepack_lab.measuring.table import Table


def draw_answers(timelines: Mapping[str, Timeline]) -> LabFigure:
    """Draw a mark for every token, request by request, one schedule below the other.

    Args:
        timelines: of the same requests, under the words that stand above its panel.
    """
    figure, rows = LabFigure(), len(timelines)
    make_subplots(rows=rows, shared_xaxes=True, vertical_spacing=0.25 / rows, figure=figure)
    many = max(len(one.requests) for one in timelines.values())
    for panel, (words, timeline) in enumerate(timelines.items(), start=1):
        for request, times in enumerate(timeline.token_times):
            figure.add_scatter(
                x=times, y=[request] * len(times), mode="markers", showlegend=False, row=panel, col=1,
                marker={
                    "color": prompt_colour(request), "symbol": ["diamond", *["line-ns"] * (len(times) - 1)],
                    "size": [11, *[12] * (len(times) - 1)],
                    "line": {"width": [1, *[2] * (len(times) - 1)], "color": _line(request)},
                },
                customdata=[f"request {request}, token {token} at {at:.2f} s" for token, at in enumerate(times, 1)],
                hovertemplate="%{customdata}<extra></extra>",
            )  # fmt: skip
        for request, one in enumerate(timeline.requests):
            if one.arrived:
                figure.add_scatter(
                    x=[one.arrived], y=[request], mode="markers", showlegend=False, row=panel, col=1,
                    marker={"symbol": "triangle-right-open", "size": 12, "color": prompt_colour(request)},
                    hovertemplate=f"request {request} arrives at {one.arrived:.2f} s<extra></extra>",
                )  # fmt: skip
        figure.add_annotation(
            text=words, x=0, xref="x domain", xanchor="left", showarrow=False, font_size=14,
            y=1, yref=f"y{panel if panel > 1 else ''} domain", yanchor="bottom", yshift=4,
        )  # fmt: skip
    style(figure, reading(timelines), height=110 + (45 + 26 * many) * len(timelines))
    figure.update_yaxes(range=[many - 0.5, -0.5], tick0=0, dtick=1, title="request")
    figure.update_xaxes(rangemode="tozero")
    figure.update_xaxes(title="seconds", row=len(timelines))
    figure.twin = _twin(timelines, figure.reading)
    return figure


def reading(timelines: Mapping[str, Timeline]) -> str:
    """What the figure says, in one sentence."""
    said = [f"{words} {one.pauses.max():.2f} s" for words, one in timelines.items()]
    return f"The longest pause between two tokens: {', '.join(said)}"


def _twin(timelines: Mapping[str, Timeline], caption: str) -> Table:
    rows = []
    for words, timeline in timelines.items():
        for request, (one, times) in enumerate(zip(timeline.requests, timeline.token_times, strict=True)):
            pauses = [later - earlier for earlier, later in pairwise(times)]
            longest = f"{max(pauses):.2f} s" if pauses else "–"
            rows.append((words, request, f"{one.arrived:.2f} s", f"{times[0]:.2f} s", f"{times[-1]:.2f} s", longest))
    headings = ("schedule", "request", "arrives", "first token", "last token", "longest pause")
    return Table(headings, rows, caption)


def _line(request: int) -> str:
    """A thin line in a pale colour is lost on a white page: it is grey, and its row says whose it is."""
    colour = prompt_colour(request)
    return TEXT if is_pale(colour) else colour
