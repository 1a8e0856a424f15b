"""Prompts arrive at a rate; watch the time to first token by method, and when the queue grows without end."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as ipw
import numpy as np

from prepack_lab.course.serving import Served, poisson_arrivals, serve
from prepack_lab.figures.percentiles import draw_percentiles
from prepack_lab.figures.style import LabFigure
from prepack_lab.measuring.calibration import Calibration, recorded_calibration
from prepack_lab.measuring.cost import cost_of_passes
from prepack_lab.methods import Pass
from prepack_lab.models.loading import load_sizes
from prepack_lab.widgets.lab_widget import LabWidget
from prepack_lab.widgets.recorded import Move
from prepack_lab.widgets.workload import Workload

METHODS = ("full_batching", "length_ordered", "prepacked", "padding_free")
PROMPTS = 200


class Serving(LabWidget):
    """A server that prefills the prompts that wait, simulated with the calibrated cost model.

    Args:
        lengths: tokens of your own prompts; they arrive again and again.
        workload: the profile to begin with.
        calibration: of your machine and the real model (see `calibrate`); by default a recorded calibration.
        rate: prompts per second, where the slider begins.
    """

    def __init__(
        self,
        lengths: Sequence[int] | None = None,
        workload: str = "mmlu",
        calibration: Calibration | None = None,
        rate: float = 20.0,
    ) -> None:
        self.calibration = calibration or recorded_calibration()
        self._sizes = load_sizes()
        self.rate = ipw.FloatSlider(
            value=rate, min=1, max=60, step=1, description="Prompts per second", readout_format=".0f",
            style={"description_width": "initial"}, layout=ipw.Layout(width="380px"),
        )  # fmt: skip
        self.most = ipw.IntSlider(32, 1, 64, description="Per step", layout=ipw.Layout(width="300px"))
        self.workload = Workload(lengths, workload, PROMPTS)
        self._seconds: dict[tuple[object, ...], float] = {}
        super().__init__([self.rate, self.most, *self.workload.controls])

    def on_page(self) -> list[Move]:
        return [
            self.workload.move(("mmlu", "alpaca", "samsum", "hh_rlhf")),
            Move(self.most, [8, 32, 64]),
            Move(self.rate, [1.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0]),
        ]

    def compose(self) -> tuple[LabFigure, str]:
        lengths = self.workload.lengths()
        lengths = [lengths[index % len(lengths)] for index in range(PROMPTS)]
        arrived = poisson_arrivals(PROMPTS, self.rate.value, self.workload.seed.value)
        served = {m: serve(lengths, arrived, m, self._price, self.most.value) for m in METHODS}
        figure = draw_percentiles({method: found.waits.tolist() for method, found in served.items()})
        return figure, self._said(served)

    def _said(self, served: dict[str, Served]) -> str:
        words = [f"{method} {np.median(at.waits):.2f} s, busy {at.utilization:.0%}" for method, at in served.items()]
        return (
            f"{PROMPTS} prompts, {self.rate.value:.0f} per second. Half of them wait at most: {'; '.join(words)}. "
            f"Simulated, with the speed of {self.calibration.device} ({self.calibration.taken or 'measured just now'})."
        )

    def _price(self, step: Pass) -> float:
        """Seconds of a pass; passes of the same shape are priced once."""
        key = (step.attention, step.rows.num_bins, step.rows.width, step.pairs, len(step.prompts))
        if key not in self._seconds:
            self._seconds[key] = self.calibration.seconds(cost_of_passes(self._sizes, [step], step.attention))
        return self._seconds[key]
