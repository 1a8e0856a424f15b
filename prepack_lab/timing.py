"""Seconds, measured honestly: warmed up, the device synchronised, repeated, with the spread beside the median."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import Any

import torch

from prepack_lab.machine import choose_device, device_name


@dataclass(frozen=True)
class Measurement:
    """How long something took, on which device."""

    seconds: tuple[float, ...]
    """One figure a repeat, in the order taken."""
    device: str
    """The device as its maker calls it."""
    peak_memory_bytes: int | None
    """The most that the allocator held at once on a CUDA device; None elsewhere, where it can't be told."""

    @property
    def median(self) -> float:
        """Seconds."""
        return median(self.seconds)

    @property
    def spread(self) -> tuple[float, float]:
        """The lower and upper quartile, in seconds: half of the repeats lie between them."""
        if len(self.seconds) == 1:
            return self.seconds * 2
        lower, _, upper = quantiles(self.seconds, n=4, method="inclusive")
        return lower, upper


def measure(fn: Callable[[], Any], warmup: int = 1, repeats: int = 5, device: str | None = None) -> Measurement:
    """Time `fn`, after `warmup` calls that are not counted.

    Args:
        fn: what to time; it is called without arguments, and what it returns is dropped.
        warmup: calls before the first that counts, which load, compile and allocate.
        repeats: calls that count.
        device: the one to wait for and to name; left out, the one that `load_model` would choose.
    """
    return measure_together({"": fn}, warmup, repeats, device)[""]


def measure_together(
    fns: Mapping[str, Callable[[], Any]], warmup: int = 1, repeats: int = 5, device: str | None = None
) -> dict[str, Measurement]:
    """Time several functions in turn, A B C A B C …, so that a machine that slows down slows all of them."""
    if repeats < 1 or warmup < 0:
        raise ValueError(f"repeats is {repeats} and warmup {warmup}; repeat at least once, warm up at least 0 times")
    chosen = choose_device(device)
    for fn in fns.values():
        for _ in range(warmup):
            fn()
    taken: dict[str, list[tuple[float, int | None]]] = {name: [] for name in fns}
    for _ in range(repeats):
        for name, fn in fns.items():
            taken[name].append(_time_once(fn, chosen))
    return {
        name: Measurement(
            seconds=tuple(seconds for seconds, _ in runs),
            device=device_name(chosen),
            peak_memory_bytes=max(peak for _, peak in runs) if chosen.type == "cuda" else None,
        )
        for name, runs in taken.items()
    }


def _time_once(fn: Callable[[], Any], device: torch.device) -> tuple[float, int | None]:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    _wait_for(device)
    start = perf_counter()
    fn()
    _wait_for(device)
    seconds = perf_counter() - start
    return seconds, torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None


def _wait_for(device: torch.device) -> None:
    """A GPU works on after the call has returned."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
