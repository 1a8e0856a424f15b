"""What all figures share: the palette, text that reads on light and dark pages, and how a figure is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.io import templates
from plotly.io.base_renderers import PlotlyRenderer

from prepack_lab.figures.contrast import TEXT, keep_in_sight
from prepack_lab.figures.static_html import CONFIG, static_html
from prepack_lab.measuring.table import Table

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
"""Seven colours that people with any colour vision tell apart (Okabe and Ito 2008)."""

INK = f"""
.js-plotly-plot text[style*="rgb({", ".join(str(int(TEXT[place : place + 2], 16)) for place in (1, 3, 5))})"] {{
    fill: var(--jp-content-font-color1, {TEXT}) !important;
}}
"""
"""Style sheet: where the page says what colour its text has, the figures' grey text takes it."""

LEGEND_LINE = 20
"""Pixels of a line of the legend."""
GRID = "rgba(128, 128, 128, 0.2)"
PADDING = "rgba(128, 128, 128, 0.28)"

BETTER, WORSE = OKABE_ITO[2], OKABE_ITO[5]


@dataclass(frozen=True)
class Look:
    """How something is drawn wherever it appears: no two things differ by colour alone."""

    colour: str
    symbol: str
    dash: str = "solid"


LOOKS = {
    "one_by_one": Look(OKABE_ITO[3], "circle"),
    "full_batching": Look(OKABE_ITO[5], "square"),
    "length_ordered": Look(OKABE_ITO[1], "triangle-up"),
    "prepacked": Look(OKABE_ITO[0], "diamond"),
    "dataset_prepacked": Look(OKABE_ITO[4], "star"),
    "padding_free": Look(OKABE_ITO[2], "cross"),
    "prepacked, packed decoding": Look(OKABE_ITO[0], "diamond-open", "dash"),
    "padding_free, packed decoding": Look(OKABE_ITO[2], "cross-open", "dash"),
}
"""The methods, the same in every figure."""


def _slim(template: dict[str, Any]) -> dict[str, Any]:
    """A template of plotly without what the lab never draws, such as maps; they make a figure slow and large."""
    kept = {
        "layout": "autotypenumbers colorway hovermode hoverlabel xaxis yaxis shapedefaults annotationdefaults",
        "data": "bar heatmap scatter",
    }
    return {part: {name: template[part][name] for name in names.split()} for part, names in kept.items()}


TEMPLATE = _slim(templates["plotly"].to_plotly_json())


class LabFigure(go.Figure):
    """A plotly figure that shows itself as wide as the page, with its text twin below."""

    def __init__(self, data: Any = None, layout: Any = None, **others: Any) -> None:
        super().__init__(data, {"template": TEMPLATE} if data is layout is None else layout, **others)

    twin: Table | None = None
    """The same content as a small table, for screen readers and for people who would rather read."""

    @property
    def reading(self) -> str:
        """What the figure says, in one sentence: its title."""
        return self.layout.title.text

    def _ipython_display_(self) -> None:
        from IPython.display import HTML, display  # who calls this has it

        config = {**CONFIG, "responsive": False}  # the notebook resizes it; both at once would make it vanish
        bundle = PlotlyRenderer(config).to_mimebundle(self.to_dict())
        display({**bundle, "text/html": static_html(self)}, raw=True)
        if self.twin is not None:
            display(HTML(folded(self.twin)))


def folded(twin: Table) -> str:
    """A text twin as HTML that opens on a click, with the style sheet of the figure above it."""
    return f"<style>{INK}</style><details><summary>The same as a table</summary>{twin._repr_html_()}</details>"


def prompt_colour(prompt: int) -> str:
    """The colour of a prompt, by its index: the same in every figure. After seven, they begin again."""
    return OKABE_ITO[prompt % len(OKABE_ITO)]


def look(method: str) -> Look:
    """How a method is drawn; one that the lab does not know is grey."""
    return LOOKS.get(method, Look(TEXT, "circle-open"))


def style(figure: go.Figure, reading: str, height: int) -> None:
    """Give a figure, whose traces are there, its one-sentence reading as a title and the look of the lab."""
    keep_in_sight(figure)
    figure.update_layout(
        title={
            "text": reading,
            "font_size": 16,
            "x": 0,
            "xref": "paper",
            "yref": "container",
            "y": 0.97,
            "yanchor": "top",
        },
        font={"color": TEXT, "size": 13, "family": "system-ui, sans-serif"},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        margin={"l": 50, "r": 10, "t": 70, "b": 45},
        height=height,
        autosize=True,
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False)
    figure.update_yaxes(showgrid=False, zeroline=False)


def style_curves(figure: go.Figure, reading: str, x: str, y: str, height: int = 400) -> None:
    """The look of a figure of curves: what the axes measure, and a legend below them.

    Args:
        x, y: the words at the axes, with the unit.
    """
    lines = _legend_lines(figure)
    style(figure, reading, height + LEGEND_LINE * max(0, lines - 1))
    legend = {"orientation": "h", "y": 0, "yref": "container", "yanchor": "bottom", "x": 0, "itemsizing": "constant"}
    figure.update_layout(legend=legend, margin_b=75 + LEGEND_LINE * lines)
    figure.update_layout(hoverlabel={"namelength": -1})
    figure.update_xaxes(title=x)
    figure.update_yaxes(title=y, showgrid=True, gridcolor=GRID)
    if not figure.data:  # nothing yet: axes without numbers
        figure.update_xaxes(showticklabels=False)
        figure.update_yaxes(showticklabels=False)


def _legend_lines(figure: go.Figure) -> int:
    """The lines that the legend takes on a page of common width."""
    letters = [len(trace.name or "") for trace in figure.data if trace.showlegend is not False]
    return -(-sum(60 + 7 * many for many in letters) // 640)


def powers_of_two(values: Iterable[float]) -> dict[str, Any]:
    """A logarithmic axis on which doubling is a step, with ticks at the values that are there."""
    ticks = sorted(set(values))
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:,}" for tick in ticks]} if ticks else {}
