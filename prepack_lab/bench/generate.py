"""`prepack-lab bench generate`: decoding from unpacked caches and from packed rows."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, median
from typing import Any

from prepack_lab.bench.batches import OnPrompts, fill
from prepack_lab.bench.report import Report
from prepack_lab.figures.generation_race import draw_race
from prepack_lab.measuring.machine import MB
from prepack_lab.measuring.table import Table
from prepack_lab.measuring.token_times import RUNNERS, TokenTimes, time_tokens, typical

REFERENCE = next(iter(RUNNERS))
"""What the others have to say, too."""


class Generate(OnPrompts, name="generate", quick={"repeats": 1, "max_new_tokens": 8}, figure=True):
    """Decoding, unpacked and packed: time to first token, time per output token, and the cache."""

    workload: str = "mmlu"
    batch_size: int = 8
    max_new_tokens: int = 16
    repeats: int = 3

    def run(self) -> Report:
        model, (batch,) = self.load_and_draw([self.workload], [self.batch_size])
        prompts = fill(model, batch.lengths, self.seed)
        runs = time_tokens(model, prompts, RUNNERS, self.max_new_tokens, self.repeats)
        rows = [_row(name, taken, runs[REFERENCE][0]) for name, taken in runs.items()]
        figure = draw_race({name: typical(taken).in_order for name, taken in runs.items()}, self.batch_size)
        return self.report(rows, _table(rows, self.batch_size, self.repeats), figure, model)


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
