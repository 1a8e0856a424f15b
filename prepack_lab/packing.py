"""Packing: prompt lengths → bins, so that few rows hold many prompts.

The strategies are in `strategies.py`, the exact one and the lower bound in `optimal.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np

from prepack_lab import optimal, strategies

DEFAULT_STRATEGY = "first_fit_decreasing"


@dataclass(frozen=True)
class Packing:
    """Which prompts share a row."""

    bins: tuple[tuple[int, ...], ...]
    """Prompt indices, one tuple a bin; every prompt stands in exactly one."""
    lengths: tuple[int, ...]
    """Tokens of each prompt, in the order given."""
    capacity: int
    """The most tokens a bin may hold."""
    strategy: str
    proved: int = 0
    """Bins that a solver proved to be needed; 0 where none was asked."""

    @classmethod
    def padded(cls, lengths: Sequence[int]) -> Packing:
        """Full batching, seen as a packing: every prompt has a bin to itself, as long as the longest prompt.

        Raises:
            ValueError: as for `pack`.
        """
        lengths = _check_lengths(lengths)
        return cls(tuple((prompt,) for prompt in range(len(lengths))), lengths, max(lengths), "padded")

    @classmethod
    def concatenated(cls, lengths: Sequence[int]) -> Packing:
        """All prompts in a single bin, in their order, which is as long as all of them together.

        Raises:
            ValueError: as for `pack`.
        """
        lengths = _check_lengths(lengths)
        return cls((tuple(range(len(lengths))),), lengths, sum(lengths), "concatenated")

    @property
    def num_bins(self) -> int:
        """R, the rows that the bins will fill."""
        return len(self.bins)

    @cached_property
    def bin_lengths(self) -> tuple[int, ...]:
        """Tokens in each bin."""
        return tuple(sum(self.lengths[prompt] for prompt in members) for members in self.bins)

    @property
    def width(self) -> int:
        """W, the slots in a row: the tokens of the fullest bin."""
        return max(self.bin_lengths)

    @property
    def slots(self) -> int:
        """R × W, what a forward pass computes."""
        return self.num_bins * self.width

    @property
    def tokens(self) -> int:
        """The slots that hold a token; the others are padding."""
        return sum(self.lengths)

    @property
    def padding_share(self) -> float:
        """The part of the slots that is padding, from 0 to 1."""
        return 1 - self.tokens / self.slots

    @cached_property
    def lower_bound(self) -> int:
        """No packing has fewer bins: Martello and Toth's L2, or what a solver proved."""
        return max(self.proved, optimal.lower_bound(self.lengths, self.capacity))

    @property
    def gap(self) -> int:
        """Bins over the lower bound: 0 means that no packing is better."""
        return self.num_bins - self.lower_bound

    @property
    def utilization(self) -> float:
        """Tokens over the capacity of all bins, from 0 to 1."""
        return self.tokens / (self.num_bins * self.capacity)

    @property
    def placing_order(self) -> list[int]:
        """The prompts in the order in which the strategy places them: as given, or the longest first."""
        prompts = range(len(self.lengths))
        if self.strategy in strategies.RULES:
            return [*prompts]
        return sorted(prompts, key=lambda prompt: -self.lengths[prompt])

    def after(self, step: int) -> list[list[int]]:
        """The bins when `step` prompts have been placed, in the order in which they were opened."""
        bin_of = {prompt: index for index, members in enumerate(self.bins) for prompt in members}
        bins: dict[int, list[int]] = {}
        for prompt in self.placing_order[:step]:
            bins.setdefault(bin_of[prompt], []).append(prompt)
        return [*bins.values()]

    def part(self, start: int, stop: int) -> tuple[list[int], Packing]:
        """The bins from `start` to before `stop`: which prompts they hold, and a packing of those alone."""
        bins = self.bins[start:stop]
        prompts = [prompt for members in bins for prompt in members]
        place = {prompt: index for index, prompt in enumerate(prompts)}
        renumbered = tuple(tuple(place[prompt] for prompt in members) for members in bins)
        return prompts, Packing(renumbered, tuple(self.lengths[p] for p in prompts), self.capacity, self.strategy)


STRATEGIES = (*strategies.BY_NAME, "optimal")
"""The names that `pack` takes."""


def pack(
    lengths: Sequence[int],
    capacity: int | None = None,
    strategy: str = DEFAULT_STRATEGY,
    *,
    time_limit: float = 10.0,
) -> Packing:
    """Share prompts out among bins; the same lengths always give the same bins.

    Args:
        lengths: tokens of each prompt.
        capacity: the most tokens a bin may hold; the longest prompt where left out, as in the paper (section 3).
        strategy: one of `STRATEGIES`.
        time_limit: seconds that `optimal` may take. Where they do not suffice, the packing is the best one found,
            and its `gap` is not 0.

    Raises:
        ValueError: no lengths, a length or capacity that is no positive integer, a prompt longer than the
            capacity, or an unknown strategy.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"there is no strategy {strategy!r}; there are: {', '.join(STRATEGIES)}")
    lengths = _check_lengths(lengths)
    capacity = _check_capacity(max(lengths) if capacity is None else capacity, lengths)
    if strategy == "optimal":
        bins, proved = optimal.optimal(lengths, capacity, time_limit)
    else:
        bins, proved = strategies.BY_NAME[strategy](lengths, capacity), 0
    return Packing(tuple(map(tuple, bins)), lengths, capacity, strategy, proved)


def _check_lengths(lengths: Sequence[int]) -> tuple[int, ...]:
    lengths = tuple(lengths)
    if not lengths:
        raise ValueError("there are no lengths to pack; pass at least one")
    array = np.asarray(lengths)
    if array.ndim != 1 or array.dtype.kind not in "iu" or bool in map(type, lengths) or array.min() < 1:
        index = next(i for i, length in enumerate(lengths) if not _is_positive_integer(length))
        raise ValueError(f"the length of prompt {index} is {lengths[index]!r}; lengths are positive integers (tokens)")
    return tuple(array.tolist())


def _is_positive_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 0


def _check_capacity(capacity: int, lengths: tuple[int, ...]) -> int:
    if not _is_positive_integer(capacity):
        raise ValueError(f"the capacity is {capacity!r}; it is a positive integer (tokens), or None for the longest")
    if max(lengths) > capacity:
        index = next(i for i, length in enumerate(lengths) if length > capacity)
        raise ValueError(
            f"prompt {index} has {lengths[index]:,} tokens and a bin holds {capacity:,}; "
            f"shorten it, or raise the capacity to {max(lengths):,}"
        )
    return int(capacity)
