"""`prepack-lab bench dataset`: a whole dataset by every method, milliseconds per prompt."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from statistics import median

from tqdm.auto import tqdm

from prepack_lab.bench.batches import check_methods, fill, load_and_draw, prefill_all, time_under_a_bar
from prepack_lab.bench.experiments import Dataset
from prepack_lab.bench.report import Report
from prepack_lab.figures.per_prompt import draw_per_prompt
from prepack_lab.measuring import paper
from prepack_lab.measuring.table import Table
from prepack_lab.methods import DATASET_METHODS

ByMethod = Mapping[str, Mapping[int, float]]
"""Method → batch size → milliseconds per prompt."""


def run_dataset(asked: Dataset) -> Report:
    check_methods(asked.methods, DATASET_METHODS)
    model, (drawn,) = load_and_draw(asked, [asked.workload], [asked.count])
    prompts, rows = fill(model, drawn.lengths, asked.seed), []
    for size in tqdm(asked.batch_sizes, unit="size", leave=False):
        calls = {method: partial(prefill_all, model, prompts, method, size) for method in asked.methods}
        rows += [
            {"workload": drawn.workload, "method": method, "batch_size": size, "seconds": [*taken.seconds]}
            for method, taken in time_under_a_bar(calls, asked.repeats, str(model.device)).items()
        ]
    spent: dict[str, dict[int, float]] = {}
    for row in rows:
        spent.setdefault(row["method"], {})[row["batch_size"]] = 1000 * median(row["seconds"]) / asked.count
    compared = asked.compare_paper and asked.prompts is None
    theirs = paper.DATASET_MILLISECONDS.get(asked.workload, {}) if compared else {}
    return asked.report(rows, _table(spent, asked.count, theirs), draw_per_prompt(spent, "milliseconds"), model)


def _table(spent: ByMethod, count: int, theirs: ByMethod) -> Table:
    sizes = [*next(iter(spent.values()))]

    def cell(method: str, size: int) -> str:
        ours = f"{spent[method][size]:.2f} ms"
        there = theirs.get(method, {}).get(size)
        return ours if there is None else f"{ours} ({there:.2f})"

    lines = [(method, *(cell(method, size) for size in sizes)) for method in spent]
    beside = " (in brackets: the paper, 1.3B on an A6000)" if theirs else ""
    return Table(("method", *(f"batches of {size}" for size in sizes)), lines, f"{count} prompts, for each{beside}")
