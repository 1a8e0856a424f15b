"""`prepack-lab bench dataset`: a whole dataset by every method, milliseconds per prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from statistics import median

from tqdm.auto import tqdm

from prepack_lab.bench.batches import OnPrompts, check_methods, fill, prefill_all, time_under_a_bar
from prepack_lab.bench.report import Report
from prepack_lab.figures.per_prompt import draw_per_prompt
from prepack_lab.measuring import paper
from prepack_lab.measuring.table import Table
from prepack_lab.methods import DATASET_METHODS

ByMethod = Mapping[str, Mapping[int, float]]
"""Method → batch size → milliseconds per prompt."""


class Dataset(OnPrompts, name="dataset", quick={"count": 24, "batch_sizes": (4, 8)}, figure=True):
    """A whole dataset by every method, milliseconds per prompt; caches are not unpacked."""

    workload: str = "mmlu"
    count: int = 128
    batch_sizes: Sequence[int] = (8, 16, 32)
    methods: Sequence[str] = ("full_batching", "length_ordered", "prepacked", "dataset_prepacked", "padding_free")
    repeats: int = 1
    compare_paper: bool = False

    def run(self) -> Report:
        check_methods(self.methods, DATASET_METHODS)
        model, (drawn,) = self.load_and_draw([self.workload], [self.count])
        prompts, rows = fill(model, drawn.lengths, self.seed), []
        for size in tqdm(self.batch_sizes, unit="size", leave=False):
            calls = {method: partial(prefill_all, model, prompts, method, size) for method in self.methods}
            rows += [
                {"workload": drawn.workload, "method": method, "batch_size": size, "seconds": [*taken.seconds]}
                for method, taken in time_under_a_bar(calls, self.repeats, str(model.device)).items()
            ]
        spent: dict[str, dict[int, float]] = {}
        for row in rows:
            spent.setdefault(row["method"], {})[row["batch_size"]] = 1000 * median(row["seconds"]) / self.count
        compared = self.compare_paper and self.prompts is None
        theirs = paper.DATASET_MILLISECONDS.get(self.workload, {}) if compared else {}
        return self.report(rows, _table(spent, self.count, theirs), draw_per_prompt(spent, "milliseconds"), model)


def _table(spent: ByMethod, count: int, theirs: ByMethod) -> Table:
    sizes = [*next(iter(spent.values()))]

    def cell(method: str, size: int) -> str:
        ours = f"{spent[method][size]:.2f} ms"
        there = theirs.get(method, {}).get(size)
        return ours if there is None else f"{ours} ({there:.2f})"

    lines = [(method, *(cell(method, size) for size in sizes)) for method in spent]
    beside = " (in brackets: the paper, 1.3B on an A6000)" if theirs else ""
    return Table(("method", *(f"batches of {size}" for size in sizes)), lines, f"{count} prompts, for each{beside}")
