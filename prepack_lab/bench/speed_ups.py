"""Methods compared with full batching, over random batches of workloads: `prefill`, `ttft`, `batch-size`.

A batch is run by all methods in turn. A speed-up is a ratio of medians within one batch; over several batches it is
the ratio of their added medians, as the paper compares mean seconds, beside the smallest and the largest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from types import MappingProxyType
from typing import Any

from tqdm.auto import tqdm
from transformers import PreTrainedModel

from prepack_lab.bench.batches import (
    Batch,
    check_methods,
    fill,
    load_and_draw,
    prefill,
    require_methods,
    time_under_a_bar,
)
from prepack_lab.bench.experiments import BatchSize, FirstToken, OnBatches, Prefill
from prepack_lab.bench.report import Report
from prepack_lab.figures.counted_rows import draw_counted_rows
from prepack_lab.figures.speed_up_curves import draw_speed_ups
from prepack_lab.figures.style import LabFigure
from prepack_lab.generation import generate
from prepack_lab.measuring import paper
from prepack_lab.measuring.recordings import fewer_rows_recorded, only, speed_up
from prepack_lab.measuring.table import Table
from prepack_lab.methods import BASELINE

Call = Callable[[PreTrainedModel, list[list[int]], str], Any]
Row = dict[str, Any]
PerBatchSize = Mapping[int, float]


def measure_batches(
    asked: OnBatches,
    workloads: Sequence[str],
    sizes: Sequence[int],
    methods: Sequence[str],
    timed: Mapping[str, Call] = MappingProxyType({"prefill": prefill}),
) -> tuple[PreTrainedModel, list[Batch], list[Row]]:
    """The model, the batches, and a row for each batch, method and whatever is timed.

    Args:
        asked: names the model, and how often what is drawn and run.
        workloads: length profiles.
        sizes: prompts in a batch.
        methods: the baseline is one of them.
        timed: what is timed, in turn, by its name.

    Raises:
        ValueError: an unknown method or workload, or no baseline among the methods.
        UnsupportedModelError: a method is not known to be exact for the model.
    """
    check_methods(methods)
    if BASELINE not in methods:
        raise ValueError(f"speed-ups compare with {BASELINE}; add it to the methods")
    model, batches = load_and_draw(asked, workloads, sizes, asked.draws)
    require_methods(model, methods, max(max(batch.lengths) for batch in batches))
    rows = []
    for batch in tqdm(batches, unit="batch", leave=False):
        prompts = fill(model, batch.lengths, batch.draw)
        calls = {
            (name, method): partial(call, model, prompts, method) for name, call in timed.items() for method in methods
        }
        kind = {"workload": batch.workload, "batch_size": batch.size, "draw": batch.draw, "rows_packed": batch.rows}
        rows += [
            {
                **kind,
                "timed": name,
                "method": method,
                "seconds": [*taken.seconds],
                "peak_memory_bytes": taken.peak_memory_bytes,
            }
            for (name, method), taken in time_under_a_bar(calls, asked.repeats, str(model.device)).items()
        ]
    return model, batches, rows


def run_prefill(asked: Prefill) -> Report:
    model, _, rows = measure_batches(asked, asked.workloads, [asked.batch_size], asked.methods)
    theirs = paper.SPEED_UP_BY_BATCH if asked.compare_paper else None
    table = speed_up_table(rows, asked.methods, theirs, "Prefill")
    return asked.report(rows, table, _beside_rows(rows, asked.methods), model)


def run_ttft(asked: FirstToken) -> Report:
    compared = asked.compare_paper and asked.prompts is None
    workloads = asked.workloads or ([*paper.TTFT_SPEED_UP] if compared else ["mmlu"])
    timed = {"first token": _first_token, "prefill": prefill}
    model, _, both = measure_batches(asked, workloads, [asked.batch_size], asked.methods, timed)
    rows, before = ([row for row in both if row["timed"] == name] for name in timed)
    theirs = {name: {16: by_model[paper.MODELS[0]]} for name, by_model in paper.TTFT_SPEED_UP.items()}
    table = speed_up_table(rows, asked.methods, theirs if asked.compare_paper else None, "Time to first token", before)
    return asked.report(both, table, _beside_rows(rows, asked.methods), model, {"workloads": workloads})


def run_batch_size(asked: BatchSize) -> Report:
    model, _, rows = measure_batches(asked, [asked.workload], asked.batch_sizes, asked.methods)
    compared = asked.compare_paper and asked.prompts is None
    theirs = paper.SPEED_UP_BY_BATCH.get(asked.workload, {}) if compared else {}
    beside = {asked.workload: theirs} if theirs else None
    table = speed_up_table(rows, asked.methods, beside, "Prefill as the batch grows")
    gains = {
        method: {size: speed_up(rows, method, batch_size=size)[0] for size in asked.batch_sizes}
        for method in asked.methods
        if method != BASELINE
    }
    counted = {size: fewer_rows_recorded(rows, batch_size=size) for size in asked.batch_sizes}
    return asked.report(rows, table, draw_speed_ups(gains, theirs, counted), model)


def _first_token(model: PreTrainedModel, prompts: list[list[int]], method: str) -> Any:
    return generate(model, prompts, method, max_new_tokens=1)


def _beside_rows(rows: Sequence[Row], methods: Sequence[str]) -> LabFigure | None:
    """The speed-up of the first method that is no baseline, against k/r; None where there is only the baseline."""
    others = [method for method in methods if method != BASELINE]
    if not others:
        return None
    counted: dict[str, dict[int, float]] = {}
    measured: dict[str, dict[int, float]] = {}
    for workload, size in _kinds(rows):
        where = {"workload": workload, "batch_size": size}
        counted.setdefault(workload, {})[size] = fewer_rows_recorded(rows, **where)
        measured.setdefault(workload, {})[size] = speed_up(rows, others[0], **where)[0]
    return draw_counted_rows(counted, measured)


def _kinds(rows: Sequence[Row]) -> list[tuple[str, int]]:
    """The workloads and batch sizes."""
    return [*dict.fromkeys((row["workload"], row["batch_size"]) for row in rows)]


def speed_up_table(
    rows: Sequence[Row],
    methods: Sequence[str],
    theirs: Mapping[str, PerBatchSize] | None,
    what: str,
    before: Sequence[Row] = (),
) -> Table:
    """A line for each workload and batch size: seconds of full batching, speed-ups, and the paper's.

    Args:
        before: the prefills that went before; given, the share of their speed-ups that is kept is shown, too.
    """
    others = [method for method in methods if method != BASELINE]

    def line(workload: str, size: int) -> tuple[object, ...]:
        where = {"workload": workload, "batch_size": size}
        base = [median(row["seconds"]) for row in only(rows, method=BASELINE, **where)]
        gains = [speed_up(rows, method, **where) for method in others]
        cells = [f"{all_:.2f}×" + (f" ({least:.2f} to {most:.2f})" if base[1:] else "") for all_, least, most in gains]
        beside = [] if theirs is None else [_ratio(theirs.get(workload, {}).get(size))]
        fewer = fewer_rows_recorded(rows, **where)
        kept = [
            f"{gain[0] / speed_up(before, by, **where)[0]:.2f}"
            for gain, by in zip(gains, others, strict=True)
            if before
        ]
        return workload, size, f"{sum(base) / len(base):.2f} s", *cells, *kept, f"{fewer:.2f}", *beside

    beside = [] if theirs is None else ["paper, prepacked"]
    kept = [f"{method}: share of prefill's ×" for method in others if before]
    headings = ("workload", "prompts", BASELINE, *(f"{method} ×" for method in others), *kept, "k/r", *beside)
    draws = len({row["draw"] for row in rows})
    over = "one batch each" if draws == 1 else f"{draws} batches each (worst to best of them)"
    lines = [line(*kind) for kind in _kinds(rows)]
    return Table(headings, lines, f"{what}: times as fast as {BASELINE}, over {over}")


def _ratio(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}×"
