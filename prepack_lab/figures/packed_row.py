"""A packed row, slot by slot: its tokens, its segments and its positions, lined up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from prepack_lab.figures.style import PADDING, LabFigure, prompt_colour, style
from prepack_lab.measuring.table import Table
from prepack_lab.packed_batch import PackedBatch


class SlotWords(NamedTuple):
    """What stands in a slot, in words; empty words where it is padding."""

    token: str
    segment: str
    position: str


_STRIPS = {"token": (2.0, 2.4), "segment": (1.0, 0.9), "position": (0.0, 0.9)}
"""Where each strip begins, and how high it is."""


def draw_packed_row(
    batch: PackedBatch, words: Sequence[Sequence[str]], row: int = 0, first: int = 0, slots: int = 24
) -> LabFigure:
    """Draw some slots of a row, and under each token the segment and the position that go with it.

    Args:
        batch: the rows.
        words: the tokens of each prompt as text.
        row: which row.
        first: the first slot to draw.
        slots: how many to draw.
    """
    stands = row_words(batch, words, row)[first : first + slots]
    numbers = [*range(first, first + len(stands))]
    figure = LabFigure()
    for strip, (base, height) in _STRIPS.items():
        figure.add_bar(
            x=numbers,
            y=[height] * len(stands),
            base=[base] * len(stands),
            width=0.94,
            marker_color=[prompt_colour(int(one.segment)) if one.segment else PADDING for one in stands],
            text=[getattr(one, strip) for one in stands],
            textposition="inside",
            insidetextanchor="middle",
            textangle=-90 if strip == "token" else 0,
            constraintext="none",
            customdata=[_hover(slot, one) for slot, one in zip(numbers, stands, strict=True)],
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=False,
        )
    style(figure, reading(batch, row), height=330)
    figure.update_layout(barmode="overlay", margin_l=80)
    figure.update_xaxes(title="slot", range=[first - 0.6, first + len(stands) - 0.4], tickformat="d", showgrid=False)
    figure.update_yaxes(
        tickvals=[base + height / 2 for base, height in _STRIPS.values()], ticktext=[*_STRIPS], range=[-0.1, 4.5]
    )
    rows = [(slot, *(words or "padding" for words in one)) for slot, one in zip(numbers, stands, strict=True)]
    figure.twin = Table(("slot", *SlotWords._fields), rows, figure.reading)
    return figure


def row_words(batch: PackedBatch, words: Sequence[Sequence[str]], row: int) -> list[SlotWords]:
    """What stands in each slot of a row."""
    found = []
    for segment, position in zip(batch.segment_ids[row].tolist(), batch.position_ids[row].tolist(), strict=True):
        if segment < 0:
            found.append(SlotWords("", "", ""))
        else:
            found.append(SlotWords(words[segment][position].replace("\n", "⏎"), str(segment), str(position)))
    return found


def reading(batch: PackedBatch, row: int) -> str:
    """What the figure says, in one sentence."""
    prompts = len(batch.packing.bins[row])
    if prompts == 1:
        return f"Row {row} holds one prompt: positions are those of the slots"
    return f"Row {row} holds {prompts} prompts: the position restarts at 0 where the segment changes"


def _hover(slot: int, stands: SlotWords) -> str:
    if not stands.segment:
        return f"slot {slot}: padding"
    return f"slot {slot}: “{stands.token}”, position {stands.position} of prompt {stands.segment}"
