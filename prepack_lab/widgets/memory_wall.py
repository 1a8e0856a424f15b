"""Move the memory of a device, and see the largest batch that each method fits into it."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as ipw

from prepack_lab.figures.memory_curves import draw_memory
from prepack_lab.figures.style import LabFigure
from prepack_lab.largest_batch import largest_batch, memory_by_batch
from prepack_lab.machine import GB, choose_device, choose_dtype
from prepack_lab.methods import METHODS
from prepack_lab.models import load_config
from prepack_lab.widgets.lab_widget import LabWidget
from prepack_lab.widgets.workload import Workload

SIZES = [1 << power for power in range(11)]
MODELS = ("sheared-llama-1.3b", "llama-2-7b", "mistral-7b", "llama-2-13b", "smollm2-135m")


class MemoryWall(LabWidget):
    """Peak memory against batch size, estimated, and the device's limit as a wall.

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
        self.memory = ipw.IntSlider(memory, 1, 192, description="Memory, GB", layout=ipw.Layout(width="380px"))
        self.model = ipw.Dropdown(options=MODELS, value=model, description="Model")
        self.dtype = ipw.Dropdown(options=["bfloat16", "float32"], description="Numbers")
        self.workload = Workload(lengths, workload, SIZES[-1])
        super().__init__([self.memory, self.model, self.dtype, *self.workload.controls])

    def compose(self) -> tuple[LabFigure, str]:
        config, lengths = load_config(self.model.value), self.workload.lengths()
        dtype = choose_dtype(self.dtype.value, choose_device("cpu"))
        sizes = [size for size in SIZES if size <= len(lengths)]
        methods = [method for method in METHODS if method != "one_by_one"]
        used = {method: memory_by_batch(config, lengths, method, sizes, dtype) for method in methods}
        limit = self.memory.value * GB
        fits = {method: largest_batch(config, lengths, method, limit, dtype) for method in methods}
        most = ", ".join(f"{method} {count:,}{'+' if count == len(lengths) else ''}" for method, count in fits.items())
        said = f"The largest batch that fits, estimated, before unpacking: {most}."
        return draw_memory(used, limit), said
