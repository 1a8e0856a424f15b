"""Packing strategies against each other: bins, what the paper's library costs, and the time for many prompts."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from time import perf_counter

from prepack_lab.packing.packing import STRATEGIES, Packing, pack
from prepack_lab.prompts.lengths import load_profile
from prepack_lab.tables import Table

QUADRATIC = "binpacking"
MOST_FOR_QUADRATIC = 10_000
"""More lengths than these would keep a learner waiting for a strategy whose time grows with their square."""


def strategies_table(
    lengths: Sequence[int], capacity: int | None = None, strategies: Sequence[str] = STRATEGIES
) -> Table:
    """How many bins each strategy opens for the same prompts.

    Args:
        lengths: tokens of each prompt.
        capacity: the most tokens in a bin; the longest prompt where left out.
        strategies: of `STRATEGIES`.
    """
    packings = [pack(lengths, capacity, strategy, time_limit=5.0) for strategy in strategies]
    bound = max(packing.lower_bound for packing in packings)

    def row(packing: Packing) -> tuple[object, ...]:
        over = packing.num_bins - bound
        return packing.strategy, packing.num_bins, f"+{over}" if over else "none", f"{packing.utilization:.0%}"

    caption = f"{len(lengths)} prompts, bins of {packings[0].capacity:,} tokens; no packing has fewer than {bound}"
    headings = ("strategy", "bins", "over the bound", "of all bins is filled")
    return Table(headings, [row(packing) for packing in packings], caption)


def library_table(
    profiles: Sequence[str], batch_sizes: Sequence[int] = (16, 64), draws: int = 100, other: str = QUADRATIC
) -> Table:
    """How many more rows another strategy makes of random batches than first-fit decreasing.

    Args:
        profiles: names of length profiles.
        batch_sizes: prompts in a batch.
        draws: random batches for each row of the table.
        other: the strategy to compare with.
    """
    rows = []
    for name in profiles:
        profile = load_profile(name)
        for size in batch_sizes:
            batches = [profile.sample(size, seed) for seed in range(draws)]
            ours = [pack(batch).num_bins for batch in batches]
            theirs = [pack(batch, strategy=other).num_bins for batch in batches]
            worse = sum(b > a for a, b in zip(ours, theirs, strict=True))
            more = mean(theirs) / mean(ours) - 1
            rows.append((profile.title, size, f"{mean(ours):.2f}", f"{mean(theirs):.2f}", f"{more:+.1%}", worse))
    headings = ("workload", "prompts", "first_fit_decreasing", other, "rows more", f"worse in, of {draws}")
    return Table(headings, rows, f"Mean rows of {draws} random batches; the capacity is each batch's longest prompt")


def packing_seconds_table(
    strategies: Sequence[str], sizes: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000), workload: str = "mmlu"
) -> Table:
    """How long each strategy takes for ever more prompts, measured just now, once each.

    Args:
        strategies: of `STRATEGIES`.
        sizes: how many prompts; the library of the paper is left out above `MOST_FOR_QUADRATIC`.
        workload: the profile that the lengths come from.
    """
    profile = load_profile(workload)
    lengths = profile.sample(max(sizes))
    capacity = 2 * profile.longest

    def cell(strategy: str, size: int) -> str:
        if strategy == QUADRATIC and size > MOST_FOR_QUADRATIC:
            return "not tried"
        start = perf_counter()
        packing = pack(lengths[:size], capacity, strategy)
        seconds = perf_counter() - start
        return f"{seconds:.3f} s, {packing.num_bins:,} bins"

    rows = [(strategy, *(cell(strategy, size) for size in sizes)) for strategy in strategies]
    headings = ("strategy", *(f"{size:,} prompts" for size in sizes))
    return Table(headings, rows, f"{profile.title} into bins of {capacity:,} tokens: seconds and bins")
