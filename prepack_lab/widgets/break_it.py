"""Take the mask or the restart away, predict where it hurts, and then see what two models say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import ipywidgets as ipw

from prepack_lab.course.ablation import Ablation, ablate
from prepack_lab.figures.errors import draw_errors
from prepack_lab.figures.style import LabFigure
from prepack_lab.models.loading import load_model
from prepack_lab.prompts import tokenize
from prepack_lab.widgets.job import JobWidget, Progress

TEXTS = ("The capital of Germany is", "Water boils at", "Roses are red,", "To be or not to be,")
MODELS = {"rotary": "tiny-llama", "learned": "tiny-gpt2"}
"""Type of positions → a small model that has them."""
VARIANTS = {
    "mask, restart": (True, True),
    "mask, no restart": (True, False),
    "no mask, restart": (False, True),
    "no mask, no restart": (False, False),
}
OUTPUTS = ("logits", "decoding")
TOLERANCE = 1e-3
_COLUMNS = [*product(MODELS, OUTPUTS)]
_CELLS = [(variant, *column) for variant, column in product(VARIANTS, _COLUMNS)]
_OPEN, _SAME, _DIFFERENT = "?", "same", "different"


class BreakIt(JobWidget):
    """Mask × restart × type of positions × logits or decoding: sixteen cells to predict, then to run.

    Args:
        texts: the prompts that share a row.
    """

    def __init__(self, texts: Sequence[str] = TEXTS) -> None:
        self.texts = [*texts]
        self.guesses = {
            cell: ipw.Dropdown(
                options=[_OPEN, _SAME, _DIFFERENT],
                tooltip=f"{cell[0]}: {cell[2]} of the {cell[1]} model",
                layout=ipw.Layout(width="100px"),
            )
            for cell in _CELLS
        }
        self.without = ipw.Checkbox(False, description="Run without predicting", indent=False)
        self.forget()
        super().__init__([self.without, *self.guesses.values()], shown=[self._grid(), self.without])

    def forget(self) -> None:
        self.found: dict[tuple[str, str], Ablation] = {}

    def work(self) -> Iterator[Progress]:
        open_cells = [cell for cell, guess in self.guesses.items() if guess.value == _OPEN]
        if open_cells and not self.without.value:
            variant, kind, output = open_cells[0]
            raise ValueError(
                f"Predict first: {len(open_cells)} cells still show “?”, the first is {output} of the {kind} model "
                f"with {variant}. Or tick “{self.without.description}”."
            )
        self.forget()
        total = len(MODELS) * len(VARIANTS)
        for kind, name in MODELS.items():
            model, tokenizer = load_model(name, "float32", "cpu")
            prompts = tokenize(tokenizer, self.texts)
            for variant, (mask, restart) in VARIANTS.items():
                self.found[variant, kind] = ablate(model, prompts, mask, restart)
                yield Progress(len(self.found), total, f"{kind} positions, {variant}", found=True)

    def errors(self) -> dict[str, list[float] | None]:
        """Variant → the largest error of any prompt for each kind of model and output; None before it was run."""
        return {
            variant: [
                max(getattr(self.found[variant, kind], output)) if (variant, kind) in self.found else float("nan")
                for kind, output in _COLUMNS
            ]
            if any((variant, kind) in self.found for kind in MODELS)
            else None
            for variant in VARIANTS
        }

    def compose(self) -> tuple[LabFigure, str]:
        figure = draw_errors(self.errors(), TOLERANCE, [f"{kind}: {output}" for kind, output in _COLUMNS])
        predicted = sum(guess.value != _OPEN for guess in self.guesses.values())
        if len(self.found) < len(MODELS) * len(VARIANTS):
            return (
                figure,
                f"{predicted} of {len(_CELLS)} cells predicted. Compared with each prompt alone: same, or different?",
            )
        right = sum(
            guess.value == (_SAME if max(getattr(self.found[variant, kind], output)) <= TOLERANCE else _DIFFERENT)
            for (variant, kind, output), guess in self.guesses.items()
        )
        score = f"You predicted {right} of {predicted} cells. " if predicted else ""
        return figure, f"{score}✓ equals each prompt alone, up to rounding; ✗ does not."

    def _grid(self) -> ipw.GridBox:
        """A row for each variant, a column for each kind of model and output."""
        corner = [ipw.HTML("<b>Same as alone?</b>")]
        heads = [ipw.HTML(f"<b>{kind}</b>: {output}") for kind, output in _COLUMNS]
        rows = []
        for variant in VARIANTS:
            rows += [ipw.HTML(variant), *(guess for cell, guess in self.guesses.items() if cell[0] == variant)]
        return ipw.GridBox(
            [*corner, *heads, *rows],
            layout=ipw.Layout(grid_template_columns="150px repeat(4, 140px)", align_items="center", width="100%"),
        )
