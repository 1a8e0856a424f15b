"""Run broken implementations on prompts of any lengths, and see which prompts get wrong results."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as ipw

from prepack_lab.course import broken_ways
from prepack_lab.figures.errors import draw_errors
from prepack_lab.figures.style import LabFigure
from prepack_lab.models.loading import load_model
from prepack_lab.prompts import random_prompts
from prepack_lab.widgets.lab_widget import LabWidget
from prepack_lab.widgets.lengths_box import LengthsBox
from prepack_lab.widgets.recorded import Move

LENGTHS = (30, 16, 9, 20, 6, 3)
ON_PAGES = ((8, 8, 8, 8), LENGTHS, (20, 5, 5, 5), (3, 6, 9, 12, 15), (12,))
"""Lengths to choose from where nobody can write any."""
WORDS = 200
TOLERANCE = 1e-3
MOST = 12


class BugHunt(LabWidget):
    """The planted bugs of lesson 04, on a small rotary model.

    Args:
        lengths: tokens of the prompts at first.
    """

    def __init__(self, lengths: Sequence[int] = LENGTHS) -> None:
        self._model, _ = load_model("tiny-llama", "float32", "cpu")
        self.colour = ipw.Dropdown(
            options=broken_ways.COLOURS, description="Implementation", style={"description_width": "initial"}
        )
        self.lengths = LengthsBox(lengths)
        super().__init__([self.colour, self.lengths])

    def prompts(self) -> list[list[int]]:
        """Random ids of the lengths in the box.

        Raises:
            ValueError: there are more prompts than can be drawn, or a prompt is longer than the model's positions.
        """
        lengths, longest = self.lengths.numbers(), self._model.config.max_position_embeddings - 1
        if len(lengths) > MOST:
            raise ValueError(f"These are {len(lengths)} prompts; write at most {MOST}.")
        if max(lengths) > longest:
            raise ValueError(f"A prompt of {max(lengths):,} tokens is too long here; write at most {longest:,}.")
        return random_prompts(lengths, WORDS)

    def on_page(self) -> list[Move]:
        written = [", ".join(map(str, lengths)) for lengths in ON_PAGES]
        own = self.lengths.value
        return [
            Move(self.colour, broken_ways.COLOURS),
            Move(self.lengths, [own, *(one for one in written if one != own)]),
        ]

    def compose(self) -> tuple[LabFigure, str]:
        prompts = self.prompts()
        found = broken_ways.symptoms(self._model, prompts, self.colour.value)
        return draw_errors(
            found, TOLERANCE, broken_ways.places_in_rows(prompts)
        ), f"{self.colour.value}: {_said(found)}"


def _said(found: dict[str, tuple[float, ...]]) -> str:
    wrong = {what: [str(prompt) for prompt, off in enumerate(row) if off > TOLERANCE] for what, row in found.items()}
    if not any(wrong.values()):
        return "everything is right. These lengths hide the mistake."
    parts = [
        f"{what} wrong for {len(prompts)} of {len(found[what])}" if prompts else f"{what} right for all"
        for what, prompts in wrong.items()
    ]
    return f"{', '.join(parts)}."
