"""What predicts the speed-up of a batch before it is run, and straight lines that turn it into a number.

r / k        rows after packing over prompts: the paper's "batch size reduction"
k / r        its inverse: how many times fewer rows
m - L / k    the longest prompt minus the mean: the paper's "max absolute deviation"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from transformers import PreTrainedModel

from prepack_lab.forward import run_method, vocabulary_size
from prepack_lab.gate import admit
from prepack_lab.measuring.timing import Measurement, measure_together
from prepack_lab.methods import BASELINE
from prepack_lab.packing import pack
from prepack_lab.prompts import random_prompts
from prepack_lab.sources.lengths import LengthProfile


def batch_size_reduction(lengths: Sequence[int]) -> float:
    """r/k: rows after packing over prompts, from 0 to 1."""
    return pack(lengths).num_bins / len(lengths)


def fewer_rows(lengths: Sequence[int]) -> float:
    """k/r: how many times fewer rows packing makes."""
    return len(lengths) / pack(lengths).num_bins


def max_absolute_deviation(lengths: Sequence[int]) -> float:
    """m - L/k: tokens of the longest prompt minus the mean."""
    return max(lengths) - sum(lengths) / len(lengths)


def expected_fewer_rows(profile: LengthProfile, batch_size: int, draws: int = 200) -> float:
    """k over the mean of r: how many times fewer rows packing makes of random batches of a workload.

    Args:
        profile: whose lengths.
        batch_size: k, the prompts in a batch.
        draws: how many batches.
    """
    rows = [pack(profile.sample(batch_size, seed)).num_bins for seed in range(draws)]
    return batch_size / float(np.mean(rows))


PREDICTORS: dict[str, Callable[[Sequence[int]], float]] = {
    "r/k": batch_size_reduction,
    "k/r": fewer_rows,
    "m - L/k": max_absolute_deviation,
}


@dataclass(frozen=True)
class TimedBatch:
    """One batch, prefilled by full batching and by another method in turn: what a line is fitted to."""

    lengths: tuple[int, ...]
    """Tokens of each prompt."""
    baseline: Measurement
    """By full batching."""
    method: Measurement
    """By the other method."""

    @property
    def speed_up(self) -> float:
        """How many times as fast as full batching: below 1 where it lost."""
        return self.baseline.median / self.method.median


def time_batches(
    model: PreTrainedModel, batches: Mapping[str, Sequence[int]], method: str = "prepacked", repeats: int = 3
) -> dict[str, TimedBatch]:
    """Prefill batches of random prompts by full batching and by another method; the unpacking of caches is left out.

    All batches are run once, then all again, so that a machine that slows down for a while slows no batch alone.

    Args:
        batches: under a few words for it, the lengths of each batch's prompts.
        repeats: runs of each batch by each method that count; before them the first batch is run once.

    Raises:
        UnsupportedModelError: a method is not known to be exact for the model.
    """
    prompts = {name: random_prompts(lengths, vocabulary_size(model)) for name, lengths in batches.items()}
    for chosen in (BASELINE, method):
        admit(model, [prompt for batch in prompts.values() for prompt in batch], chosen)
    runs = {
        (name, chosen): partial(run_method, model, prompts[name], chosen)
        for name in batches
        for chosen in (BASELINE, method)
    }
    for run in list(runs.values())[:2]:
        run()
    taken = measure_together(runs, warmup=0, repeats=repeats, device=str(model.device))
    return {
        name: TimedBatch(tuple(lengths), taken[name, BASELINE], taken[name, method])
        for name, lengths in batches.items()
    }


@dataclass(frozen=True)
class Line:
    """y = intercept + slope · x."""

    intercept: float
    slope: float
    r_squared: float
    """The share of the spread of y that the line explains, 1 at best."""

    def at(self, x: np.ndarray | float) -> np.ndarray | float:
        """y at x."""
        return self.intercept + self.slope * x


def fit_line(x: Sequence[float], y: Sequence[float]) -> Line:
    """The line of least squares.

    Raises:
        ValueError: fewer than two points, or all at one x.
    """
    if len(x) != len(y) or len({*x}) < 2:
        raise ValueError(f"a line needs two points that differ in x; there are {len(x)} x and {len(y)} y")
    slope, intercept = np.polyfit(x, y, 1)
    across, up = np.asarray(x, float), np.asarray(y, float)
    left, spread = np.sum((up - intercept - slope * across) ** 2), np.sum((up - up.mean()) ** 2)
    return Line(float(intercept), float(slope), float(1 - left / spread) if spread else 1.0)


def errors_on_unseen(x: Sequence[float], y: Sequence[float], kinds: Sequence[str]) -> dict[str, list[float]]:
    """How far off lines are where they have not seen anything: each kind is predicted by the line through the others.

    Args:
        x: what predicts.
        y: what was measured.
        kinds: what each point belongs to, such as a workload.

    Returns:
        For each kind the error of each of its points, as a share of what was measured. A kind whose others give no
        line is left out.
    """
    across, up, of = np.array(x), np.array(y), np.array(kinds)
    errors = {}
    for kind in dict.fromkeys(kinds):
        others = of != kind
        if len(set(across[others])) > 1:
            line = fit_line(across[others].tolist(), up[others].tolist())
            errors[kind] = np.abs(line.at(across[~others]) / up[~others] - 1).tolist()
    return errors
