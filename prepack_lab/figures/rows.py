"""The slots of a batch: every prompt a bar in its own colour, padding hatched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prepack_lab.figures.contrast import parting_line
from prepack_lab.figures.style import PADDING, TEMPLATE, TEXT, LabFigure, prompt_colour, style
from prepack_lab.measuring.table import Table
from prepack_lab.packing import Packing

_HATCH = {"shape": "/", "fgcolor": "rgba(128, 128, 128, 0.75)", "bgcolor": PADDING, "fillmode": "replace", "size": 7}


def draw_rows(packings: Mapping[str, Packing], texts: Sequence[str] | None = None) -> LabFigure:
    """Draw the rows of one or more packings of the same prompts side by side, all to the same scale.

    Args:
        packings: under the words that stand above its panel, each packing; the reading compares the first
            with the last.
        texts: the prompts as text, shown when the mouse rests on one.
    """
    figure = side_by_side([(words, row_bars(packing, texts)) for words, packing in packings.items()], font_size=14)
    style(figure, reading(packings), height=430)
    figure.update_layout(axes_to_scale(packings))
    figure.update_layout(yaxis_title="row")
    figure.twin = _twin(packings)
    return figure


def side_by_side(panels: Sequence[tuple[str, Iterable[dict[str, Any]]]], font_size: int) -> LabFigure:
    """Bars in panels with one y axis for all of them. plotly's own `make_subplots` is too slow for a slider.

    Args:
        panels: for each the words that stand above it, and its bar traces.
        font_size: of the words.
    """
    gap = 0.04
    wide = (1 - gap * (len(panels) - 1)) / len(panels)
    layout: dict[str, Any] = {"barmode": "overlay", "bargap": 0.12, "uniformtext": {"minsize": 10, "mode": "hide"}}
    above, traces = [], list[dict[str, Any]]()
    for number, (words, bars) in enumerate(panels, start=1):
        axis = "" if number == 1 else str(number)
        left = (number - 1) * (wide + gap)
        shared = {} if number == 1 else {"matches": "y", "showticklabels": False}
        layout[f"xaxis{axis}"] = {"domain": [left, min(left + wide, 1)], "anchor": f"y{axis}"}
        layout[f"yaxis{axis}"] = {"domain": [0, 1], "anchor": f"x{axis}", **shared}
        place = {"x": left + wide / 2, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "center", "yshift": 4}
        look = {"yanchor": "bottom", "showarrow": False, "font": {"size": font_size, "color": TEXT}}
        above.append({"text": words, **place, **look})
        on = {"type": "bar", "orientation": "h", "showlegend": False, "xaxis": f"x{axis}", "yaxis": f"y{axis}"}
        traces += [{**bar, **on} for bar in bars]
    return LabFigure(traces, {"template": TEMPLATE, "annotations": above, **layout})


def reading(packings: Mapping[str, Packing]) -> str:
    """What the figure says, in one sentence."""
    first, *_, last = [*packings.values(), *packings.values()]
    said = f"{first.padding_share:.0%} of {first.slots:,} slots are padding"
    return said if first is last else f"{said}; packed, {last.padding_share:.0%} of {last.slots:,}"


def _twin(packings: Mapping[str, Packing]) -> Table:
    """Which prompts stand in each row."""
    rows = []
    for words, packing in packings.items():
        for index, members in enumerate(packing.bins):
            filled = packing.bin_lengths[index]
            prompts = ", ".join(f"{prompt} ({packing.lengths[prompt]:,})" for prompt in members)
            rows.append((words, index, prompts, f"{filled:,}", f"{packing.width - filled:,}"))
    return Table(("batch", "row", "prompts (tokens)", "tokens", "padding"), rows, reading(packings))


def axes_to_scale(packings: Mapping[str, Packing]) -> dict[str, Any]:
    """One scale for all panels, so that equal areas are equal work."""
    rows = max(packing.num_bins for packing in packings.values())
    width = max(packing.width for packing in packings.values())
    axes: dict[str, Any] = {"yaxis": {"range": [rows - 0.5, -0.5], "tick0": 0, "dtick": -(-rows // 9)}}
    for number in range(1, len(packings) + 1):
        suffix = "" if number == 1 else number
        axes[f"xaxis{suffix}"] = {"range": [0, width], "title": {"text": "slot"}}
    return axes


def row_bars(packing: Packing, texts: Sequence[str] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The properties of two bar traces: the padding of each row, and the prompts.

    A prompt alone in its row lies at the right, because such a batch is padded on the left; packed rows begin
    at the left.
    """
    alone = all(len(members) == 1 for members in packing.bins)
    return slot_bars(packing.bins, packing.lengths, packing.width, "padding", texts, at_the_right=alone)


def slot_bars(
    bins: Sequence[Sequence[int]],
    lengths: Sequence[int],
    width: int,
    rest: str,
    texts: Sequence[str] | None = None,
    at_the_right: bool = False,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The properties of two bar traces: what is left of each bin, hatched, and the prompts in their colours.

    Args:
        bins: the prompts of each.
        lengths: tokens of each prompt.
        width: slots of each bin.
        rest: what to call the slots without a token.
        texts: the prompts as text.
        at_the_right: where the prompts lie; what is left lies on the other side.
    """
    row, start, colour, members_of = [], [], [], [prompt for members in bins for prompt in members]
    gaps = [width - sum(lengths[prompt] for prompt in members) for members in bins]
    for index, members in enumerate(bins):
        slot = gaps[index] if at_the_right else 0
        for prompt in members:
            row.append(index)
            start.append(slot)
            colour.append(prompt_colour(prompt))
            slot += lengths[prompt]
    padding = {
        "y": [*range(len(bins))],
        "x": gaps,
        "base": [0 if at_the_right else width - gap for gap in gaps],
        "marker": {"color": PADDING, "pattern": _HATCH, "line": {"width": 0}},
        "customdata": [f"row {index}: {gap:,} slots of {rest}" for index, gap in enumerate(gaps)],
    }
    prompts = {
        "y": row,
        "x": [lengths[prompt] for prompt in members_of],
        "base": start,
        "marker": {"color": colour, "line": {"width": 1, "color": [*map(parting_line, colour)]}},
        "text": [str(prompt) for prompt in members_of],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "customdata": [_words(prompt, lengths[prompt], texts) for prompt in members_of],
    }
    for bars in (padding, prompts):
        bars["hovertemplate"] = "%{customdata}<extra></extra>"
    return padding, prompts


def _words(prompt: int, length: int, texts: Sequence[str] | None) -> str:
    said = f"prompt {prompt}: {length:,} token{'s' if length > 1 else ''}"
    if texts is None:
        return said
    text = texts[prompt] if len(texts[prompt]) <= 60 else texts[prompt][:57] + "…"
    return f"{said}<br>“{text}”"
