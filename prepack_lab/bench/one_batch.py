"""`prepack-lab bench one-batch`: every method on the same prompts, and what each spends its time on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from statistics import median
from typing import Any

from transformers import PreTrainedModel

from prepack_lab.bench.batches import check_methods, fill, load, prefill, require_methods, time_under_a_bar
from prepack_lab.bench.experiment import dtype_name
from prepack_lab.bench.experiments import OneBatch
from prepack_lab.bench.matrix_products import MatrixProducts
from prepack_lab.bench.report import Report
from prepack_lab.cache import join_caches
from prepack_lab.measuring.calibration import calibrate
from prepack_lab.measuring.cost import estimate_cost
from prepack_lab.measuring.machine import MB
from prepack_lab.measuring.memory import peak_memory
from prepack_lab.measuring.table import Table
from prepack_lab.measuring.timing import Measurement, gpu_utilization, measure
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import Packing, pack
from prepack_lab.sources.lengths import load_profile

PRODUCTS = "matrix products alone"
BASELINES = ("full_batching", "one_by_one")


def run_one_batch(asked: OneBatch) -> Report:
    check_methods(asked.methods)
    lengths = load_profile(asked.workload).sample(asked.batch_size, asked.seed)
    model = load(asked)
    require_methods(model, asked.methods, max(lengths))
    prompts, where = fill(model, lengths, asked.seed), str(model.device)
    calls = {method: partial(prefill, model, prompts, method) for method in asked.methods}
    predicted = _predicted(model, lengths, asked.methods)
    products = MatrixProducts(model, lengths)
    times = time_under_a_bar({PRODUCTS: products, **calls}, asked.repeats, where)
    needed = products.seconds(times[PRODUCTS].median)
    results = [
        {
            "method": method,
            "seconds": [*times[method].seconds],
            "predicted_seconds": predicted.get(method),
            "share_of_matrix_products": needed / times[method].median,
            "pack_seconds": [*_pack(prompts, method, asked.repeats, where).seconds],
            "unpack_seconds": [*_unpack(model, prompts, method, asked.repeats, where).seconds],
            "peak_memory_bytes": peak_memory(call, where),
            "gpu_utilization": gpu_utilization(call, where),
        }
        for method, call in calls.items()
    ]
    counted = {
        "tokens": sum(lengths),
        "longest": max(lengths),
        "rows_packed": pack(lengths).num_bins,
        "matrix_products_flop_per_second": products.weight_flops / times[PRODUCTS].median,
        "matrix_products_seconds": needed,
    }
    named = f"{asked.model}, {dtype_name(model)}: {asked.batch_size} prompts like {asked.workload}"
    caption = f"{named}, {_counted(counted)}. Runs each, in turn: {asked.repeats}.\n{_products(counted)}"
    return asked.report(results, _table(caption, results), model=model, settings=counted)


def _predicted(model: PreTrainedModel, lengths: list[int], methods: Sequence[str]) -> dict[str, float]:
    """What a calibration predicts, before the methods are run; nothing for a model whose cost can't be counted."""
    with suppress(ValueError):
        costs = {method: estimate_cost(model.config, lengths, method, model.dtype) for method in methods}
        rates = calibrate(model)
        return {method: rates.seconds(cost) for method, cost in costs.items()}
    return {}


def _pack(prompts: list[list[int]], method: str, repeats: int, device: str) -> Measurement:
    """Choose the rows and lay the prompts out, as the method does before its forward pass."""
    lay_out = {"prepacked": pack, "padding_free": Packing.concatenated}.get(method)
    if lay_out is None:
        return measure(lambda: None, 1, repeats, device)
    lengths = [len(prompt) for prompt in prompts]
    return measure(lambda: PackedBatch.from_prompts(prompts, lay_out(lengths), device=device), 1, repeats, device)


def _unpack(model: PreTrainedModel, prompts: list[list[int]], method: str, repeats: int, device: str) -> Measurement:
    """Give each prompt its own cache."""
    passes = prefill(model, prompts, method)
    return measure(lambda: join_caches(passes, model.config), 1, repeats, device)


def _counted(counted: Mapping[str, float]) -> str:
    return f"{counted['tokens']:,} tokens, the longest {counted['longest']:,}, {counted['rows_packed']} rows packed"


def _products(counted: Mapping[str, float]) -> str:
    seconds, rate = counted["matrix_products_seconds"], counted["matrix_products_flop_per_second"] / 1e9
    return f"The matrix products alone need {seconds:.3f} s, at {rate:,.0f} GFLOP/s"


def _table(caption: str, results: Sequence[Mapping[str, Any]]) -> Table:
    medians = {row["method"]: median(row["seconds"]) for row in results}

    def times_as_fast(method: str, baseline: str) -> str:
        return f"{medians[baseline] / medians[method]:.2f}×" if baseline in medians else "–"

    def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
        seconds = Measurement(tuple(row["seconds"]), "", None)
        lower, upper = seconds.spread
        around = median(row["pack_seconds"]) + median(row["unpack_seconds"])
        predicted, peak, busy = row["predicted_seconds"], row["peak_memory_bytes"], row["gpu_utilization"]
        return (
            row["method"],
            f"{seconds.median:.3f} s",
            f"{lower:.3f} to {upper:.3f} s",
            "–" if predicted is None else f"{predicted:.3f} s",
            *(times_as_fast(row["method"], baseline) for baseline in BASELINES),
            f"{row['share_of_matrix_products']:.0%}",
            f"{around / seconds.median:.1%}",
            "–" if peak is None else f"{peak / MB:,.0f} MB",
            "–" if busy is None else f"{busy:.0%}",
        )

    against = (f"× {baseline}" for baseline in BASELINES)
    last = ("matrix products' share", "pack + unpack", "peak memory", "GPU busy")
    return Table(("method", "median", "half of the runs", "predicted", *against, *last), map(cells, results), caption)
