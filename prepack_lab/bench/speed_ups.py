"""Methods held against full batching, over random batches of workloads: `prefill`, `ttft`, `batch-size`.

A batch is run by all methods in turn. A speed-up is a ratio of medians within one batch; what is told of several
batches is the ratio of their added medians, as the paper compares mean seconds, and the smallest and the largest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from tqdm.auto import tqdm
from transformers import PreTrainedModel

from prepack_lab.bench.batches import Batch, load_and_draw
from prepack_lab.bench.options import command_of
from prepack_lab.bench.report import Report
from prepack_lab.figures.counted_rows import draw_counted_rows
from prepack_lab.figures.speed_up_curves import draw_speed_ups
from prepack_lab.figures.style import LabFigure
from prepack_lab.forward import vocabulary_size
from prepack_lab.generation import generate
from prepack_lab.measuring import paper
from prepack_lab.measuring.recordings import BASELINE, fewer_rows_recorded, only, speed_up
from prepack_lab.measuring.timing import summarize, time_in_turn
from prepack_lab.methods import Plan
from prepack_lab.passes import run_method
from prepack_lab.prompts import random_prompts
from prepack_lab.support import require_support
from prepack_lab.table import Table

METHODS = (BASELINE, "prepacked", "padding_free")

Run = Callable[[PreTrainedModel, list[list[int]], str], Any]
Row = dict[str, Any]


def ttft_benchmark(
    model: str = "smollm2-135m",
    workloads: Sequence[str] | None = None,
    prompts: Path | None = None,
    batch_size: int = 16,
    methods: Sequence[str] = METHODS,
    dtype: str | None = None,
    device: str | None = None,
    draws: int = 3,
    repeats: int = 1,
    seed: int = 0,
    compare_paper: bool = False,
) -> Report:
    """Time to first token: packed forward pass, unpacking and a step of decoding, as `generate` does it.

    Without workloads: mmlu, or beside the paper all that it measured.
    """
    asked = dict(locals())
    if workloads is None:
        asked["workloads"] = [*paper.TTFT_SPEED_UP] if compare_paper and prompts is None else ["mmlu"]
    rows, settings, where, _ = measure_batches(asked, asked["workloads"], (batch_size,), _first_token)
    theirs = {name: {16: by_model[paper.MODELS[0]]} for name, by_model in paper.TTFT_SPEED_UP.items()}
    table = speed_up_table(rows, methods, theirs if compare_paper else None, "Time to first token")
    return Report.now(command_of("ttft", settings), where, settings, rows, table, _beside_rows(rows, methods))


def prefill_benchmark(
    model: str = "smollm2-135m",
    workloads: Sequence[str] = tuple(paper.PREFILL_SECONDS),
    prompts: Path | None = None,
    batch_size: int = 16,
    methods: Sequence[str] = METHODS,
    dtype: str | None = None,
    device: str | None = None,
    draws: int = 3,
    repeats: int = 1,
    seed: int = 0,
    compare_paper: bool = False,
) -> Report:
    """Prefill by method, over random batches of several workloads: the paper's main figure."""
    rows, settings, where, _ = measure_batches(dict(locals()), workloads, (batch_size,), run_method)
    table = speed_up_table(rows, methods, paper.SPEED_UP_BY_BATCH if compare_paper else None, "Prefill")
    return Report.now(command_of("prefill", settings), where, settings, rows, table, _beside_rows(rows, methods))


def batch_size_benchmark(
    model: str = "smollm2-135m",
    workload: str = "mmlu",
    prompts: Path | None = None,
    batch_sizes: Sequence[int] = (4, 8, 16, 32, 64),
    methods: Sequence[str] = METHODS,
    dtype: str | None = None,
    device: str | None = None,
    draws: int = 2,
    repeats: int = 1,
    seed: int = 0,
    compare_paper: bool = False,
) -> Report:
    """The speed-up as the batch grows."""
    rows, settings, where, _ = measure_batches(dict(locals()), [workload], batch_sizes, run_method)
    theirs = paper.SPEED_UP_BY_BATCH.get(workload, {}) if compare_paper and prompts is None else {}
    table = speed_up_table(rows, methods, {workload: theirs} if theirs else None, "Prefill as the batch grows")
    gains = {
        method: {size: speed_up(rows, method, batch_size=size)[0] for size in batch_sizes}
        for method in methods
        if method != BASELINE
    }
    figure = draw_speed_ups(gains, theirs, {size: fewer_rows_recorded(rows, batch_size=size) for size in batch_sizes})
    return Report.now(command_of("batch-size", settings), where, settings, rows, table, figure)


