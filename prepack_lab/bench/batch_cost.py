"""`prepack-lab bench batch-cost`: batches without padding, against their size and the length of their prompts."""

from __future__ import annotations

from functools import partial
from itertools import product

from tqdm.auto import tqdm

from prepack_lab.bench.batches import fill, load, prefill
from prepack_lab.bench.experiments import BatchCost
from prepack_lab.bench.report import Report
from prepack_lab.course.tables import batch_cost_table
from prepack_lab.measuring import paper
from prepack_lab.measuring.table import Table
from prepack_lab.measuring.timing import measure


def run_batch_cost(asked: BatchCost) -> Report:
    model = load(asked)
    rows = []
    seconds: dict[int, dict[int, float]] = {}
    kinds = [*product(asked.lengths, asked.batch_sizes)]
    for length, size in tqdm(kinds, unit="batch", leave=False):
        prompts = fill(model, [length] * size)
        taken = measure(partial(prefill, model, prompts, "full_batching"), 1, asked.repeats, str(model.device))
        seconds.setdefault(length, {})[size] = taken.median
        rows.append({"length": length, "batch_size": size, "seconds": [*taken.seconds]})
    table = batch_cost_table(seconds)
    if asked.compare_paper:
        theirs = batch_cost_table(paper.BATCH_SECONDS)
        table = Table(table.headings, table.rows, f"The paper, 1.3B on an A6000. {theirs}\n\nHere. {table.caption}")
    return asked.report(rows, table, model=model)
