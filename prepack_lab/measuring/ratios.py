"""How many times as fast, told of several random batches: what the records of benchmarks are read with.

A row of a record is one batch run by one method: workload, batch_size, draw, rows_packed, method, seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from prepack_lab.methods import BASELINE

Row = Mapping[str, Any]


def speed_up(rows: Sequence[Row], method: str, **where: Any) -> tuple[float, float, float]:
    """How many times as fast as full batching: over all batches, and in the worst and the best of them.

    Over all batches it is the ratio of their added medians, as the paper compares mean seconds.

    Args:
        rows: of a record.
        method: that is held against the baseline.
        where: which rows count, such as `workload="mmlu"`.
    """
    by_batch: dict[tuple[Any, ...], dict[str, float]] = {}
    for row in only(rows, **where):
        key = row["workload"], row["batch_size"], row["draw"]
        by_batch.setdefault(key, {})[row["method"]] = median(row["seconds"])
    ratios = [both[BASELINE] / both[method] for both in by_batch.values()]
    total = sum(both[BASELINE] for both in by_batch.values()) / sum(both[method] for both in by_batch.values())
    return total, min(ratios), max(ratios)


def fewer_rows_recorded(rows: Sequence[Row], **where: Any) -> float:
    """k/r: all prompts over all rows after packing."""
    chosen = only(rows, method=BASELINE, **where)
    return sum(row["batch_size"] for row in chosen) / sum(row["rows_packed"] for row in chosen)


def only(rows: Sequence[Row], **where: Any) -> list[Row]:
    """The rows with these values."""
    return [row for row in rows if all(row[name] == value for name, value in where.items())]
