"""Move the memory of a device, and see the largest batch that each method fits into it; then measure your own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import ipywidgets as ipw
from transformers import PreTrainedModel

from prepack_lab.figures.memory_curves import draw_memory
from prepack_lab.figures.style import LabFigure
from prepack_lab.forward import run_method, vocabulary_size
from prepack_lab.measuring.machine import GB, choose_device, choose_dtype
from prepack_lab.measuring.memory import fits, largest_batch, memory_by_batch, peak_memory
from prepack_lab.methods import METHODS
from prepack_lab.models.loading import load_model, load_sizes
from prepack_lab.prompts import random_prompts
from prepack_lab.widgets.job import JobWidget, Progress
from prepack_lab.widgets.recorded import Move
from prepack_lab.widgets.workload import Workload

SIZES = [1 << power for power in range(11)]
MODELS = ("sheared-llama-1.3b", "llama-2-7b", "mistral-7b", "llama-2-13b", "smollm2-135m")
DEVICES = (8, 16, 24, 48, 80, 96, 141, 192)
"""GB that devices have."""
COMPARED = [method for method in METHODS if method != "one_by_one"]


class MemoryWall(JobWidget):
    """Peak memory against batch size, estimated, and the device's limit as a wall; Run measures it on this machine.

    Args:
        lengths: tokens of your own prompts.
        workload: the profile to begin with.
        model: one of `MODELS`.
        memory: of the device, in GB.
    """

    def __init__(
        self,
        lengths: Sequence[int] | None = None,
        workload: str = "mmlu",
        model: str = "sheared-llama-1.3b",
        memory: int = 48,
    ) -> None:
        self.memory = ipw.IntSlider(
            memory,
            1,
            192,
            description="Memory in GB",
            style={"description_width": "initial"},
            layout=ipw.Layout(width="400px"),
        )
        self.model = ipw.Dropdown(options=MODELS, value=model, description="Model")
        self.dtype = ipw.Dropdown(options=["bfloat16", "float32"], description="Numbers")
        self.up_to = ipw.Dropdown(options=SIZES, value=8, description="Measure to", layout=ipw.Layout(width="180px"))
        self.workload = Workload(lengths, workload, SIZES[-1])
        self.forget()
        super().__init__([self.model, self.dtype, *self.workload.controls], free=[self.memory, self.up_to])

    def forget(self) -> None:
        self.measured: dict[str, dict[int, float | None]] = {}

    def work(self) -> Iterator[Progress]:
        self.forget()
        sizes = [size for size in SIZES if size <= min(self.up_to.value, len(self.workload.lengths()))]
        total = 1 + len(sizes) * len(COMPARED)
        yield Progress(0, total, f"Loading {self.model.value} …")
        model, _ = load_model(self.model.value, self.dtype.value)
        weights = sum(parameter.nbytes for parameter in model.parameters())
        for size in sizes:
            for method in COMPARED:
                done = 1 + sum(map(len, self.measured.values()))
                yield Progress(done, total, f"{method}, a batch of {size} …")
                self.measured.setdefault(method, {})[size] = self._measure(model, method, size, weights)
            yield Progress(done, total, f"Batches of {size} are done", found=True)

    def on_page(self) -> list[Move]:
        return [
            Move(self.model, MODELS),
            self.workload.move(("mmlu", "samsum", "sharegpt")),
            Move(self.memory, DEVICES),
        ]

    def compose(self) -> tuple[LabFigure, str]:
        model, lengths = load_sizes(self.model.value), self.workload.lengths()
        dtype = choose_dtype(self.dtype.value, choose_device("cpu"))
        sizes = [size for size in SIZES if size <= len(lengths)]
        used = {method: memory_by_batch(model, lengths, method, sizes, dtype) for method in COMPARED}
        limit = self.memory.value * GB
        fits = {method: largest_batch(model, lengths, method, limit, dtype) for method in COMPARED}
        most = ", ".join(f"{method} {count:,}{'+' if count == len(lengths) else ''}" for method, count in fits.items())
        said = f"The largest batch that fits, estimated, before unpacking: {most}."
        if self.measured:
            said += " Circles: measured on this machine, before unpacking too."
        return draw_memory(used, limit, self.measured), said

    def _measure(self, model: PreTrainedModel, method: str, size: int, weights: int) -> float | None:
        """Bytes at the peak, weights included; None where they are not free."""
        lengths = self.workload.lengths()[:size]
        if not fits(model, lengths, method):
            return None
        prompts = random_prompts(lengths, vocabulary_size(model))
        taken = peak_memory(partial(run_method, model, prompts, method), str(model.device))
        if taken is None:
            raise ValueError(f"nothing on {model.device} measures the memory of a pass; its curves stay estimates")
        return weights + taken
