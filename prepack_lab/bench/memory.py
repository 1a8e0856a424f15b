"""`prepack-lab bench memory`: the peak of each method, and the largest batch that fits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from tqdm.auto import tqdm
from transformers import PreTrainedModel

from prepack_lab.bench.batches import check_methods, fill, load_and_draw, prefill
from prepack_lab.bench.experiments import Memory
from prepack_lab.bench.report import Report
from prepack_lab.figures.memory_curves import draw_memory
from prepack_lab.measuring import paper
from prepack_lab.measuring.machine import GB, MB, free_memory
from prepack_lab.measuring.memory import fits, largest_batch, largest_that_fits, memory_by_batch, peak_memory
from prepack_lab.measuring.model_sizes import ModelSizes
from prepack_lab.measuring.table import Table

MOST = 4096
"""Prompts in the largest batch that is looked for."""


def run_memory(asked: Memory) -> Report:
    check_methods(asked.methods)
    model, (drawn,) = load_and_draw(asked, [asked.workload], [asked.batch_size if asked.prompts else MOST])
    weights = sum(parameter.nbytes for parameter in model.parameters())
    limit = asked.memory * GB if asked.memory else weights + free_memory(model.device)
    bar = tqdm(asked.methods, unit="method", leave=False)
    rows = [_row(asked, model, drawn.lengths, method, weights, limit) for method in bar]
    sizes = [1 << power for power in range(13) if 1 << power <= len(drawn.lengths)]
    counted = ModelSizes.of(model.config)
    curves = {m: memory_by_batch(counted, drawn.lengths, m, sizes, model.dtype) for m in asked.methods}
    found = {row["method"]: {asked.batch_size: peak} for row in rows if (peak := row["peak_memory_bytes"])}
    compared = asked.compare_paper and asked.workload == "mmlu" and asked.prompts is None
    table = _table(rows, asked.batch_size, limit, compared)
    return asked.report(rows, table, draw_memory(curves, limit, found), model)


def _row(
    asked: Memory, model: PreTrainedModel, lengths: Sequence[int], method: str, weights: int, limit: float
) -> dict[str, Any]:
    batch = lengths[: asked.batch_size]
    taken = peak_memory(partial(prefill, model, fill(model, batch), method), str(model.device))
    if model.device.type == "cuda" and asked.memory is None:
        most, how = largest_that_fits(lambda size: fits(model, lengths[:size], method), len(lengths)), "tried"
    else:
        most, how = largest_batch(ModelSizes.of(model.config), lengths, method, limit, model.dtype), "estimated"
    return {
        "method": method,
        "peak_memory_bytes": None if taken is None else weights + taken,
        "estimated_bytes": memory_by_batch(model.config, batch, method, [len(batch)], model.dtype)[len(batch)],
        "largest_batch": most,
        "largest_batch_found": how,
    }


def _table(rows: Sequence[dict[str, Any]], batch_size: int, limit: float, compared: bool) -> Table:
    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        most = f"{row['largest_batch']:,}{'+' if row['largest_batch'] == MOST else ''}, {row['largest_batch_found']}"
        theirs = [paper.MMLU_64[row["method"]]["peak MiB"] * 2**20 if row["method"] in paper.MMLU_64 else None]
        beside = [*map(_megabytes, theirs)] if compared else []
        return row["method"], *map(_megabytes, (row["peak_memory_bytes"], row["estimated_bytes"])), most, *beside

    beside = ["paper's peak: 1.3B, 64 prompts"] if compared else []
    headings = ("method", f"peak, {batch_size} prompts", "estimated", f"largest batch in {limit / GB:,.0f} GB", *beside)
    return Table(headings, map(cells, rows), "Memory of a prefill, weights included, before unpacking")


def _megabytes(taken: float | None) -> str:
    return "–" if taken is None else f"{taken / MB:,.0f} MB"
