"""Drag the batch size, and see what padding would have cost."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as ipw

from prepack_lab.figures.rows import axes_to_scale, draw_rows, reading, row_bars
from prepack_lab.lengths import list_profiles, load_profile
from prepack_lab.packing import Packing, one_prompt_a_row, pack
from prepack_lab.widgets.lab_widget import LabWidget

LARGEST_BATCH = 64
YOURS = "yours"


class PaddingExplorer(LabWidget):
    """A batch of real prompt lengths, padded and packed, side by side.

    Args:
        lengths: tokens of your own prompts; the slider then takes the first ones, and the menu still offers the
            recorded workloads.
        workload: the profile to begin with, where no lengths are given (see `list_profiles`).
        batch_size: where the slider begins.
    """

    def __init__(self, lengths: Sequence[int] | None = None, workload: str = "mmlu", batch_size: int = 16) -> None:
        self.lengths = None if lengths is None else [*one_prompt_a_row(lengths).lengths]  # checked
        self.draw = 0
        choices = [(load_profile(name).title, name) for name in list_profiles()]
        if self.lengths is not None:
            choices, workload = [("your own prompts", YOURS), *choices], YOURS
        self.batch_size = ipw.IntSlider(
            min(batch_size, LARGEST_BATCH), 1, LARGEST_BATCH, description="Batch size", layout=ipw.Layout(width="380px")
        )
        self.workload = ipw.Dropdown(options=choices, value=workload, description="Workload")
        self.again = ipw.Button(description="Draw others", tooltip="Draw other prompts of this workload", icon="random")
        self.again.on_click(lambda _: setattr(self, "draw", self.draw + 1))  # before the redraw that LabWidget adds
        super().__init__([self.batch_size, self.workload, self.again], draw_rows(self.packings()))

    def batch(self) -> list[int]:
        """The lengths that the controls choose."""
        if self.workload.value == YOURS:
            return self.lengths[: self.batch_size.value]
        # One long draw, cut: a larger batch keeps the prompts of the smaller one.
        return load_profile(self.workload.value).sample(LARGEST_BATCH, seed=self.draw)[: self.batch_size.value]

    def packings(self) -> dict[str, Packing]:
        """The batch both ways, under the words above its panel."""
        lengths = self.batch()
        return {"padded: one prompt a row": one_prompt_a_row(lengths), "packed: first-fit decreasing": pack(lengths)}

    def redraw(self) -> str:
        packings = self.packings()
        bars = [bar for packing in packings.values() for bar in row_bars(packing)]
        with self.figure.batch_update():
            for trace, bar in zip(self.figure.data, bars, strict=True):
                trace.update(bar, overwrite=True)
            self.figure.update_layout(axes_to_scale(packings))
            self.figure.layout.title.text = reading(packings)
        padded, packed = packings.values()
        return (
            f"{len(padded.lengths)} prompts, {padded.tokens:,} tokens. Padded: {padded.slots:,} slots in "
            f"{padded.num_bins} rows. Packed: {packed.slots:,} slots in {packed.num_bins} rows. "
            f"Padding would compute {padded.slots / packed.slots:.1f} times as many slots."
        )
