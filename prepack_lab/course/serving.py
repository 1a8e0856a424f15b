"""A simulated server: prompts arrive at random and wait for their prefill, and what counts is the time to first token.

Whenever the server is free, it takes as many waiting prompts as a step may hold, the oldest first, and runs them by one
method. A pass takes the seconds that a calibrated cost model predicts. Decoding is left out: it is the same for all
methods.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from prepack_lab.methods import Pass, known_options, plan_passes


@dataclass(frozen=True)
class Served:
    """What happened to each prompt, in the order of arrival."""

    arrived: np.ndarray
    """[N] seconds since the start."""
    first_token: np.ndarray
    """[N] seconds since the start."""
    busy_seconds: float
    """Seconds in which the server was computing."""

    @property
    def waits(self) -> np.ndarray:
        """[N] the time to first token, in seconds: waiting and prefill."""
        return self.first_token - self.arrived

    @property
    def utilization(self) -> float:
        """The share of the time in which the server was computing, from 0 to 1; near 1, the queue grows without end."""
        return self.busy_seconds / float(self.first_token.max())


def poisson_arrivals(count: int, per_second: float, seed: int = 0) -> np.ndarray:
    """[count] random times at which prompts arrive, in seconds and rising; `per_second` of them on average.

    Raises:
        ValueError: no prompts, or a rate that is not above 0.
    """
    if count < 1 or not per_second > 0:
        raise ValueError(f"{count} prompts at {per_second} per second: ask for at least one, at a rate above 0")
    return np.random.default_rng(seed).exponential(1 / per_second, size=count).cumsum()


def serve(
    lengths: Sequence[int],
    arrived: np.ndarray,
    method: str,
    seconds: Callable[[Pass], float],
    most: int = 32,
    **options: Any,
) -> Served:
    """Let prompts of these lengths arrive, and serve them by one method.

    Args:
        lengths: tokens of each prompt.
        arrived: [N] seconds at which each arrives, rising.
        method: one of `METHODS`.
        seconds: how long a planned pass takes, from a calibration for example.
        most: the most prompts that a step may hold.
        options: how the method shares them out (see `plan_passes`); batches of 8 where it has a batch size.

    Raises:
        ValueError: an unknown method, not one arrival per prompt, or steps that hold no prompt.
    """
    options = known_options(method, **{"batch_size": 8, **options})
    if len(lengths) != len(arrived) or most < 1:
        raise ValueError(f"{len(lengths)} lengths, {len(arrived)} arrivals, steps of {most}: one arrival per prompt")
    first_token = np.zeros(len(lengths))
    now = busy = 0.0
    start = 0
    while start < len(lengths):
        now = max(now, float(arrived[start]))  # idle until a prompt waits
        waiting = int(np.searchsorted(arrived, now, side="right"))
        end = min(start + most, waiting)
        for one in plan_passes(method, lengths[start:end], **options):
            taken = seconds(one)
            now, busy = now + taken, busy + taken
            first_token[[start + prompt for prompt in one.prompts]] = now
        start = end
    return Served(arrived, first_token, busy)
