"""How fast this machine is with this model: a few short passes, from which the seconds of any other are told.

    seconds = passes · a + linear FLOP · b + attention FLOP · c

a is what a pass costs however small it is (Python, and the weights read once), b and c what arithmetic costs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files

import numpy as np
from scipy.optimize import nnls
from transformers import PreTrainedModel

from prepack_lab.forward import run_method, vocabulary_size
from prepack_lab.measuring.cost import Cost, estimate_cost
from prepack_lab.measuring.machine import device_name
from prepack_lab.measuring.timing import measure
from prepack_lab.positions import max_positions
from prepack_lab.prompts import random_prompts

_RECORDED = files("prepack_lab") / "data" / "calibrations"
LONG_ENOUGH = 1.0
"""Seconds: a pass of this length is governed by arithmetic, and longer ones cost a learner's patience. With a quarter
of it, predictions for batches of eight prompts were off by up to 94 % on two cores; with this, by 11 %."""


@dataclass(frozen=True)
class Calibration:
    """A machine's speed with one model."""

    seconds_per_pass: float
    seconds_per_linear_flop: float
    seconds_per_attention_flop: float
    device: str
    """The device as its maker calls it."""
    taken: str = ""
    """When, and by which command, where it was recorded: empty for one that was measured just now."""

    def seconds(self, cost: Cost) -> float:
        """How long a prefill of this cost will take."""
        return (
            cost.passes * self.seconds_per_pass
            + (cost.linear_flops + cost.head_flops) * self.seconds_per_linear_flop
            + cost.attention_flops * self.seconds_per_attention_flop
        )


@cache
def recorded_calibration() -> Calibration:
    """The real model's on a small machine, as it was recorded: for simulations before you have calibrated your own."""
    record = json.loads((_RECORDED / "smollm2-135m.json").read_text(encoding="utf-8"))
    taken = f"recorded {record['taken']}, by {record['command']}"
    return Calibration(**record["results"][0], device=record["machine"]["device"], taken=taken)


def calibrate(model: PreTrainedModel, repeats: int = 3) -> Calibration:
    """Measure a few passes of growing size, some fifteen seconds in all, and fit the three rates to them.

    Args:
        model: dense.
        repeats: runs of each pass, after one that does not count.

    Raises:
        ValueError: a model with experts.
    """
    device, dtype = str(model.device), model.dtype
    costs, seconds = [], []
    for lengths, method in _probes(max_positions(model) or 8192):
        prompts = random_prompts(lengths, vocabulary_size(model))
        taken = measure(partial(run_method, model, prompts, method), 1, repeats, device).median
        costs.append(estimate_cost(model.config, lengths, method, dtype))
        seconds.append(taken)
        if taken > LONG_ENOUGH and len(costs) >= 5:
            break
    return _fit(costs, seconds, device_name(model.device))


def _probes(longest: int) -> Iterator[tuple[list[int], str]]:
    """A prompt alone, short prompts in a batch, and a batch with padding, which needs a mask: ever larger.

    The prompt alone comes first at each length, and the last of them is long: attention shows in nothing shorter.
    """
    yield [1], "one_by_one"
    width = 64
    while width <= min(longest, 16_384):
        yield [width], "one_by_one"
        yield [32] * (width // 16), "full_batching"
        yield [width, width // 2], "full_batching"
        width *= 4


def _fit(costs: Sequence[Cost], seconds: Sequence[float], device: str) -> Calibration:
    """The rates, none below 0, that make the relative errors least."""
    terms = np.array([[c.passes, c.linear_flops + c.head_flops, c.attention_flops] for c in costs])
    taken = np.array(seconds)
    scale = np.maximum(terms.max(axis=0), 1e-30)  # so that the solver sees numbers of one size
    rates, _ = nnls(terms / scale / taken[:, None], np.ones(len(taken)))
    a, b, c = (rates / scale).tolist()
    return Calibration(a, b, c, device)
