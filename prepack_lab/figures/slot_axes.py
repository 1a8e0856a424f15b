"""Two axes of slots, queries down and keys across, which name every slot by its token and its prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prepack_lab.figures.style import LabFigure


def slot_names(segment_ids: Sequence[int], words: Sequence[Sequence[str]] | None = None) -> list[str]:
    """What each slot of a row is called, every one differently.

    Args:
        segment_ids: [W] the prompt's index for each slot, -1 on padding.
        words: the tokens of each prompt as text.
    """
    names: list[str] = []
    seen: dict[int, int] = {}
    for slot, segment in enumerate(segment_ids):
        if segment < 0:
            names.append(f"padding in slot {slot}")
            continue
        position = seen[segment] = seen.get(segment, -1) + 1
        token = f"token {position}" if words is None else f"token {position} “{one_line(words[segment][position])}”"
        names.append(f"{token} of prompt {segment}")
    return names


def short_names(segment_ids: Sequence[int], words: Sequence[Sequence[str]] | None = None) -> list[str]:
    """What stands at the axes: the tokens, where they are known; else the prompts."""
    position: dict[int, int] = {}
    names = []
    for segment in segment_ids:
        position[segment] = position.get(segment, -1) + 1
        if segment < 0:
            names.append("·")
        else:
            names.append(str(segment) if words is None else one_line(words[segment][position[segment]]))
    return names


def slot_axes(figure: LabFigure, names: Sequence[str], short: Sequence[str]) -> None:
    """Put the names on both axes; the first query is at the top, and cells are square."""
    names = [*names]
    every = -(-len(names) // 40)  # labels that would overlap are left out
    axis: dict[str, Any] = {
        "type": "category",
        "categoryarray": names,
        "tickvals": names[::every],
        "ticktext": [*short][::every],
        "showgrid": False,
        "constrain": "domain",
    }
    figure.update_xaxes(**axis, tickangle=-60, side="bottom", title="may be seen (key)")
    figure.update_yaxes(**axis, autorange="reversed", scaleanchor="x", title="looks (query)")


def one_line(word: str) -> str:
    """A token as a label: its line breaks are shown, and a blank is a mark."""
    return word.replace("\n", "⏎").strip() or "␣"
