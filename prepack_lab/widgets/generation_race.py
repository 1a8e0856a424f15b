"""Every method continues the same prompts with the same model, and the tokens appear side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import chain
from time import perf_counter

import ipywidgets as ipw
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prepack_lab.figures.generation_race import draw_race
from prepack_lab.figures.style import LabFigure
from prepack_lab.generation import generate
from prepack_lab.measuring.token_times import RUNNERS, TokenClock
from prepack_lab.models.loading import load_model
from prepack_lab.prompts import tokenize
from prepack_lab.widgets.checkboxes import Checkboxes
from prepack_lab.widgets.job import JobWidget, Progress
from prepack_lab.widgets.prompts_box import PromptsBox

TEXTS = (
    "The capital of Germany is",
    "Count: one, two, three, four,",
    "Once upon a time, in a village by the sea, there lived an old fisherman who had never caught anything, until",
    "Water boils at",
)
SHOW_SECONDS = 0.25
"""Between two updates of the words on the page."""
_CELL = "text-align:left; vertical-align:top; white-space:normal"


class GenerationRace(JobWidget):
    """Methods decode the same prompts in turn, each on its own clock.

    Args:
        texts: the prompts.
        model, tokenizer: your own; by default the real model of the lab, loaded when Run is pressed.
        max_new_tokens: where the slider begins.

    Raises:
        ValueError: a model without its tokenizer, or the other way round; or see `PromptsBox`.
    """

    def __init__(
        self,
        texts: Sequence[str] = TEXTS,
        model: PreTrainedModel | None = None,
        tokenizer: PreTrainedTokenizerBase | None = None,
        max_new_tokens: int = 16,
    ) -> None:
        if (model is None) != (tokenizer is None):
            raise ValueError("a model and its tokenizer belong together: pass both, or neither")
        self._model, self._tokenizer = model, tokenizer
        self.text = PromptsBox(texts, rows=5)
        self.steps = ipw.IntSlider(max_new_tokens, 1, 64, description="New tokens", layout=ipw.Layout(width="380px"))
        self.runners = Checkboxes([*RUNNERS], [*RUNNERS][:4], "Runners")
        self.lanes = ipw.HTML()
        self.forget()
        super().__init__([self.text, self.steps, self.runners])
        self.children = (*self.children, self.lanes)  # type: ignore[has-type]

    def forget(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.tokens: dict[str, list[list[int]]] = {}
        self.finished: set[str] = set()

    def work(self) -> Iterator[Progress]:
        self.forget()
        runners = [*dict.fromkeys(["one_by_one", *self.runners.value])]
        yield Progress(0, 1 + len(runners), "Loading the model …")
        if self._model is None:
            self._model, self._tokenizer = load_model(dtype=torch.float32)
        prompts = tokenize(self._tokenizer, self.text.prompts())
        for place, runner in enumerate(runners, start=1):
            yield Progress(place, 1 + len(runners), f"{runner} is running …")
            generate(self._model, prompts, max_new_tokens=2, **RUNNERS[runner])  # warm up
            clock = _Clock(self, runner, len(prompts))
            found = generate(self._model, prompts, max_new_tokens=self.steps.value, streamer=clock, **RUNNERS[runner])
            self.tokens[runner] = [*found]
            self.finished.add(runner)
            yield Progress(place + 1, 1 + len(runners), f"{runner} has finished", found=True)

    def compose(self) -> tuple[LabFigure, str]:
        self.show_lanes()
        figure = draw_race(self.seconds, len(self.text.prompts()))
        if not self.tokens:
            return figure, "Press Run: the methods continue the same prompts, each on its own clock."
        reference = self.tokens["one_by_one"]
        others = [runner for runner in self.tokens if runner != "one_by_one" and runner in self.finished]
        different = [runner for runner in others if self.tokens[runner] != reference]
        said = f"{', '.join(different)} said something else" if different else "all said the same, token for token"
        if not others:
            return figure, "one_by_one goes first: what it says, the others must say."
        return figure, f"Against one_by_one, {said}. The clocks leave out what drawing the words took."

    def show_lanes(self) -> None:
        """Show what the runners have said so far side by side: = where it equals what one_by_one said, ≠ where not."""
        if not self.tokens:
            self.lanes.value = ""
            return
        reference = self.tokens["one_by_one"]
        head = "".join(f"<th scope='col'>{escape(runner)}</th>" for runner in self.tokens)
        rows = []
        for index, text in enumerate(self.text.prompts()):
            cells = []
            for runner, tokens in self.tokens.items():
                mark = "… "
                if runner in self.finished:
                    mark = "= " if tokens[index] == reference[index] else "≠ "
                cells.append(f"<td style='{_CELL}'>{mark}{escape(self._said(tokens[index]))}</td>")
            rows.append(f"<tr><th scope='row' style='{_CELL}'>{escape(text[:40])}</th>{''.join(cells)}</tr>")
        style = "style='width:100%; table-layout:fixed' class='prepack-lab-lanes'"
        self.lanes.value = (
            f"<table {style}><thead><tr><th scope='col'>prompt</th>{head}</tr></thead>{''.join(rows)}</table>"
        )

    def _said(self, tokens: list[int]) -> str:
        return "" if self._tokenizer is None else str(self._tokenizer.decode(tokens))


class _Clock(TokenClock):
    """Shows the tokens as they come, and gives up where Stop was pressed."""

    def __init__(self, race: GenerationRace, runner: str, prompts: int) -> None:
        super().__init__()
        self._race, self._runner, self._shown = race, runner, perf_counter()
        race.seconds[runner], race.tokens[runner] = [], [[] for _ in range(prompts)]

    def put(self, value: torch.Tensor) -> None:
        super().put(value)
        self._race.seconds[self._runner] = sorted(chain(*self.came))
        self._race.tokens[self._runner][: len(self.tokens)] = self.tokens
        self._race.check_stop()
        now = perf_counter()
        if now - self._shown > SHOW_SECONDS:
            self._race.show_lanes()
            self._shown = perf_counter()
            self._start += self._shown - now  # the clock stands still while words are drawn
