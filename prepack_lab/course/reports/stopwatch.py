"""What a stopwatch gets wrong: the first run, the mean of several, and a device that has not finished."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import mean, median

import torch

from prepack_lab.measuring.machine import device_name
from prepack_lab.measuring.table import Table
from prepack_lab.measuring.timing import Measurement, returned_and_done

SIZE = 2048
"""Rows and columns of the matrices that are multiplied: small for a GPU, and a moment's work for a CPU."""


def runs_table(measured: Measurement) -> Table:
    """Every run, with the mean and the median of all of them, and of those that come after the first."""

    def row(words: str, counted: Sequence[float]) -> tuple[str, ...]:
        left_out = ["–"] * (len(measured.seconds) - len(counted))
        return words, *left_out, *map(_milliseconds, (*counted, mean(counted), median(counted)))

    runs = [f"run {number}" for number in range(1, len(measured.seconds) + 1)]
    rows = [row("all runs", measured.seconds), row("without the first", measured.seconds[1:])]
    return Table(("", *runs, "mean", "median"), rows, f"The same work, again and again, on {measured.device}")


def waiting_table(device: torch.device, products: Sequence[int] = (1, 4)) -> Table:
    """Matrix products: when the call returned, and when the device had done them.

    Args:
        device: where they are computed.
        products: how many, one row each.
    """
    matrix = torch.ones(SIZE, SIZE, device=device)

    def multiply(times: int) -> None:
        for _ in range(times):
            matrix @ matrix

    multiply(1)
    times = {many: returned_and_done(partial(multiply, many), str(device)) for many in products}
    rows = [(many, *map(_milliseconds, both)) for many, both in times.items()]
    caption = f"Products of {SIZE:,} × {SIZE:,} matrices, on {device_name(device)}"
    return Table(("products", "the call returned after", "the work was done after"), rows, caption)


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:,.2f} ms" if seconds < 0.01 else f"{1000 * seconds:,.0f} ms"
