"""Batches timed by full batching and by another method: what a line is fitted to, and what a prediction is held to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from transformers import PreTrainedModel

from prepack_lab.forward import run_method, vocabulary_size
from prepack_lab.measuring.timing import Measurement, measure_together
from prepack_lab.methods import BASELINE
from prepack_lab.prompts import random_prompts


@dataclass(frozen=True)
class TimedBatch:
    """One batch, prefilled by both methods in turn."""

    lengths: tuple[int, ...]
    """Tokens of each prompt."""
    baseline: Measurement
    """By full batching."""
    method: Measurement
    """By the other one."""

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
        repeats: runs of each batch by each method, after one of the first batch that does not count.
    """
    prompts = {name: random_prompts(lengths, vocabulary_size(model)) for name, lengths in batches.items()}
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
