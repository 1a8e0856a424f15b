"""`prepack-lab bench packing`: strategies, their bins and their time, up to a million prompts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import median

from tqdm.auto import tqdm

from prepack_lab.bench.options import command_of
from prepack_lab.bench.report import Report
from prepack_lab.measuring.timing import measure
from prepack_lab.packing.packing import STRATEGIES, pack
from prepack_lab.prompts.lengths import load_profile
from prepack_lab.tables import Table

SMALL = {"binpacking": 20_000, "optimal": 1_000}
"""Strategies whose time grows with the square or worse, and the most prompts that they are given."""


def packing_benchmark(
    workload: str = "mmlu",
    sizes: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000),
    strategies: Sequence[str] = STRATEGIES,
    repeats: int = 3,
    seed: int = 0,
) -> Report:
    """Pack ever more prompts of a workload into bins of its longest prompt.

    Raises:
        ValueError: an unknown strategy or workload.
    """
    settings = dict(locals())
    profile = load_profile(workload)
    lengths, rows = profile.sample(max(sizes), seed), []
    for strategy in tqdm(strategies, unit="strategy", leave=False):
        for size in sizes:
            if size > SMALL.get(strategy, max(sizes)):
                continue
            packed = pack(lengths[:size], profile.longest, strategy)
            taken = measure(partial(pack, lengths[:size], profile.longest, strategy), 0, repeats, "cpu")
            rows.append(
                {"strategy": strategy, "size": size, "bins": packed.num_bins, "bound": packed.lower_bound,
                 "seconds": [*taken.seconds]}
            )  # fmt: skip
    found = {(row["strategy"], row["size"]): row for row in rows}

    def cell(strategy: str, size: int) -> str:
        row = found.get((strategy, size))
        return "not tried" if row is None else f"{row['bins']:,} bins, {median(row['seconds']):.3f} s"

    lines = [(strategy, *(cell(strategy, size) for size in sizes)) for strategy in strategies]
    bounds = {row["size"]: row["bound"] for row in rows}
    lines.append(("no packing has fewer than", *(f"{bounds[size]:,} bins" for size in sizes)))
    caption = f"{profile.title} into bins of {profile.longest:,} tokens"
    table = Table(("strategy", *(f"{size:,} prompts" for size in sizes)), lines, caption)
    return Report.now(command_of("packing", settings), "cpu", settings, rows, table)
