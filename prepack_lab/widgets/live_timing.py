"""Measure prefill by method and batch size on this machine, and watch the curves grow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import ipywidgets as ipw
from transformers import PreTrainedModel

from prepack_lab.figures.style import LabFigure
from prepack_lab.figures.timing_curves import draw_timing
from prepack_lab.forward import run_method, vocabulary_size
from prepack_lab.gate import admit
from prepack_lab.generation import generate
from prepack_lab.measuring.calibration import Calibration, calibrate
from prepack_lab.measuring.cost import estimate_cost
from prepack_lab.measuring.machine import list_devices
from prepack_lab.measuring.memory import fits
from prepack_lab.measuring.recordings import load_recordings
from prepack_lab.measuring.timing import Measurement, Run, summarize, time_in_turn
from prepack_lab.methods import METHODS
from prepack_lab.models.loading import DEFAULT_MODEL, list_models, load_model
from prepack_lab.prompts import random_prompts
from prepack_lab.widgets.checkboxes import Checkboxes
from prepack_lab.widgets.job import JobWidget, Progress
from prepack_lab.widgets.workload import Workload

LARGEST_BATCH = 64
YOURS = "your model"
PREFILL, FIRST_TOKEN = "prefill", "time to first token"


class LiveTiming(JobWidget):
    """Every method on batches of 1, 2, 4 … prompts, in turn; the figure grows as results come.

    The time to first token is that of `generate` with a single new token: prefill, unpacking and a step of decoding.

    Args:
        model: your own, offered first in the menu, which holds `list_models()`.
        lengths: tokens of your own prompts.
        workload: the profile to begin with.
        batch_size: the largest batch to begin with.
    """

    def __init__(
        self,
        model: PreTrainedModel | None = None,
        lengths: Sequence[int] | None = None,
        workload: str = "mmlu",
        batch_size: int = 8,
    ) -> None:
        names = [*([YOURS] if model else []), *list_models()]
        self.model = ipw.Dropdown(options=names, value=YOURS if model else DEFAULT_MODEL, description="Model")
        self.device = ipw.Dropdown(
            options=[str(model.device)] if model else list_devices(),
            description="Device",
            layout=ipw.Layout(width="220px"),
        )
        self.batch_size = ipw.IntSlider(
            min(batch_size, LARGEST_BATCH), 1, LARGEST_BATCH, description="Up to", layout=ipw.Layout(width="300px")
        )
        self.methods = Checkboxes([*METHODS], [*METHODS], "Methods")
        self.what = ipw.Dropdown(
            options=[PREFILL, FIRST_TOKEN], description="Measure", layout=ipw.Layout(width="300px")
        )
        self.repeats = ipw.BoundedIntText(3, 1, 20, description="Runs each", layout=ipw.Layout(width="150px"))
        self.beside = ipw.Dropdown(
            options=[("nothing", None), *((one.title, one) for one in load_recordings())],
            index=0,
            description="Beside it",
            layout=ipw.Layout(width="100%"),
        )
        if len(self.beside.options) == 1:
            self.beside.layout.display = "none"  # nothing was recorded yet
        self.workload = Workload(lengths, workload, LARGEST_BATCH)
        self.measured: dict[str, dict[int, Measurement | None]] = {}
        self.predicted: dict[str, dict[int, float]] = {}
        self._own = model
        self._loaded: dict[tuple[str, str], PreTrainedModel] = {}
        self._calibrated: dict[tuple[str, str], Calibration] = {}
        super().__init__(
            [self.model, self.device, self.what, self.batch_size, self.repeats, *self.workload.controls, self.methods],
            free=[self.beside],
        )

    def work(self) -> Iterator[Progress]:
        self.forget()
        sizes, methods = self._sizes(), [*self.methods.value]
        if not methods:
            raise ValueError("Choose at least one method.")
        total = 2 + len(sizes) * len(methods) * (self.repeats.value + 1)
        yield Progress(0, total, f"Loading {self.model.value} …")
        model = self._load()
        yield Progress(1, total, "Calibrating the cost model …")
        calibration = self._calibrate(model)
        done = 2
        for size in sizes:
            lengths = self.workload.lengths()[:size]
            self._predict(model, calibration, lengths, methods)
            for run in self._measure(model, lengths, methods):
                done += 1
                yield Progress(done, total, f"{run.name}, a batch of {size}: {run.seconds:.2f} s")
            yield Progress(done, total, f"Batches of {size} are done", found=True)

    def forget(self) -> None:
        self.measured, self.predicted = {}, {}

    def compose(self) -> tuple[LabFigure, str]:
        recording = self.beside.value
        comparable = recording and self.what.value == PREFILL
        recorded = recording.prefill.get(self.workload.menu.value, {}) if comparable else {}
        figure = draw_timing(self.measured, self.predicted, recorded, recording.device if recording else "")
        if not self.measured:
            return figure, "Press Run: every method is timed on batches of growing size."
        return figure, self._said()

    def _said(self) -> str:
        padded = self.measured.get("full_batching", {})
        said = []
        for method, by_size in self.measured.items():
            shared = [(full, own) for size, own in sorted(by_size.items()) if own and (full := padded.get(size))]
            if method != "full_batching" and shared:
                full, own = shared[-1]
                said.append(f"{method} {full.median / own.median:.1f}×")
        device = next((m.device for by_size in self.measured.values() for m in by_size.values() if m), "")
        fast = f"As fast as full batching, at the largest batch: {', '.join(said)}. " if said else ""
        dotted = " Dotted: predicted before, after a short calibration." if self.predicted else ""
        beside = f" Faint: recorded {self.beside.label}." if self.beside.value else ""
        return f"{fast}The {self.what.value}, measured just now on {device}.{dotted}{beside}"

    def _sizes(self) -> list[int]:
        """1, 2, 4, … and the slider's."""
        available = min(self.batch_size.value, len(self.workload.lengths()))
        return sorted({1 << power for power in range(7) if 1 << power <= available} | {available})

    def _load(self) -> PreTrainedModel:
        if self.model.value == YOURS and self._own is not None:
            return self._own
        chosen = self.model.value, self.device.value
        if chosen not in self._loaded:
            self._loaded.clear()  # memory may not hold two
            self._loaded[chosen] = load_model(chosen[0], device=chosen[1])[0]
        return self._loaded[chosen]

    def _calibrate(self, model: PreTrainedModel) -> Calibration:
        chosen = self.model.value, self.device.value
        if chosen not in self._calibrated:
            self._calibrated[chosen] = calibrate(model, repeats=1)
        return self._calibrated[chosen]

    def _predict(
        self, model: PreTrainedModel, calibration: Calibration, lengths: list[int], methods: list[str]
    ) -> None:
        if self.what.value != PREFILL:
            return  # the cost model knows the forward passes only
        for method in methods:
            cost = estimate_cost(model.config, lengths, method, model.dtype)
            self.predicted.setdefault(method, {})[len(lengths)] = calibration.seconds(cost)

    def _measure(self, model: PreTrainedModel, lengths: list[int], methods: list[str]) -> Iterator[Run]:
        """Time the methods in turn; where a method does not fit the memory, a wall is drawn."""
        prompts = random_prompts(lengths, vocabulary_size(model), self.workload.seed.value)
        fitting = {}
        for method in methods:
            admit(model, prompts, method)
            if fits(model, lengths, method):
                fitting[method] = (
                    partial(run_method, model, prompts, method)
                    if self.what.value == PREFILL
                    else partial(generate, model, prompts, method, max_new_tokens=1)
                )
            else:
                self.measured.setdefault(method, {})[len(lengths)] = None
        runs: list[Run] = []
        for run in time_in_turn(fitting, 1, self.repeats.value, str(model.device)) if fitting else ():
            runs.append(run)
            for method, measured in summarize(runs, str(model.device)).items():
                self.measured.setdefault(method, {})[len(lengths)] = measured
            yield run
