"""`prepack-lab bench generate`: decoding from unpacked caches and from packed rows."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, median
from typing import Any

from prepack_lab.bench.batches import fill, load_and_draw
from prepack_lab.bench.experiments import Generate
from prepack_lab.bench.report import Report
from prepack_lab.figures.generation_race import draw_race
from prepack_lab.measuring.machine import MB
from prepack_lab.measuring.table import Table
from prepack_lab.measuring.token_times import RUNNERS, TokenTimes, time_tokens, typical

REFERENCE = next(iter(RUNNERS))
"""What the others have to say, too."""


def run_generate(asked: Generate) -> Report:
    model, (batch,) = load_and_draw(asked, [asked.workload], [asked.batch_size])
    prompts = fill(model, batch.lengths, asked.seed)
    runs = time_tokens(model, prompts, RUNNERS, asked.max_new_tokens, asked.repeats)
    rows = [_row(name, taken, runs[REFERENCE][0]) for name, taken in runs.items()]
    figure = draw_race({name: typical(taken).in_order for name, taken in runs.items()}, asked.batch_size)
    return asked.report(rows, _table(rows, asked.batch_size, asked.repeats), figure, model)


def _row(name: str, taken: Sequence[TokenTimes], reference: TokenTimes) -> dict[str, Any]:
    first = taken[0]
    return {
        "runner": name,
        "first_token_seconds": [mean(run.first) for run in taken],
        "per_token_seconds": [run.per_token for run in taken],
        "cache_bytes": first.tokens.cache_bytes,
        "same_prompts": sum(ours == theirs for ours, theirs in zip(first.tokens, reference.tokens, strict=True)),
    }


def _table(rows: Sequence[dict[str, Any]], batch_size: int, repeats: int) -> Table:
    lines = [
        (
            row["runner"],
            f"{1000 * median(row['first_token_seconds']):.0f} ms",
            f"{1000 * median(row['per_token_seconds']):.0f} ms",
            f"{row['cache_bytes'] / MB:,.1f} MB",
            f"{row['same_prompts']} of {batch_size}",
        )
        for row in rows
    ]
    headings = ("decoding", "first token", "each token after it", "cache in the end", f"as {REFERENCE} says")
    return Table(headings, lines, "One run each, in turn" if repeats == 1 else f"Medians of {repeats} runs, in turn")
