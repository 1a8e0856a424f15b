"""Packing strategies against each other: bins, what the paper's library costs, and the time for many prompts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from statistics import mean, median
from typing import Any

from prepack_lab.measuring.table import Table
from prepack_lab.measuring.timing import measure
from prepack_lab.packing import STRATEGIES, Packing, pack
from prepack_lab.sources.lengths import LengthProfile, load_profile

LIBRARY = "binpacking"
MOST = {LIBRARY: 10_000, "optimal": 1_000}
"""Strategies whose time grows with the square or worse, and the most lengths that they are given."""


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
    profiles: Sequence[str], batch_sizes: Sequence[int] = (16, 64), draws: int = 100, other: str = LIBRARY
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
        sizes: how many prompts; a strategy that would take long is given no more than `MOST`.
        workload: the profile that the lengths come from; its longest prompt fills a bin.
    """
    profile = load_profile(workload)
    rows = time_packing(profile.sample(max(sizes)), profile.longest, strategies, sizes, repeats=1)
    return packing_times_table(rows, strategies, sizes, profile)


def time_packing(
    lengths: Sequence[int], capacity: int, strategies: Iterable[str], sizes: Sequence[int], repeats: int
) -> list[dict[str, Any]]:
    """Pack the first so many lengths by every strategy: bins, the bins needed in any case, and the seconds it took.

    The run that counts the bins is none of those that are timed. What would take long is left out, see `MOST`.
    """
    rows = []
    for strategy in strategies:
        for size in (size for size in sizes if size <= MOST.get(strategy, size)):
            packed = pack(lengths[:size], capacity, strategy)
            taken = measure(partial(pack, lengths[:size], capacity, strategy), 0, repeats, "cpu")
            found = {"bins": packed.num_bins, "bound": packed.lower_bound, "seconds": [*taken.seconds]}
            rows.append({"strategy": strategy, "size": size, **found})
    return rows


def packing_times_table(
    rows: Sequence[Mapping[str, Any]], strategies: Sequence[str], sizes: Sequence[int], profile: LengthProfile
) -> Table:
    """Strategies against sizes, from the rows of `time_packing`, over the bins that are needed in any case."""
    found = {(row["strategy"], row["size"]): row for row in rows}
    bounds = {row["size"]: f"{row['bound']:,} bins" for row in rows}

    def cell(strategy: str, size: int) -> str:
        row = found.get((strategy, size))
        return "not tried" if row is None else f"{median(row['seconds']):.3f} s, {row['bins']:,} bins"

    lines = [(strategy, *(cell(strategy, size) for size in sizes)) for strategy in strategies]
    lines.append(("no packing has fewer than", *(bounds.get(size, "–") for size in sizes)))
    headings = ("strategy", *(f"{size:,} prompts" for size in sizes))
    return Table(headings, lines, f"{profile.title} into bins of {profile.longest:,} tokens: seconds and bins")
