"""`prepack-lab bench batch-cost`: batches without padding, against their size and the length of their prompts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product

from tqdm.auto import tqdm

from prepack_lab.bench.batches import OnModel, fill, prefill
from prepack_lab.bench.report import Report
from prepack_lab.course.tables import batch_cost_table
from prepack_lab.measuring import paper
from prepack_lab.measuring.table import Table
from prepack_lab.measuring.timing import measure


class BatchCost(OnModel, name="batch-cost", quick={"lengths": (50, 100), "repeats": 2}):
    """Time against batch size and length, where all prompts of a batch have one length.

    Flat while the device is not full, then in proportion.
    """

    lengths: Sequence[int] = (50, 100, 200, 400)
    batch_sizes: Sequence[int] = (1, 2, 4, 8, 16)
    repeats: int = 3
    compare_paper: bool = False

    def run(self) -> Report:
        model = self.load()
        rows = []
        seconds: dict[int, dict[int, float]] = {}
        kinds = [*product(self.lengths, self.batch_sizes)]
        for length, size in tqdm(kinds, unit="batch", leave=False):
            prompts = fill(model, [length] * size)
            taken = measure(partial(prefill, model, prompts, "full_batching"), 1, self.repeats, str(model.device))
            seconds.setdefault(length, {})[size] = taken.median
            rows.append({"length": length, "batch_size": size, "seconds": [*taken.seconds]})
        table = batch_cost_table(seconds)
        if self.compare_paper:
            theirs = batch_cost_table(paper.BATCH_SECONDS)
            table = Table(table.headings, table.rows, f"The paper, 1.3B on an A6000. {theirs}\n\nHere. {table.caption}")
        return self.report(rows, table, model=model)
