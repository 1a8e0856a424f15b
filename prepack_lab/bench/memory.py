"""`prepack-lab bench memory`: the peak of each method, and the largest batch that fits.

The peak is measured: by the allocator on CUDA, by following every allocation on a CPU. The largest batch is found by
trying on CUDA; elsewhere a full memory would end the program, so it is estimated.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm
from transformers import PreTrainedModel

from prepack_lab.bench.batches import load_and_draw
from prepack_lab.bench.options import command_of
from prepack_lab.bench.report import Report
from prepack_lab.figures.memory_curves import draw_memory
from prepack_lab.forward import vocabulary_size
from prepack_lab.machine import GB, MB, free_memory
from prepack_lab.measuring import paper
from prepack_lab.measuring.cost import estimate_cost
from prepack_lab.measuring.memory import fits, largest_batch, largest_that_fits, memory_by_batch, peak_memory
from prepack_lab.measuring.model_sizes import ModelSizes
from prepack_lab.passes import run_method
from prepack_lab.prompts import random_prompts
from prepack_lab.table import Table

METHODS = ("full_batching", "length_ordered", "prepacked", "padding_free")
MOST = 4096
"""Prompts in the largest batch that is looked for."""


def memory_benchmark(
    model: str = "smollm2-135m",
    workload: str = "mmlu",
    prompts: Path | None = None,
    batch_size: int = 16,
    methods: Sequence[str] = METHODS,
    dtype: str | None = None,
    device: str | None = None,
    memory: float | None = None,
    seed: int = 0,
    compare_paper: bool = False,
) -> Report:
    """The peak of a prefill by method, and the largest batch that fits the device.

    Raises:
        ValueError: the device does not tell how much memory a pass takes, an unknown method or workload.
    """
    settings = {name: value for name, value in locals().items() if name != "compare_paper"}
    loaded, (drawn,) = load_and_draw(settings, [workload], [batch_size if prompts else MOST])
    weights = sum(parameter.nbytes for parameter in loaded.parameters())
    limit = memory * GB if memory else weights + free_memory(loaded.device)
    rows = []
    for method in tqdm(methods, unit="method", leave=False):
        measured = _peak(loaded, drawn.lengths[:batch_size], method)
        told = estimate_cost(loaded.config, drawn.lengths[:batch_size], method, loaded.dtype).memory_bytes
        most, how = _largest(loaded, drawn.lengths, method, limit, memory)
        rows.append(
            {"method": method, "peak_memory_bytes": None if measured is None else weights + measured,
             "estimated_bytes": told, "largest_batch": most, "largest_batch_found": how}
        )  # fmt: skip
    settings |= {"dtype": str(loaded.dtype).removeprefix("torch."), "prompts": prompts and str(prompts)}
    sizes = [size for size in (1 << power for power in range(13)) if size <= len(drawn.lengths)]
    curves = {m: memory_by_batch(ModelSizes.of(loaded.config), drawn.lengths, m, sizes, loaded.dtype) for m in methods}
    found = {row["method"]: {batch_size: row["peak_memory_bytes"]} for row in rows if row["peak_memory_bytes"]}
    table = _table(rows, batch_size, limit, compare_paper and workload == "mmlu" and prompts is None)
    where = str(loaded.device)
    return Report.now(command_of("memory", settings), where, settings, rows, table, draw_memory(curves, limit, found))


def _peak(model: PreTrainedModel, lengths: Sequence[int], method: str) -> int | None:
    prompts = random_prompts(lengths, vocabulary_size(model))
    return peak_memory(partial(run_method, model, prompts, method), str(model.device))


def _largest(
    model: PreTrainedModel, lengths: Sequence[int], method: str, limit: float, memory: float | None
) -> tuple[int, str]:
    """The most prompts that fit, and whether that was tried or estimated."""
    if model.device.type == "cuda" and memory is None:
        return largest_that_fits(lambda size: fits(model, lengths[:size], method), len(lengths)), "tried"
    return largest_batch(ModelSizes.of(model.config), lengths, method, limit, model.dtype), "estimated"


def _table(rows: list[dict[str, Any]], batch_size: int, limit: float, compare: bool) -> Table:
    lines = []
    for row in rows:
        measured = row["peak_memory_bytes"]
        most = f"{row['largest_batch']:,}{'+' if row['largest_batch'] == MOST else ''}, {row['largest_batch_found']}"
        theirs = [f"{paper.MMLU_64.get(row['method'], {}).get('peak MB', float('nan')):,.0f} MB"] if compare else []
        lines.append(
            (row["method"], "–" if measured is None else f"{measured / MB:,.0f} MB",
             f"{row['estimated_bytes'] / MB:,.0f} MB", most, *(cell.replace("nan MB", "–") for cell in theirs))
        )  # fmt: skip
    beside = ["paper's peak: 1.3B, 64 prompts"] if compare else []
    headings = ("method", f"peak, {batch_size} prompts", "estimated", f"largest batch in {limit / GB:,.0f} GB", *beside)
    return Table(headings, lines, "Memory of a prefill, weights included, before unpacking")
