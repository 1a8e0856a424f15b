"""`prepack-lab bench batch-cost`: batches without padding, against their size and the length of their prompts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tqdm.auto import tqdm

from prepack_lab.bench.options import command_of
from prepack_lab.bench.report import Report
from prepack_lab.course.reports.seconds import batch_cost_table
from prepack_lab.forward import run_method, vocabulary_size
from prepack_lab.measuring import paper
from prepack_lab.measuring.timing import measure
from prepack_lab.models.loading import load_model
from prepack_lab.prompts import random_prompts
from prepack_lab.table import Table


def batch_cost_benchmark(
    model: str = "smollm2-135m",
    lengths: Sequence[int] = (50, 100, 200, 400),
    batch_sizes: Sequence[int] = (1, 2, 4, 8, 16),
    dtype: str | None = None,
    device: str | None = None,
    repeats: int = 3,
    compare_paper: bool = False,
) -> Report:
    """Seconds of a batch whose prompts all have one length: flat while the device is not full, then in proportion."""
    settings = {name: value for name, value in locals().items() if name != "compare_paper"}
    loaded, _ = load_model(model, dtype, device)
    where, rows = str(loaded.device), []
    seconds: dict[int, dict[int, float]] = {}
    with tqdm(total=len(lengths) * len(batch_sizes), unit="batch", leave=False) as bar:
        for length in lengths:
            for size in batch_sizes:
                prompts = random_prompts([length] * size, vocabulary_size(loaded))
                taken = measure(partial(run_method, loaded, prompts, "full_batching"), 1, repeats, where)
                seconds.setdefault(length, {})[size] = taken.median
                rows.append({"length": length, "batch_size": size, "seconds": [*taken.seconds]})
                bar.update()
    settings |= {"dtype": str(loaded.dtype).removeprefix("torch.")}
    table = batch_cost_table(seconds)
    if compare_paper:
        theirs = batch_cost_table(paper.BATCH_SECONDS)
        table = Table(table.headings, table.rows, f"The paper, 1.3B on an A6000. {theirs}\n\nHere. {table.caption}")
    return Report.now(command_of("batch-cost", settings), where, settings, rows, table)
