"""Add prompts to a row, and see which token sees which as the ingredients are switched on and off."""

from __future__ import annotations

import re
from collections.abc import Sequence

import ipywidgets as ipw
import torch
from torch.nn.functional import pad
from transformers import PreTrainedTokenizerBase

from prepack_lab.figures.masks import draw_mask
from prepack_lab.figures.style import LabFigure
from prepack_lab.masks import may_see
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import Packing
from prepack_lab.prompts import tokenize
from prepack_lab.widgets.lab_widget import LabWidget
from prepack_lab.widgets.prompts_box import PromptsBox
from prepack_lab.widgets.recorded import Move

TEXTS = ("The capital of Germany is", "Berlin lies on the river", "Water boils at")
MORE = ("Roses are red,", "To be or not to be,", "Count: one, two,", "Once upon a time")
MOST_SLOTS = 1024


class MaskExplorer(LabWidget):
    """The mask of one packed row, with the positions of its tokens beside it.

    Args:
        texts: the prompts to begin with.
        tokenizer: cuts the texts into tokens; by default words and punctuation marks are tokens.
    """

    def __init__(self, texts: Sequence[str] = TEXTS, tokenizer: PreTrainedTokenizerBase | None = None) -> None:
        self._tokenizer = tokenizer
        self.text = PromptsBox(texts)
        self.add = ipw.Button(description="Add a prompt", icon="plus", tooltip="Add another prompt to the row")
        self.apart = ipw.Checkbox(True, description="Independent mask", indent=False, layout=ipw.Layout(width="170px"))
        self.restart = ipw.Checkbox(
            True, description="Restart positions", indent=False, layout=ipw.Layout(width="170px")
        )
        self.window = ipw.IntSlider(0, 0, 12, description="Window", layout=ipw.Layout(width="300px"))
        self.padding = ipw.IntSlider(2, 0, 8, description="Padding", layout=ipw.Layout(width="300px"))
        self.side = ipw.Dropdown(
            options=["left", "right"], value="right", description="on the", layout=ipw.Layout(width="180px")
        )
        self.add.on_click(lambda _: self._add())
        super().__init__([self.text, self.add, self.apart, self.restart, self.window, self.padding, self.side])

    def words(self) -> list[list[str]]:
        """The tokens of each prompt, as text.

        Raises:
            ValueError: there is no prompt, or more than can be drawn.
        """
        texts = self.text.prompts()
        if self._tokenizer is None:
            words = [re.findall(r"\w+|[^\w\s]", text) or [text] for text in texts]
        else:
            ids = tokenize(self._tokenizer, texts)
            words = [[self._tokenizer.decode([token]) for token in prompt] for prompt in ids]
        if sum(map(len, words)) > MOST_SLOTS:
            raise ValueError(f"These are {sum(map(len, words)):,} tokens; write at most {MOST_SLOTS:,}.")
        return words

    def row(self, words: Sequence[Sequence[str]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Segments and positions of the row, [1, W] each."""
        lengths = [len(prompt) for prompt in words]
        batch = PackedBatch.from_prompts([[0] * length for length in lengths], Packing.concatenated(lengths))
        slots = (self.padding.value, 0) if self.side.value == "left" else (0, self.padding.value)
        positions = pad(batch.position_ids, slots)
        if not self.restart.value:
            positions = torch.arange(positions.shape[1])[None]
        return pad(batch.segment_ids, slots, value=-1), positions

    def on_page(self) -> list[Move]:
        lines = self.text.value.splitlines()
        texts = ["\n".join([*lines, *MORE[:more]]) for more in range(3)]
        counts = [f"{len(lines) + more}" for more in range(3)]
        return [
            Move(self.text, texts, counts),
            Move(self.apart, [False, True]),
            Move(self.restart, [False, True]),
            Move(self.window, [0, 1, 2, 4, 8]),
            Move(self.padding, [0, 2, 6]),
        ]

    def compose(self) -> tuple[LabFigure, str]:
        words = self.words()
        segments, positions = self.row(words)
        seen = may_see(segments, self.apart.value, self.window.value or None)[0, 0]
        figure = draw_mask(seen.numpy(), segments[0].tolist(), words, positions[0].tolist())
        return figure, self._said(words)

    def _said(self, words: Sequence[Sequence[str]]) -> str:
        said = [
            f"{len(words)} prompts, {sum(map(len, words))} tokens in one row.",
            "Prompts are kept apart."
            if self.apart.value
            else "Without the independent mask, later prompts read the earlier ones.",
            "Positions restart at 0 for each."
            if self.restart.value
            else "Positions run on: to the model, every prompt but the first begins in the middle of a text.",
        ]
        if self.window.value:
            said.append(f"Sliding window: a token sees {self.window.value} tokens at most, itself included.")
        return " ".join(said)

    def _add(self) -> None:
        lines = self.text.value.splitlines()
        self.text.value = "\n".join([*lines, MORE[len(lines) % len(MORE)]])
