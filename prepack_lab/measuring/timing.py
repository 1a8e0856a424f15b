"""Seconds, measured honestly: warmed up, the device synchronised, repeated, with the spread beside the median."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean, median, quantiles
from time import perf_counter
from typing import Any, NamedTuple

import torch

from prepack_lab.measuring.machine import choose_device, device_name

INTERVAL = 0.02
"""Seconds between two looks at a GPU; NVML itself averages over about as much or more."""


@dataclass(frozen=True)
class Measurement:
    """How long something took, on which device."""

    seconds: tuple[float, ...]
    """One figure per repeat, in the order taken."""
    device: str
    """The device as its maker calls it."""
    peak_memory_bytes: int | None
    """The most that the allocator held at once on a CUDA device; None elsewhere, where nothing knows it."""

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
        device: to wait for and to name; left out, what `load_model` would choose.
    """
    return measure_together({"": fn}, warmup, repeats, device)[""]


def measure_together(
    fns: Mapping[Any, Callable[[], Any]], warmup: int = 1, repeats: int = 5, device: str | None = None
) -> dict[Any, Measurement]:
    """Time several functions in turn, A B C A B C …, so that a machine that slows down slows all of them."""
    return summarize(time_in_turn(fns, warmup, repeats, device), device)


class Run(NamedTuple):
    """One call of a function."""

    name: Any
    seconds: float
    peak_memory_bytes: int | None
    counts: bool
    """False for a warm-up."""


def time_in_turn(
    fns: Mapping[Any, Callable[[], Any]], warmup: int = 1, repeats: int = 5, device: str | None = None
) -> Iterator[Run]:
    """The calls of `measure_together`, each as soon as it is done."""
    if repeats < 1 or warmup < 0:
        raise ValueError(f"repeats is {repeats} and warmup {warmup}; repeat at least once, warm up at least 0 times")
    return _runs(fns, warmup, repeats, choose_device(device))


def summarize(runs: Iterable[Run], device: str | None = None) -> dict[Any, Measurement]:
    """The runs that count, as a measurement per name."""
    taken: dict[Any, list[Run]] = {}
    for run in runs:
        if run.counts:
            taken.setdefault(run.name, []).append(run)
    name_of_device = device_name(choose_device(device))
    return {
        name: Measurement(
            seconds=tuple(run.seconds for run in runs),
            device=name_of_device,
            peak_memory_bytes=max((run.peak_memory_bytes for run in runs if run.peak_memory_bytes), default=None),
        )
        for name, runs in taken.items()
    }


def gpu_utilization(fn: Callable[[], Any], device: str | None = None, seconds: float = 1.0) -> float | None:
    """The share of the time in which a kernel ran on the GPU, from 0 to 1, while `fn` was called again and again.

    A kernel that fills a tenth of the GPU counts like one that fills it all.

    Args:
        fn: what to run; timings are taken elsewhere, without anybody looking.
        device: where it runs.
        seconds: how long to look, at least; one call is made in any case.

    Returns:
        None where the device is no CUDA device, or NVML's Python package (`nvidia-ml-py`) is not installed.
    """
    chosen = choose_device(device)
    if chosen.type != "cuda":
        return None
    try:
        torch.cuda.utilization(chosen)
    except (ImportError, RuntimeError):
        return None

    def run() -> None:
        fn()
        torch.cuda.synchronize(chosen)

    return mean_while(run, lambda: torch.cuda.utilization(chosen), seconds) / 100


def mean_while(run: Callable[[], Any], look: Callable[[], float], seconds: float) -> float:
    """Call `run` for so many seconds, and return the mean of what `look` saw meanwhile."""
    seen, done = [], threading.Event()

    def watch() -> None:
        while not done.wait(INTERVAL):
            seen.append(look())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    until = perf_counter() + seconds
    try:
        run()
        while perf_counter() < until:
            run()
    finally:
        done.set()
        watcher.join()
    return fmean(seen or [look()])


def _runs(fns: Mapping[Any, Callable[[], Any]], warmup: int, repeats: int, device: torch.device) -> Iterator[Run]:
    for name, fn in fns.items():
        for _ in range(warmup):
            yield Run(name, *_time_once(fn, device), counts=False)
    for _ in range(repeats):
        for name, fn in fns.items():
            yield Run(name, *_time_once(fn, device), counts=True)


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
