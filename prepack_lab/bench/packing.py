"""`prepack-lab bench packing`: strategies, their bins and their time, up to a million prompts."""

from __future__ import annotations

from collections.abc import Sequence

from tqdm.auto import tqdm

from prepack_lab.bench.options import command_of
from prepack_lab.bench.report import Report
from prepack_lab.course.reports.packing import packing_times_table, time_packing
from prepack_lab.packing import STRATEGIES
from prepack_lab.sources.lengths import load_profile


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
    bar = tqdm(strategies, unit="strategy", leave=False)
    rows = time_packing(profile.sample(max(sizes), seed), profile.longest, bar, sizes, repeats)
    table = packing_times_table(rows, strategies, sizes, profile)
    return Report.now(command_of("packing", settings), "cpu", settings, rows, table)
