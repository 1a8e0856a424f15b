"""`prepack-lab bench packing`: strategies, their bins and their time, up to a million prompts."""

from __future__ import annotations

from collections.abc import Sequence

from tqdm.auto import tqdm

from prepack_lab.bench.experiment import Experiment
from prepack_lab.bench.report import Report
from prepack_lab.course.reports.packing import packing_times_table, time_packing
from prepack_lab.packing import STRATEGIES
from prepack_lab.sources.lengths import load_profile


class PackingTime(Experiment, name="packing", quick={"sizes": (1_000, 10_000, 100_000)}):
    """Strategies: bins, and time to a million prompts, in bins of the workload's longest prompt."""

    workload: str = "mmlu"
    sizes: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000)
    strategies: Sequence[str] = STRATEGIES
    repeats: int = 3
    seed: int = 0

    def run(self) -> Report:
        profile = load_profile(self.workload)
        bar = tqdm(self.strategies, unit="strategy", leave=False)
        lengths = profile.sample(max(self.sizes), self.seed)
        rows = time_packing(lengths, profile.longest, bar, self.sizes, self.repeats)
        return self.report(rows, packing_times_table(rows, self.strategies, self.sizes, profile))
