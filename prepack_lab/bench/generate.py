"""`prepack-lab bench generate`: decoding from unpacked caches and from packed rows."""

from __future__ import annotations

from pathlib import Path
from statistics import mean, median

from prepack_lab.bench.batches import load_and_draw
from prepack_lab.bench.options import command_of
from prepack_lab.bench.report import Report
from prepack_lab.figures.generation_race import draw_race
from prepack_lab.forward import vocabulary_size
from prepack_lab.measuring.machine import MB
from prepack_lab.measuring.token_times import RUNNERS, TokenTimes, time_tokens, typical
from prepack_lab.prompts import random_prompts
from prepack_lab.table import Table

REFERENCE = next(iter(RUNNERS))
"""What the others have to say, too."""


def generate_benchmark(
    model: str = "smollm2-135m",
    workload: str = "mmlu",
    prompts: Path | None = None,
    batch_size: int = 8,
    max_new_tokens: int = 16,
    dtype: str | None = None,
    device: str | None = None,
    repeats: int = 3,
    seed: int = 0,
) -> Report:
    """Time to first token, time per output token and the cache, by method and way of decoding."""
    settings = dict(locals())
    loaded, (batch,) = load_and_draw(settings, [workload], [batch_size])
    ids = random_prompts(batch.lengths, vocabulary_size(loaded), seed)
    runs = time_tokens(loaded, ids, RUNNERS, max_new_tokens, repeats)
    reference = [*runs[REFERENCE][0].tokens]
    rows = [
        {
            "runner": name,
            "first_token_seconds": [mean(run.first) for run in taken],
            "per_token_seconds": [run.per_token for run in taken],
            "cache_bytes": taken[0].tokens.cache_bytes,
            "same_prompts": sum(a == b for a, b in zip(taken[0].tokens, reference, strict=True)),
        }
        for name, taken in runs.items()
    ]
    settings |= {"dtype": str(loaded.dtype).removeprefix("torch."), "prompts": prompts and str(prompts)}
    figure = draw_race({name: typical(taken).in_order for name, taken in runs.items()}, batch_size)
    table = _table(runs, rows, batch_size)
    return Report.now(command_of("generate", settings), str(loaded.device), settings, rows, table, figure)


def _table(runs: dict[str, list[TokenTimes]], rows: list[dict], batch_size: int) -> Table:
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
    repeats = len(next(iter(runs.values())))
    return Table(headings, lines, "One run each, in turn" if repeats == 1 else f"Medians of {repeats} runs, in turn")
