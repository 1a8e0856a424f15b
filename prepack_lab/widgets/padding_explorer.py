"""Drag the batch size, and see what padding costs."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as ipw

from prepack_lab.figures.rows import draw_rows
from prepack_lab.figures.style import LabFigure
from prepack_lab.packing import Packing, pack
from prepack_lab.widgets.lab_widget import LabWidget
from prepack_lab.widgets.recorded import Move
from prepack_lab.widgets.workload import Workload

LARGEST_BATCH = 64


class PaddingExplorer(LabWidget):
    """A batch of real prompt lengths, padded and packed, side by side.

    Args:
        lengths: tokens of your own prompts; the slider takes the first of them, and the menu still offers the
            recorded workloads.
        workload: the profile to begin with, where no lengths are given (see `list_profiles`).
        batch_size: where the slider begins.
    """

    def __init__(self, lengths: Sequence[int] | None = None, workload: str = "mmlu", batch_size: int = 16) -> None:
        self.batch_size = ipw.IntSlider(
            min(batch_size, LARGEST_BATCH), 1, LARGEST_BATCH, description="Batch size", layout=ipw.Layout(width="380px")
        )
        self.workload = Workload(lengths, workload, LARGEST_BATCH)
        super().__init__([self.batch_size, *self.workload.controls])

    def batch(self) -> list[int]:
        """The lengths that the controls choose."""
        return self.workload.lengths()[: self.batch_size.value]

    def packings(self) -> dict[str, Packing]:
        """The batch both ways, by the title of the panel."""
        lengths = self.batch()
        return {"padded: one prompt per row": Packing.padded(lengths), "packed: first-fit decreasing": pack(lengths)}

    def on_page(self) -> list[Move]:
        return [self.workload.move(), Move(self.batch_size, [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64])]

    def compose(self) -> tuple[LabFigure, str]:
        packings = self.packings()
        padded, packed = packings.values()
        said = (
            f"{len(padded.lengths)} prompts, {padded.tokens:,} tokens. Padded: {padded.slots:,} slots in "
            f"{padded.num_bins} rows. Packed: {packed.slots:,} slots in {packed.num_bins} rows. "
            f"k/r = {padded.num_bins / packed.num_bins:.1f}: padding needs that many times the rows, and about that "
            f"many times the seconds where time follows slots ({padded.slots / packed.slots:.1f}× as many)."
        )
        return draw_rows(packings), said
