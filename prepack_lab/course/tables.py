"""Tables of times: methods against each other, and batches of growing size."""

from __future__ import annotations

from collections.abc import Mapping

from prepack_lab.measuring.table import Table
from prepack_lab.measuring.timing import Measurement


def times_table(times: Mapping[str, Measurement], baseline: str = "full_batching") -> Table:
    """Median and quartiles of each method, and its speed-up over the baseline."""

    def row(method: str, time: Measurement) -> tuple[str, ...]:
        lower, upper = time.spread
        return (
            method,
            f"{1000 * time.median:.0f} ms",
            f"{1000 * lower:.0f} to {1000 * upper:.0f} ms",
            _gain(times[baseline], time),
        )

    repeats = len(times[baseline].seconds)
    caption = f"{repeats} runs each, in turn, measured just now on {times[baseline].device}"
    headings = ("method", "median", "half of the runs", f"times as fast as {baseline}")
    return Table(headings, [row(method, time) for method, time in times.items()], caption)


def batch_cost_table(seconds: Mapping[int, Mapping[int, float]]) -> Table:
    """How long a batch of equal prompts takes, and how many times longer than the smallest batch: of one, mostly.

    Args:
        seconds: tokens of every prompt → prompts in the batch → seconds.
    """
    sizes = sorted({size for by_size in seconds.values() for size in by_size})
    least = min(sizes)
    rows = [
        (f"{tokens} tokens", *(f"{by_size[size]:.3f} s ({by_size[size] / by_size[least]:.1f}×)" for size in sizes))
        for tokens, by_size in seconds.items()
    ]
    headings = ("every prompt has", *(f"batch of {size}" for size in sizes))
    smallest = "one" if least == 1 else least
    return Table(headings, rows, f"Seconds for a batch without padding (and times a batch of {smallest})")


def _gain(baseline: Measurement, time: Measurement) -> str:
    """With two digits that count, so that 0.98 is no draw."""
    return f"{baseline.median / time.median:#.2g}×"
