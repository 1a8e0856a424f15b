"""What to know about a list of prompts before it is run: what padding wastes, and what each method would gain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedConfig

from prepack_lab.measuring.calibration import Calibration
from prepack_lab.measuring.cost import Cost, cost_of_passes
from prepack_lab.measuring.machine import MB
from prepack_lab.measuring.model_sizes import ModelSizes
from prepack_lab.measuring.table import Table
from prepack_lab.methods import BASELINE, DATASET_METHODS, known_options, plan_passes


@dataclass(frozen=True)
class Inspection:
    """The predicted cost of prefilling some prompts, by every method."""

    lengths: tuple[int, ...]
    batch_size: int
    costs: dict[str, Cost]
    calibration: Calibration | None
    """Of the machine, in whose seconds gains are then; without it they are in floating-point operations."""

    def price(self, method: str) -> float:
        """Seconds with a calibration, operations without."""
        cost = self.costs[method]
        return cost.flops if self.calibration is None else self.calibration.seconds(cost)

    def gain(self, method: str) -> float:
        """How many times as fast as full batching."""
        return self.price(BASELINE) / self.price(method)

    @property
    def best(self) -> str:
        """The method that is predicted to be the fastest; of equals, that with the fewest passes."""
        return min(self.costs, key=lambda method: (float(f"{self.price(method):.3g}"), self.costs[method].passes))

    @property
    def waste(self) -> float:
        """The share of the slots that full batching spends on padding, from 0 to 1."""
        return 1 - self.costs[BASELINE].tokens / self.costs[BASELINE].slots

    @property
    def advice(self) -> str:
        """What to do, in a sentence or two."""
        padding = f"Full batching spends {self.waste:.0%} of its slots on padding."
        if self.gain(self.best) < 1.05:
            return f"{padding} Nothing to win here: the prompts are of one length, or too few. Keep what you have."
        advice = f"{padding} {self.best} is predicted to be {self.gain(self.best):.1f} times as fast."
        if "prepacked" in self.costs and self.gain("prepacked") < 1:
            advice += f" prepacked would lose: {self.gain('prepacked'):.2f}×."
        return advice

    def __str__(self) -> str:
        rows = self.costs["prepacked"].rows
        prompts = f"{len(self.lengths):,} prompts of {min(self.lengths):,} to {max(self.lengths):,} tokens"
        speed = "" if self.calibration is None else f"\n\nSeconds are those of {self.calibration.device}."
        return f"{prompts}; in batches of {self.batch_size}, packed, {rows:,} rows.\n\n{self.table()}{speed}"

    def table(self, caption: str | None = None) -> Table:
        """A row per method, under the advice or another caption."""
        price = "operations" if self.calibration is None else "seconds"
        rows = [
            (
                method,
                f"{cost.passes:,}",
                f"{cost.slots:,}",
                f"{1 - cost.tokens / cost.slots:.0%}",
                f"{self.price(method):.2e}" if self.calibration is None else f"{self.price(method):,.2f} s",
                f"{self.gain(method):.2f}×",
                f"{cost.pass_bytes / MB:,.0f} MB",
            )
            for method, cost in self.costs.items()
        ]
        headings = ("method", "passes", "slots", "padding", f"predicted {price}", f"× {BASELINE}", "beside the weights")
        return Table(headings, rows, caption or self.advice)


def inspect_lengths(
    lengths: Sequence[int],
    config: PreTrainedConfig | ModelSizes,
    batch_size: int = 16,
    calibration: Calibration | None = None,
    dtype: torch.dtype | None = None,
    methods: Sequence[str] = tuple(DATASET_METHODS),
) -> Inspection:
    """Predict the prefill of prompts of these lengths, by every method.

    Args:
        lengths: tokens of each prompt, in the order in which they come.
        config: of the model that is to read them.
        batch_size: prompts in a batch.
        calibration: of the machine that is to run it (see `calibrate`).
        dtype: of weights and cache.
        methods: those to compare, full batching among them.

    Raises:
        ValueError: no lengths, a batch size below 1, or as for `ModelSizes.of`.
    """
    if not lengths:
        raise ValueError("there are no prompts to inspect; give at least one")
    sizes, costs = ModelSizes.of(config), {}
    for method in methods:
        passes = plan_passes(method, lengths, **known_options(method, batch_size=batch_size))
        costs[method] = _in_turn([cost_of_passes(sizes, [planned], method, dtype) for planned in passes])
    return Inspection(tuple(lengths), batch_size, costs, calibration)


def _in_turn(batches: Sequence[Cost]) -> Cost:
    """The cost of batches that are run and freed one after another: work adds up, memory is that of the largest."""
    added = ("passes", "rows", "slots", "tokens", "linear_flops", "attention_flops", "head_flops", "moved_bytes")
    largest = max(batches, key=lambda cost: cost.memory_bytes)
    return Cost(
        method=largest.method,
        weight_bytes=largest.weight_bytes,
        cache_bytes=largest.cache_bytes,
        working_bytes=largest.working_bytes,
        **{name: sum(getattr(cost, name) for cost in batches) for name in added},
    )
