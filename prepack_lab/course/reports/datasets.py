"""Whole datasets: what each method computes, how long it takes, and what must be known before the first answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prepack_lab.measuring.table import Table
from prepack_lab.measuring.timing import Measurement
from prepack_lab.methods import BASELINE, DATASET_METHODS, known_options, plan_passes


def dataset_table(lengths: Sequence[int], batch_size: int = 16, **options: Any) -> Table:
    """Passes, slots and pairs of every method over a dataset, and whether it begins before all lengths are known."""

    def row(method: str) -> tuple[object, ...]:
        passes = list(plan_passes(method, lengths, **known_options(method, batch_size=batch_size, **options)))
        slots = sum(one.rows.slots for one in passes)
        pairs = sum(one.pairs for one in passes)
        kept = [prompt for one in passes for prompt in one.prompts] == [*range(len(lengths))]
        padding = f"{1 - sum(lengths) / slots:.0%}"
        return method, len(passes), f"{slots:,}", padding, f"{pairs / 1e6:,.1f}", "kept" if kept else "changed"

    headings = ("method", "passes", "slots", "padding", "million pairs", "order of the prompts")
    caption = f"{len(lengths):,} prompts, {sum(lengths):,} tokens, in batches of {batch_size}; nothing was run"
    return Table(headings, [row(method) for method in DATASET_METHODS], caption)


def dataset_times_table(times: Mapping[str, Measurement], count: int) -> Table:
    """What a prompt of a dataset takes by each method, and how many times as fast that is as full batching."""
    rows = [
        (method, f"{1000 * one.median / count:.2f} ms", f"{count / one.median:,.0f}", f"{_gain(times, method):.2f}×")
        for method, one in times.items()
    ]
    repeats, device = len(times[BASELINE].seconds), times[BASELINE].device
    caption = f"{count:,} prompts, medians of {repeats} runs each, in turn, measured just now on {device}"
    return Table(("method", "for a prompt", "prompts in a second", f"times as fast as {BASELINE}"), rows, caption)


def windows_table(lengths: Sequence[int], batch_size: int, windows: Sequence[int]) -> Table:
    """Padding where prompts are sorted within windows only: each window waits for its last prompt."""

    def row(window: int) -> tuple[object, ...]:
        slots = 0
        for start in range(0, len(lengths), window):
            for one in plan_passes("length_ordered", lengths[start : start + window], batch_size=batch_size):
                slots += one.rows.slots
        waits = min(window, len(lengths))
        return f"{waits:,}", f"{slots:,}", f"{1 - sum(lengths) / slots:.0%}", f"{waits - 1:,}"

    headings = ("prompts in a window", "slots", "padding", "prompts that the first answer may wait for")
    caption = f"{len(lengths):,} prompts, sorted within windows, in batches of {batch_size}"
    return Table(headings, [row(window) for window in windows], caption)


def _gain(times: Mapping[str, Measurement], method: str) -> float:
    return times[BASELINE].median / times[method].median