def measure_batches(
    asked: Mapping[str, Any], workloads: Sequence[str], sizes: Sequence[int], run: Run
) -> tuple[list[Row], Row, str, list[Batch]]:
    """Run every batch by every method.

    Args:
        asked: the experiment's parameters.
        workloads: length profiles.
        sizes: prompts in a batch.
        run: what is timed.

    Returns:
        A row for each batch and method, the settings that repeat it, the device, and the batches.

    Raises:
        ValueError: an unknown method or workload, or no baseline among the methods.
        UnsupportedModelError: a method is not known to be exact for the model.
    """
    methods = asked["methods"]
    for method in methods:
        Plan().check(method)
    if BASELINE not in methods:
        raise ValueError(f"speed-ups are told against {BASELINE}; add it to the methods")
    loaded, batches = load_and_draw(asked, workloads, sizes, asked["draws"])
    for method in methods:
        require_support(loaded, method, max(max(batch.lengths) for batch in batches))
    rows = []
    with tqdm(total=sum(batch.size for batch in batches), unit="prompt", leave=False) as bar:
        for batch in batches:
            bar.set_description(f"{batch.workload}, {batch.size} prompts")
            rows += _measure(loaded, batch, methods, asked["repeats"], run)
            bar.update(batch.size)
    settings = {name: value for name, value in asked.items() if name != "compare_paper"}
    settings |= {"dtype": str(loaded.dtype).removeprefix("torch.")}
    settings["prompts"] = None if asked["prompts"] is None else str(asked["prompts"])
    return rows, settings, str(loaded.device), batches


def _measure(model: PreTrainedModel, batch: Batch, methods: Sequence[str], repeats: int, run: Run) -> list[Row]:
    prompts = random_prompts(batch.lengths, vocabulary_size(model), batch.draw)
    runs = {method: partial(run, model, prompts, method) for method in methods}
    where = str(model.device)
    times = summarize(time_in_turn(runs, 1, repeats, where), where)
    told = {"workload": batch.workload, "batch_size": batch.size, "draw": batch.draw, "rows_packed": batch.rows}
    return [
        {**told, "method": method, "seconds": [*one.seconds], "peak_memory_bytes": one.peak_memory_bytes}
        for method, one in times.items()
    ]


def _first_token(model: PreTrainedModel, prompts: list[list[int]], method: str) -> Any:
    return generate(model, prompts, method, max_new_tokens=1)


def _beside_rows(rows: Sequence[Row], methods: Sequence[str]) -> LabFigure | None:
    """The speed-up of the first method that is no baseline, against k/r; None where there is only the baseline."""
    others = [method for method in methods if method != BASELINE]
    if not others:
        return None
    counted: dict[str, dict[int, float]] = {}
    measured: dict[str, dict[int, float]] = {}
    for workload, size in dict.fromkeys((row["workload"], row["batch_size"]) for row in rows):
        where = {"workload": workload, "batch_size": size}
        counted.setdefault(workload, {})[size] = fewer_rows_recorded(rows, **where)
        measured.setdefault(workload, {})[size] = speed_up(rows, others[0], **where)[0]
    return draw_counted_rows(counted, measured)


def speed_up_table(
    rows: Sequence[Row], methods: Sequence[str], theirs: Mapping[str, Mapping[int, float]] | None, what: str
) -> Table:
    """A line for each workload and batch size: seconds of full batching, speed-ups, and the paper's."""
    kinds = dict.fromkeys((row["workload"], row["batch_size"]) for row in rows)
    others = [method for method in methods if method != BASELINE]
    lines = []
    for workload, size in kinds:
        where = {"workload": workload, "batch_size": size}
        base = [median(row["seconds"]) for row in only(rows, **where) if row["method"] == BASELINE]
        cells = []
        for method in others:
            total, least, most = speed_up(rows, method, **where)
            cells.append(f"{total:.2f}× ({least:.2f} to {most:.2f})" if len(base) > 1 else f"{total:.2f}×")
        paper_cell = [] if theirs is None else [_beside(theirs, workload, size)]
        lines.append(
            (
                workload,
                size,
                f"{sum(base) / len(base):.2f} s",
                *cells,
                f"{fewer_rows_recorded(rows, **where):.2f}",
                *paper_cell,
            )
        )
    paper_heading = [] if theirs is None else ["paper, prepacked"]
    headings = ("workload", "prompts", BASELINE, *(f"{method} ×" for method in others), "k/r", *paper_heading)
    draws = len({row["draw"] for row in rows})
    over = "one batch each" if draws == 1 else f"{draws} batches each (worst to best of them)"
    return Table(headings, lines, f"{what}: times as fast as {BASELINE}, over {over}")


def _beside(theirs: Mapping[str, Mapping[int, float]], workload: str, size: int) -> str:
    ratio = theirs.get(workload, {}).get(size)
    return "–" if ratio is None else f"{ratio:.2f}×"
