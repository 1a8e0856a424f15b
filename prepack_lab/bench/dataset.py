"""`prepack-lab bench dataset`: a whole dataset by every method, milliseconds for a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median

from tqdm.auto import tqdm
from transformers import PreTrainedModel

from prepack_lab.bench.batches import load_and_draw
from prepack_lab.bench.options import command_of
from prepack_lab.bench.report import Report
from prepack_lab.figures.per_prompt import draw_per_prompt
from prepack_lab.forward import vocabulary_size
from prepack_lab.measuring import paper
from prepack_lab.measuring.timing import summarize, time_in_turn
from prepack_lab.methods import DATASET_METHODS
from prepack_lab.prefilling import prefill_dataset
from prepack_lab.prompts import random_prompts
from prepack_lab.table import Table

METHODS = ("full_batching", "length_ordered", "prepacked", "dataset_prepacked", "padding_free")


def dataset_benchmark(
    model: str = "smollm2-135m",
    workload: str = "mmlu",
    prompts: Path | None = None,
    count: int = 128,
    batch_sizes: Sequence[int] = (8, 16, 32),
    methods: Sequence[str] = METHODS,
    dtype: str | None = None,
    device: str | None = None,
    repeats: int = 1,
    seed: int = 0,
    compare_paper: bool = False,
) -> Report:
    """Prefill many prompts by every method, and tell what a prompt takes; caches are not unpacked.

    Raises:
        ValueError: an unknown method or workload.
    """
    settings = {name: value for name, value in locals().items() if name != "compare_paper"}
    unknown = [method for method in methods if method not in DATASET_METHODS]
    if unknown:
        raise ValueError(f"there is no method {unknown[0]!r}; there are: {', '.join(DATASET_METHODS)}")
    loaded, (drawn,) = load_and_draw(settings, [workload], [count])
    ids = random_prompts(drawn.lengths, vocabulary_size(loaded), seed)
    where, rows = str(loaded.device), []
    with tqdm(total=len(batch_sizes) * len(methods) * (1 + repeats), unit="run", leave=False) as bar:
        for size in batch_sizes:
            runs = {method: partial(_run, loaded, ids, method, size) for method in methods}
            taken = []
            for one in time_in_turn(runs, 1, repeats, where):
                taken.append(one)
                bar.update()
            rows += [
                {"workload": drawn.workload, "method": method, "batch_size": size, "seconds": [*times.seconds]}
                for method, times in summarize(taken, where).items()
            ]
    settings |= {"dtype": str(loaded.dtype).removeprefix("torch."), "prompts": prompts and str(prompts)}
    theirs = paper.DATASET_MILLISECONDS.get(workload) if compare_paper and prompts is None else None
    spent: dict[str, dict[int, float]] = {}
    for row in rows:
        spent.setdefault(row["method"], {})[row["batch_size"]] = 1000 * median(row["seconds"]) / count
    table, figure = _table(spent, count, theirs), draw_per_prompt(spent, "milliseconds")
    return Report.now(command_of("dataset", settings), where, settings, rows, table, figure)


def _run(model: PreTrainedModel, prompts: list[list[int]], method: str, batch_size: int) -> None:
    for _ in prefill_dataset(model, prompts, batch_size, method, cache=False, progress=False):
        pass


def _table(spent: dict[str, dict[int, float]], count: int, theirs: dict[str, dict[int, float]] | None) -> Table:
    sizes = [*next(iter(spent.values()))]

    def cell(method: str, size: int) -> str:
        ours = f"{spent[method][size]:.2f} ms"
        there = (theirs or {}).get(method, {}).get(size)
        return ours if there is None else f"{ours} ({there:.2f})"

    lines = [(method, *(cell(method, size) for size in sizes)) for method in spent]
    beside = " (in brackets: the paper, 1.3B on an A6000)" if theirs else ""
    return Table(("method", *(f"batches of {size}" for size in sizes)), lines, f"{count} prompts, for each{beside}")
