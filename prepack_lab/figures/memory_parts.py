"""What the memory of a prefill is made of, method by method."""

from __future__ import annotations

from collections.abc import Mapping

from prepack_lab.figures.contrast import parting_line
from prepack_lab.figures.style import OKABE_ITO, LabFigure, style
from prepack_lab.measuring.machine import GB
from prepack_lab.measuring.table import Table

PATTERNS = {"weights": "", "cache": "/", "activations": "x", "mask": ".", "logits": "-"}
"""Each part has a pattern of its own beside its colour."""


def draw_memory_parts(parts: Mapping[str, Mapping[str, float]]) -> LabFigure:
    """Draw bytes by part, a bar for each method.

    Args:
        parts: for each method the bytes of each part, as `memory_parts` counts them.
    """
    figure = LabFigure()
    names = [*dict.fromkeys(part for of in parts.values() for part in of)]
    for place, part in enumerate(names):
        figure.add_bar(
            y=[*parts],
            x=[of.get(part, 0) / GB for of in parts.values()],
            name=part,
            orientation="h",
            marker={
                "color": OKABE_ITO[place % 7],
                "pattern": {"shape": PATTERNS.get(part, ""), "fgcolor": "rgba(255, 255, 255, 0.6)", "size": 7},
                "line": {"width": 1, "color": parting_line(OKABE_ITO[place % 7])},
            },
            customdata=[f"{method}: {of.get(part, 0) / GB:,.2f} GB of {part}" for method, of in parts.items()],
            hovertemplate="%{customdata}<extra></extra>",
        )
    style(figure, reading(parts), height=150 + 52 * len(parts))
    legend = {"orientation": "h", "y": -0.3, "yanchor": "top", "x": 0, "traceorder": "normal"}
    figure.update_layout(barmode="stack", bargap=0.3, legend=legend, margin_b=90)
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_xaxes(title="GB at the peak")
    rows = [
        (method, *(f"{of.get(part, 0) / GB:,.2f} GB" for part in names), f"{sum(of.values()) / GB:,.2f} GB")
        for method, of in parts.items()
    ]
    figure.twin = Table(("method", *names, "in all"), rows, figure.reading)
    return figure


def reading(parts: Mapping[str, Mapping[str, float]]) -> str:
    """What the figure says, in one sentence."""
    totals = {method: sum(of.values()) for method, of in parts.items()}
    most, least = max(totals, key=totals.__getitem__), min(totals, key=totals.__getitem__)
    if most == least:
        return f"{most} takes {totals[most] / GB:,.1f} GB"
    return f"{most} takes {totals[most] / GB:,.1f} GB, {least} {totals[least] / GB:,.1f} GB"
