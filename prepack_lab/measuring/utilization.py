"""How busy a GPU is while something runs, as NVML tells it; where there is no NVML, nothing is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from statistics import fmean
from time import perf_counter
from typing import Any

import torch

from prepack_lab.measuring.machine import choose_device

INTERVAL = 0.02
"""Seconds between two looks; NVML itself averages over about as much or more."""


def gpu_utilization(fn: Callable[[], Any], device: str | None = None, seconds: float = 1.0) -> float | None:
    """The share of the time in which a kernel ran on the GPU, from 0 to 1, while `fn` was called again and again.

    A kernel that fills a tenth of the GPU counts like one that fills it all.

    Args:
        fn: what to run; timings are taken elsewhere, without anybody looking.
        device: the one that it runs on.
        seconds: how long to look, at least; and at least one call.

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
