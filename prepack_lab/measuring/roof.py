"""The most that this machine can do: arithmetic in a matrix product, traffic in a copy. Both bound every method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from prepack_lab.measuring.machine import choose_device, device_name
from prepack_lab.measuring.timing import measure

LONG_ENOUGH = 0.005
"""Seconds: a run of this length is not governed by what it costs to start it."""
WIDTHS = (512, 1024, 2048, 4096, 8192)
NUMBERS = tuple(2**power for power in range(24, 29))
"""Even the smallest copy does not fit into a processor's cache."""

Probe = Callable[[int], tuple[float, Callable[[], Any]]]
"""A size → how much is done in one run, and the run."""


@dataclass(frozen=True)
class Roof:
    """The two limits of a machine."""

    flops_per_second: float
    bytes_per_second: float
    device: str
    """The device as its maker calls it."""

    @property
    def ridge(self) -> float:
        """FLOP for each byte moved: below it memory is the limit, above it arithmetic."""
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
    """What is done in a second, at the first size that takes long enough."""
    for size in sizes:
        amount, run = probe(size)
        seconds = measure(run, 1, repeats, device).median
        if seconds >= LONG_ENOUGH:
            break
    return amount / seconds
