"""`prepack-lab bench packing`: strategies, their bins and their time, up to a million prompts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any

from tqdm.auto import tqdm

from prepack_lab.bench.experiments import PackingTime
from prepack_lab.bench.report import Report
from prepack_lab.measuring.table import Table
from prepack_lab.measuring.timing import measure
from prepack_lab.packing import pack
from prepack_lab.sources.lengths import LengthProfile, load_profile

MOST = {"binpacking": 10_000, "optimal": 1_000}
"""Strategies whose time grows with the square or worse, and the most lengths that they are given."""


def run_packing(asked: PackingTime) -> Report:
    profile = load_profile(asked.workload)
    bar = tqdm(asked.strategies, unit="strategy", leave=False)
    lengths = profile.sample(max(asked.sizes), asked.seed)
    rows = time_packing(lengths, profile.longest, bar, asked.sizes, asked.repeats)
    return asked.report(rows, times_table(rows, asked.strategies, asked.sizes, profile))


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


def times_table(
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
