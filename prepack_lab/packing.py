"""Packing: prompt lengths → bins, so that few rows hold many prompts.

The strategies are in `strategies.py`, the exact one and the lower bound in `optimal.py`.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from prepack_lab import optimal, strategies

STRATEGIES = (*strategies.BY_NAME, "optimal")
"""The names that `pack` takes."""
DEFAULT_STRATEGY = "first_fit_decreasing"
MAX_TOKENS = 10**15
"""The most tokens of all prompts together: their sums are then exact, also as floats, which `binpacking` uses."""


@dataclass(frozen=True)
class Packing:
    """Which prompts share a row."""

    bins: tuple[tuple[int, ...], ...]
    """Prompt indices, a tuple per bin; every prompt is in exactly one bin."""
    lengths: tuple[int, ...]
    """Tokens of each prompt, in the order given."""
    capacity: int
    """The most tokens a bin may hold; `pack` records no more than all prompts have together."""
    strategy: str
    proved: int = 0
    """Bins that a solver proved to be needed; 0 if none was run."""

    @classmethod
    def padded(cls, lengths: Sequence[int]) -> Packing:
        """Full batching as a packing: a bin per prompt, each as long as the longest. ValueError as for `pack`."""
        lengths = _check_lengths(lengths)
        return cls(tuple((prompt,) for prompt in range(len(lengths))), lengths, max(lengths), "padded")

    @classmethod
    def concatenated(cls, lengths: Sequence[int]) -> Packing:
        """All prompts in a single bin, in the order given. ValueError as for `pack`."""
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
        as_given = self.strategy in strategies.RULES
        return [*range(len(self.lengths))] if as_given else strategies.longest_first(self.lengths).tolist()

    def after(self, step: int) -> list[list[int]]:
        """The bins when `step` prompts have been placed, in the order in which they were opened."""
        bin_of = {prompt: index for index, members in enumerate(self.bins) for prompt in members}
        bins: dict[int, list[int]] = {}
        for prompt in self.placing_order[:step]:
            bins.setdefault(bin_of[prompt], []).append(prompt)
        return [*bins.values()]

    def part(self, start: int, stop: int) -> tuple[list[int], Packing]:
        """The bins from `start` to before `stop`: the prompts they hold, and a packing of those alone."""
        bins = self.bins[start:stop]
        prompts = [prompt for members in bins for prompt in members]
        place = {prompt: index for index, prompt in enumerate(prompts)}
        renumbered = tuple(tuple(place[prompt] for prompt in members) for members in bins)
        return prompts, Packing(renumbered, tuple(self.lengths[p] for p in prompts), self.capacity, self.strategy)


def pack(
    lengths: Sequence[int],
    capacity: int | float | None = None,
    strategy: str = DEFAULT_STRATEGY,
    *,
    time_limit: float = 10.0,
) -> Packing:
    """Share prompts out among bins; the same lengths always give the same bins.

    Args:
        lengths: tokens of each prompt.
        capacity: the most tokens a bin may hold, an integer, or `math.inf` for no limit; the length of the longest
            prompt where left out, as in the paper (section 3).
        strategy: one of `STRATEGIES`.
        time_limit: seconds that the solver of `optimal` may take. If they do not suffice, the packing is the best
            one found, and its `gap` may be above 0.

    Raises:
        ValueError: no lengths, a length or capacity that is not a positive integer, a prompt longer than the
            capacity, more than `MAX_TOKENS` tokens in all, or an unknown strategy.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"there is no strategy {strategy!r}; there are: {', '.join(STRATEGIES)}")
    if not time_limit >= 0:
        raise ValueError(f"time_limit is {time_limit}; it is a number of seconds, 0 or more")
    lengths = _check_lengths(lengths)
    limit = max(lengths) if capacity is None else _check_capacity(capacity, lengths)
    if strategy == "optimal":
        bins, proved = optimal.optimal(lengths, limit, time_limit)
    else:
        bins, proved = strategies.BY_NAME[strategy](lengths, limit), 0
    return Packing(tuple(map(tuple, bins)), lengths, limit, strategy, proved)


def _check_lengths(lengths: Sequence[int]) -> tuple[int, ...]:
    lengths = tuple(map(_plain, _plain(lengths)))
    if not lengths:
        raise ValueError("there are no lengths to pack; pass at least one")
    if set(map(type, lengths)) != {int} or min(lengths) < 1:
        prompt = next(prompt for prompt, length in enumerate(lengths) if type(length) is not int or length < 1)
        length = reprlib.repr(lengths[prompt])
        raise ValueError(f"the length of prompt {prompt} is {length}; lengths are positive integers (tokens)")
    if sum(lengths) > MAX_TOKENS:
        prompt = lengths.index(max(lengths))
        raise ValueError(
            f"the prompts have {sum(lengths):,} tokens together, and prompt {prompt} has {lengths[prompt]:,} of them; "
            f"at most {MAX_TOKENS:,} can be packed"
        )
    return lengths


def _check_capacity(capacity: int | float, lengths: tuple[int, ...]) -> int:
    """The capacity as an integer, no higher than the tokens of all prompts, which no bin can exceed."""
    capacity = _plain(capacity)
    if capacity != math.inf and (type(capacity) is not int or capacity < 1):
        raise ValueError(
            f"the capacity is {capacity!r}; it is a positive integer (tokens), math.inf for no limit, "
            "or None for the longest prompt"
        )
    longest = max(lengths)
    if longest > capacity:
        raise ValueError(
            f"prompt {lengths.index(longest)} has {longest:,} tokens and a bin holds {capacity:,}; "
            f"shorten it, or raise the capacity to {longest:,}"
        )
    return int(min(capacity, sum(lengths)))


def _plain(value: Any) -> Any:
    """NumPy's and torch's values as those of Python."""
    return value.tolist() if hasattr(value, "tolist") else value
