"""`prepack-lab bench one-batch`: every method on the same prompts, and what each spends its time on.

Each method runs in turn, so that a machine that slows down slows all of them. The time is that of the forward passes,
packing included. Unpacking, the cache of each prompt, is timed by itself, as in the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import median
from typing import Any

from tqdm.auto import tqdm
from transformers import PreTrainedModel

from prepack_lab.bench.matrix_products import MatrixProducts
from prepack_lab.bench.options import command_of
from prepack_lab.bench.report import Report
from prepack_lab.cache import join_caches
from prepack_lab.forward import vocabulary_size
from prepack_lab.lengths import load_profile
from prepack_lab.machine import MB
from prepack_lab.measuring.memory import peak_memory
from prepack_lab.measuring.timing import Measurement, gpu_utilization, measure, summarize, time_in_turn
from prepack_lab.methods import METHODS, Plan
from prepack_lab.models.loading import load_model
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import Packing, pack
from prepack_lab.passes import run_method
from prepack_lab.prompts import random_prompts
from prepack_lab.support import require_support
from prepack_lab.table import Table

PRODUCTS = "matrix products alone"
HEADINGS = (
    "method",
    "median",
    "half of the runs",
    "× full_batching",
    "× one_by_one",
    "matrix products' share",
    "pack + unpack",
    "peak memory",
    "GPU busy",
)


def one_batch_benchmark(
    model: str = "smollm2-135m",
    workload: str = "mmlu",
    batch_size: int = 32,
    methods: Sequence[str] = tuple(METHODS),
    dtype: str | None = None,
    device: str | None = None,
    repeats: int = 5,
    seed: int = 0,
) -> Report:
    """Measure the prefill of one batch by every method.

    Args:
        model: as for `load_model`.
        workload: a length profile; the prompts are random ids of its lengths.
        batch_size: prompts in the batch.
        methods: which to run, of `METHODS`.
        dtype, device: as for `load_model`.
        repeats: runs of each method that count, after one that does not.
        seed: of the lengths and of the ids.

    Raises:
        ValueError: an unknown method, workload, dtype or device.
        UnsupportedModelError: a method is not known to be exact for the model.
    """
    for method in methods:
        Plan().check(method)
    lengths = load_profile(workload).sample(batch_size, seed)
    loaded, _ = load_model(model, dtype, device)
    for method in methods:
        require_support(loaded, method, max(lengths))
    prompts = random_prompts(lengths, vocabulary_size(loaded), seed)
    passes = {method: partial(_passes, loaded, prompts, method) for method in methods}
    products = MatrixProducts(loaded, lengths)
    where = str(loaded.device)
    with tqdm(total=(repeats + 1) * (len(passes) + 1), unit="run", leave=False) as bar:
        runs = []
        for run in time_in_turn({PRODUCTS: products, **passes}, 1, repeats, where):
            bar.set_description(run.name)
            bar.update()
            runs.append(run)
    times = summarize(runs, where)
    needed = products.seconds(times[PRODUCTS].median)
    results = [
        {
            "method": method,
            "seconds": list(times[method].seconds),
            "share_of_matrix_products": needed / times[method].median,
            "pack_seconds": list(_pack(prompts, method, repeats, where).seconds),
            "unpack_seconds": list(_unpack(loaded, prompts, method, repeats, where).seconds),
            "peak_memory_bytes": peak_memory(passes[method], where),
            "gpu_utilization": gpu_utilization(passes[method], where),
        }
        for method in methods
    ]
    settings = {
        "model": model,
        "dtype": str(loaded.dtype).removeprefix("torch."),
        "workload": workload,
        "batch_size": batch_size,
        "seed": seed,
        "repeats": repeats,
        "tokens": sum(lengths),
        "longest": max(lengths),
        "rows_packed": pack(lengths).num_bins,
        "matrix_products_flop_per_second": products.weight_flops / times[PRODUCTS].median,
        "matrix_products_seconds": needed,
    }
    command = command_of("one-batch", settings | {"methods": methods, "device": device})
    return Report.now(command, where, settings, results, _table(settings, results))


def _passes(model: PreTrainedModel, prompts: list[list[int]], method: str) -> list[Any]:
    return run_method(model, prompts, method)


def _pack(prompts: list[list[int]], method: str, repeats: int, device: str) -> Measurement:
    """Choose the rows and lay the prompts out, as the method does before its forward pass."""
    lay_out = {"prepacked": pack, "padding_free": Packing.concatenated}.get(method)
    if lay_out is None:
        return measure(lambda: None, 1, repeats, device)
    lengths = [len(prompt) for prompt in prompts]
    return measure(lambda: PackedBatch.from_prompts(prompts, lay_out(lengths), device=device), 1, repeats, device)


def _unpack(model: PreTrainedModel, prompts: list[list[int]], method: str, repeats: int, device: str) -> Measurement:
    """Give each prompt its own cache."""
    parts = [part for _, part in _passes(model, prompts, method)]
    return measure(lambda: join_caches(parts, model.config), 1, repeats, device)


def _table(settings: dict[str, Any], results: list[dict[str, Any]]) -> Table:
    medians = {row["method"]: median(row["seconds"]) for row in results}

    def times_as_fast(method: str, baseline: str) -> str:
        return f"{medians[baseline] / medians[method]:.2f}×" if baseline in medians else "–"

    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        method, seconds = row["method"], Measurement(tuple(row["seconds"]), "", None)
        lower, upper = seconds.spread
        around = median(row["pack_seconds"]) + median(row["unpack_seconds"])
        peak, busy = row["peak_memory_bytes"], row["gpu_utilization"]
        return (
            method,
            f"{seconds.median:.3f} s",
            f"{lower:.3f} to {upper:.3f} s",
            times_as_fast(method, "full_batching"),
            times_as_fast(method, "one_by_one"),
            f"{row['share_of_matrix_products']:.0%}",
            f"{around / seconds.median:.1%}",
            "–" if peak is None else f"{peak / MB:,.0f} MB",
            "–" if busy is None else f"{busy:.0%}",
        )

    caption = (
        f"{settings['model']}, {settings['dtype']}: {settings['batch_size']} prompts like {settings['workload']}, "
        f"{settings['tokens']:,} tokens, the longest {settings['longest']:,}, {settings['rows_packed']} rows packed. "
        f"Runs each, in turn: {settings['repeats']}.\nThe matrix products alone need "
        f"{settings['matrix_products_seconds']:.3f} s, at {settings['matrix_products_flop_per_second'] / 1e9:,.0f} "
        "GFLOP/s"
    )
    return Table(HEADINGS, [cells(row) for row in results], caption)
