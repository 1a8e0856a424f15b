"""How fast this machine is: the most that it can do at all, and what it does with a model.

A calibration is a few short passes, from which the seconds of any other are predicted:

    seconds = passes · a + linear FLOP · b + attention FLOP · c

a is what a pass costs however small it is (Python, and the weights read once), b and c what arithmetic costs. The roof
is the fastest matrix product and the fastest copy: no method is above them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from typing import Any

import numpy as np
import torch
from scipy.optimize import nnls
from transformers import PreTrainedModel

from prepack_lab.forward import run_method, vocabulary_size
from prepack_lab.measuring.cost import Cost, estimate_cost
from prepack_lab.measuring.machine import choose_device, device_name
from prepack_lab.measuring.timing import measure
from prepack_lab.positions import max_positions
from prepack_lab.prompts import random_prompts

_RECORDED = files("prepack_lab") / "data" / "calibrations"
LONG_PASS = 1.0
"""Seconds: a pass of this length is governed by arithmetic, and longer ones cost a learner's patience. With a quarter
of it, predictions for batches of eight prompts were off by up to 94 % on two cores; with this, by 11 %."""
SHORT = (8, 24)
"""Tokens of the shortest prompts that people have."""
LONG_PROBE = 0.005
"""Seconds: a product or a copy of this length is not governed by what it costs to start it."""
WIDTHS = (512, 1024, 2048, 4096, 8192)
NUMBERS = tuple(2**power for power in range(24, 29))
"""Even the smallest copy does not fit into a processor's cache."""

Probe = Callable[[int], tuple[float, Callable[[], Any]]]
"""A size → how much is done in a call, and the call."""


@dataclass(frozen=True)
class Calibration:
    """A machine's speed with one model."""

    seconds_per_pass: float
    seconds_per_linear_flop: float
    seconds_per_attention_flop: float
    device: str
    """The device as its maker calls it."""
    taken: str = ""
    """When, and by which command, where it was recorded: empty where it was measured just now."""

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
        model: whose cost can be counted (see `ModelSizes.of`).
        repeats: runs of each pass, after one that does not count.

    Raises:
        ValueError: as for `estimate_cost`.
    """
    device, dtype = str(model.device), model.dtype
    costs, seconds = [], []
    for lengths, method in _probes(max_positions(model) or 8192):
        prompts = random_prompts(lengths, vocabulary_size(model))
        costs.append(estimate_cost(model.config, lengths, method, dtype))
        seconds.append(measure(partial(run_method, model, prompts, method), 1, repeats, device).median)
        if seconds[-1] > LONG_PASS and len(costs) >= 5:
            break
    return _fit(costs, seconds, device_name(model.device))


def _probes(longest: int) -> Iterator[tuple[list[int], str]]:
    """A prompt alone, short prompts in a batch, and a batch with padding, which needs a mask: ever larger.

    The prompt alone comes first at each length, and the last of them is long: attention shows in nothing shorter. Short
    prompts say what a pass costs however small it is. A single token does not: its products take other kernels, and on
    two cores a fit through it predicted too few seconds for passes of 8 to 32.
    """
    for width in SHORT:
        yield [width], "one_by_one"
    width = 64
    while width <= min(longest, 16_384):
        yield [width], "one_by_one"
        yield [32] * (width // 16), "full_batching"
        yield [width, width // 2], "full_batching"
        width *= 4


def _fit(costs: Sequence[Cost], seconds: Sequence[float], device: str) -> Calibration:
    """The rates, none below 0, that make the relative errors least."""
    terms = np.array([[cost.passes, cost.linear_flops + cost.head_flops, cost.attention_flops] for cost in costs])
    taken = np.array(seconds)
    scale = np.maximum(terms.max(axis=0), 1e-30)  # so that the solver sees numbers of one size
    rates, _ = nnls(terms / scale / taken[:, None], np.ones(len(taken)))
    per_pass, per_linear_flop, per_attention_flop = (rates / scale).tolist()
    return Calibration(per_pass, per_linear_flop, per_attention_flop, device)


@dataclass(frozen=True)
class Roof:
    """The two limits of a machine."""

    flops_per_second: float
    bytes_per_second: float
    device: str
    """The device as its maker calls it."""

    @property
    def ridge(self) -> float:
        """FLOP per byte moved: below it memory is the limit, above it arithmetic."""
        return self.flops_per_second / self.bytes_per_second


def measure_roof(device: str | None = None, dtype: torch.dtype = torch.float32, repeats: int = 5) -> Roof:
    """Time a product of two matrices, and a copy that reads and writes.

    Args:
        device: as for `measure`.
        dtype: of the numbers.
        repeats: runs that count, of each size that is tried.
    """
    chosen = choose_device(device)

    def product(width: int) -> tuple[float, Callable[[], Any]]:
        square = torch.randn(width, width, device=chosen).to(dtype)
        return 2 * width**3, lambda: square @ square

    def copy(numbers: int) -> tuple[float, Callable[[], Any]]:
        source = torch.ones(numbers, dtype=dtype, device=chosen)
        target = torch.empty_like(source)
        return 2 * source.nbytes, lambda: target.copy_(source)

    return Roof(
        _per_second(product, WIDTHS, str(chosen), repeats),
        _per_second(copy, NUMBERS, str(chosen), repeats),
        device_name(chosen),
    )


def _per_second(probe: Probe, sizes: Sequence[int], device: str, repeats: int) -> float:
    """What is done per second, at the first size that takes long enough."""
    for size in sizes:
        amount, call = probe(size)
        seconds = measure(call, 1, repeats, device).median
        if seconds >= LONG_PROBE:
            break
    return amount / seconds
