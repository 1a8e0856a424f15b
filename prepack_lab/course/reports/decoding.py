"""Decoding after a packed prefill: where restart positions show, when tokens came, and what a step computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean, median

from prepack_lab.course.ablation import Ablation
from prepack_lab.measuring.cost import Cost
from prepack_lab.measuring.machine import GB
from prepack_lab.measuring.table import Table
from prepack_lab.measuring.token_times import TokenTimes


def restart_table(found: Mapping[str, Ablation]) -> Table:
    """How far packed passes are from each prompt alone: after the prompt, and after one more token."""
    rows = [(words, f"{max(one.logits):.6f}", f"{max(one.decoding):.6f}") for words, one in found.items()]
    headings = ("packed", "after the prompt", "after one decoded token")
    caption = "The largest error of any logit, as a share of how far the logits spread"
    return Table(headings, rows, caption)


def token_times_table(runs: Mapping[str, Sequence[TokenTimes]], device: str) -> Table:
    """Time to first token and time per output token, by method: medians over the runs, and how they spread.

    Args:
        runs: as `time_tokens` returns them.
        device: on which they were taken.
    """

    def row(name: str, taken: Sequence[TokenTimes]) -> tuple[str, ...]:
        return (
            name,
            _spread([mean(run.first) for run in taken]),
            _spread([max(run.first) for run in taken]),
            _spread([run.per_token for run in taken]),
        )

    many = len(next(iter(runs.values())))
    headings = ("decoding", "first token, mean of the prompts", "first token, the last prompt", "each token after it")
    caption = f"Medians of {many} runs in turn, and the fastest and the slowest of them, on {device}"
    return Table(headings, [row(*one) for one in runs.items()], caption)


def work_table(costs: Mapping[str, Cost]) -> Table:
    """What forward passes compute and move."""
    rows = [
        (
            words,
            f"{cost.slots:,}",
            f"{cost.flops / 1e9:,.1f}",
            f"{cost.moved_bytes / GB:,.2f} GB",
            f"{cost.intensity:,.1f}",
        )
        for words, cost in costs.items()
    ]
    headings = ("forward pass", "slots computed", "billions of operations", "bytes moved", "FLOP a byte")
    return Table(headings, rows, "Told from the model's sizes; nothing was run")


def _spread(seconds: Sequence[float]) -> str:
    return f"{1e3 * median(seconds):.0f} ms ({1e3 * min(seconds):.0f} to {1e3 * max(seconds):.0f})"
