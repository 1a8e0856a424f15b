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
from prepack_lab.sources.files import read_prompts
from prepack_lab.widgets.lab_widget import LabWidget
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
        count = None if tokenizer is None else lambda text: len(tokenize(tokenizer, [text])[0])
        self.workload = Workload(lengths, "mmlu", 256, count)
        self.file = ipw.FileUpload(accept=".txt,.jsonl,.csv", multiple=False, description="Load a file")
        self.model = ipw.Dropdown(options=list_models(), description="Model")
        self.batch_size = ipw.IntSlider(16, 1, 128, description="Batch size", layout=ipw.Layout(width="380px"))
        self.file.observe(lambda _: self.attempt(self._load), names="value")
        super().__init__([self.model, self.batch_size, *self.workload.controls, self.file], quiet=[self.file])

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
            texts = read_prompts(upload["name"], bytes(upload["content"]))
            self.workload.take([self.workload.count(text) for text in texts], upload["name"])
