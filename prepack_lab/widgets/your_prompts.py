"""Paste your prompts or load a file, and see what an engineer acts on: the waste, and the gain of each method."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as ipw
from transformers import PreTrainedTokenizerBase

from prepack_lab.figures.gains import draw_gains
from prepack_lab.figures.style import LabFigure
from prepack_lab.measuring.calibration import Calibration, recorded_calibration
from prepack_lab.measuring.inspection import inspect_lengths
from prepack_lab.models.loading import list_models, load_sizes
from prepack_lab.prompts import tokenize
from prepack_lab.sources.files import PromptFile, count_tokens
from prepack_lab.sources.layouts import Prompt
from prepack_lab.sources.streams import FORMATS, PACKED
from prepack_lab.widgets.lab_widget import LabWidget
from prepack_lab.widgets.recorded import Move
from prepack_lab.widgets.workload import Workload


class YourPrompts(LabWidget):
    """The predicted prefill of your own prompts, by every method.

    Args:
        lengths: tokens of your prompts, if you have counted them already.
        tokenizer: counts the tokens of what you paste or load; by default a rough count by letters.
        calibration: of your machine and the real model (see `calibrate`); by default a recorded calibration. For
            other models, gains are given in operations, not in seconds.
    """

    def __init__(
        self,
        lengths: Sequence[int] | None = None,
        tokenizer: PreTrainedTokenizerBase | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.calibration = calibration or recorded_calibration()
        self.tokenizer = tokenizer
        count = None if tokenizer is None else lambda text: len(tokenize(tokenizer, [text])[0])
        self.workload = Workload(lengths, "mmlu", 256, count)
        self.file = ipw.FileUpload(accept=",".join([*FORMATS, *PACKED]), multiple=False, description="Load a file")
        self.model = ipw.Dropdown(options=list_models(), description="Model")
        self.batch_size = ipw.IntSlider(16, 1, 128, description="Batch size", layout=ipw.Layout(width="380px"))
        self.file.observe(lambda _: self.attempt(self._load), names="value")
        super().__init__([self.model, self.batch_size, *self.workload.controls, self.file], quiet=[self.file])

    def on_page(self) -> list[Move]:
        return [self.workload.move(), Move(self.batch_size, [1, 2, 4, 8, 16, 32, 64, 128])]

    def compose(self) -> tuple[LabFigure, str]:
        name, lengths = self.model.value, self.workload.lengths()
        calibration = self.calibration if name == list_models()[0] else None
        found = inspect_lengths(lengths, load_sizes(name), self.batch_size.value, calibration)
        source = f"seconds of {calibration.device}" if calibration else "operations, not seconds"
        count = f"{len(lengths):,} prompt{'s' if len(lengths) > 1 else ''}"
        return draw_gains(found), f"{count}, {sum(lengths):,} tokens. {found.advice} Gains are in {source}."

    def _load(self) -> None:
        """Offer the prompts of a file as a workload of its own."""
        for upload in self.file.value:
            file = PromptFile(upload["name"], bytes(upload["content"]))
            if self.tokenizer is None:
                lengths = [self._about(prompt) for prompt in file]
            else:
                lengths = [tokens for _, tokens, _ in count_tokens(file, self.tokenizer)]
            self.workload.take(lengths, upload["name"])

    def _about(self, prompt: Prompt) -> int:
        """A rough count, without a tokenizer."""
        if prompt.kind == "lengths":
            return int(prompt.content)
        if prompt.kind == "token ids":
            return len(prompt.content)
        said = [prompt.content] if prompt.kind == "texts" else [message["content"] for message in prompt.content]
        return sum(map(self.workload.count, said))
