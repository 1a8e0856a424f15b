"""The cache of one prompt, growing: what each forward pass computes, and what it finds in the cache."""

from __future__ import annotations

from collections.abc import Sequence

from prepack_lab.figures.slot_axes import one_line
from prepack_lab.figures.style import OKABE_ITO, TEXT, LabFigure, style
from prepack_lab.measuring.table import Table

COMPUTED, CACHED = OKABE_ITO[0], "rgba(86, 180, 233, 0.25)"


def draw_cache_growth(prompt: Sequence[str], generated: Sequence[str]) -> LabFigure:
    """Draw the forward passes of a generation, one below the other.

    Args:
        prompt: its tokens as text, n of them, all computed by the first pass.
        generated: the new tokens as text; each but the last is computed by a pass of its own.
    """
    words, n = [one_line(word) for word in (*prompt, *generated)], len(prompt)
    passes = [range(n), *(range(place, place + 1) for place in range(n, len(words) - 1))]
    names = ["prefill", *(f"decode {step}" for step in range(1, len(passes)))]
    figure = LabFigure()
    for role, colour, ink, places in (
        ("computed in this pass", COMPUTED, "white", passes),
        ("found in the cache", CACHED, TEXT, [range(computed.start) for computed in passes]),
    ):
        cells = [(name, place) for name, row in zip(names, places, strict=True) for place in row]
        figure.add_bar(
            y=[name for name, _ in cells], x=[1] * len(cells), base=[place for _, place in cells], orientation="h",
            name=role, marker={"color": colour, "line": {"width": 1, "color": "rgba(128, 128, 128, 0.6)"}},
            text=[words[place] for _, place in cells], textposition="inside", insidetextanchor="middle", textangle=0,
            insidetextfont={"color": ink}, constraintext="none",
            hovertext=[f"{name}: token {place} “{words[place]}” is {role}" for name, place in cells],
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
    for name, computed in zip(names, passes, strict=True):
        figure.add_annotation(
            x=computed.stop, y=name, text=f"→ {words[computed.stop]}", showarrow=False, xanchor="left"
        )
    style(figure, reading(n, len(passes)), height=130 + 44 * len(names))
    figure.update_layout(barmode="overlay", bargap=0.15, legend={"orientation": "h", "y": -0.05, "x": 0}, margin_b=60)
    figure.update_yaxes(type="category", categoryarray=names, autorange="reversed", automargin=True)
    figure.update_xaxes(range=[0, len(words) + 1], showticklabels=False, showgrid=False)
    rows = [
        (name, ", ".join(words[place] for place in computed), computed.start, computed.stop, words[computed.stop])
        for name, computed in zip(names, passes, strict=True)
    ]
    headings = ("forward pass", "computes", "tokens found in the cache", "tokens in it afterwards", "new token")
    figure.twin = Table(headings, rows, figure.reading)
    return figure


def reading(prompt_tokens: int, passes: int) -> str:
    """What the figure says, in one sentence."""
    grown = prompt_tokens + passes - 1
    return f"{prompt_tokens} tokens at once, then one in each pass: the cache grows to {grown} tokens"
