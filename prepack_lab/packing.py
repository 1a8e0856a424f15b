"""Packing: prompt lengths → bins, so that few rows hold many prompts.

Two strategies so far. `first_fit_decreasing` takes the prompts from long to short and puts each into the first
bin with room. `binpacking` is the library that the paper used. The paper calls that First-Fit Decreasing, but
version 2 of the library picks the emptiest bin with room (worst-fit decreasing), and can open more bins:
lengths 9, 7, 6, 3, 2, 2 into bins of 10 make four bins there, three by first fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral

Bins = list[list[int]]

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

    @property
    def num_bins(self) -> int:
        """R, the rows that the bins will fill."""
        return len(self.bins)

    @property
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

    @property
    def lower_bound(self) -> int:
        """No packing has fewer bins: the tokens over the capacity, rounded up."""
        return -(-self.tokens // self.capacity)

    @property
    def utilization(self) -> float:
        """Tokens over the capacity of all bins, from 0 to 1."""
        return self.tokens / (self.num_bins * self.capacity)


def pack(lengths: Sequence[int], capacity: int | None = None, strategy: str = DEFAULT_STRATEGY) -> Packing:
    """Share prompts out among bins.

    Args:
        lengths: tokens of each prompt.
        capacity: the most tokens a bin may hold; the longest prompt where left out, as in the paper (section 3).
        strategy: one of `STRATEGIES`.

    Raises:
        ValueError: no lengths, a length or capacity that is no positive integer, a prompt longer than the
            capacity, or an unknown strategy.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"there is no strategy {strategy!r}; there are: {', '.join(STRATEGIES)}")
    lengths = _check_lengths(lengths)
    capacity = _check_capacity(max(lengths) if capacity is None else capacity, lengths)
    bins = STRATEGIES[strategy](lengths, capacity)
    return Packing(tuple(tuple(members) for members in bins), lengths, capacity, strategy)


def one_prompt_a_row(lengths: Sequence[int]) -> Packing:
    """Full batching, seen as a packing: every prompt has a bin to itself, as long as the longest prompt.

    Raises:
        ValueError: as for `pack`.
    """
    lengths = _check_lengths(lengths)
    return Packing(tuple((prompt,) for prompt in range(len(lengths))), lengths, max(lengths), "one_prompt_a_row")


def _check_lengths(lengths: Sequence[int]) -> tuple[int, ...]:
    lengths = tuple(lengths)
    if not lengths:
        raise ValueError("there are no lengths to pack; pass at least one")
    for index, length in enumerate(lengths):
        if not isinstance(length, Integral) or isinstance(length, bool) or length < 1:
            raise ValueError(f"the length of prompt {index} is {length!r}; lengths are positive integers (tokens)")
    return tuple(int(length) for length in lengths)


def _check_capacity(capacity: int, lengths: tuple[int, ...]) -> int:
    if not isinstance(capacity, Integral) or isinstance(capacity, bool) or capacity < 1:
        raise ValueError(f"the capacity is {capacity!r}; it is a positive integer (tokens), or None for the longest")
    if max(lengths) > capacity:
        index = next(i for i, length in enumerate(lengths) if length > capacity)
        raise ValueError(
            f"prompt {index} has {lengths[index]:,} tokens and a bin holds {capacity:,}; "
            f"shorten it, or raise the capacity to {max(lengths):,}"
        )
    return int(capacity)


def _first_fit_decreasing(lengths: Sequence[int], capacity: int) -> Bins:
    """The first bin with room is found in a tournament tree over the bins' free space, in O(log n).

    Node 1 is the root, node n has the children 2n and 2n + 1, and `free[node]` is the most free space of any
    bin below the node. Bins stand in the leaves, in the order they are opened.
    """
    leaves = 1 << (len(lengths) - 1).bit_length()
    free = [capacity] * (2 * leaves)
    bins: Bins = []
    for prompt in sorted(range(len(lengths)), key=lambda prompt: -lengths[prompt]):
        node = 1
        while node < leaves:
            node = 2 * node + (free[2 * node] < lengths[prompt])
        if node - leaves == len(bins):
            bins.append([])
        bins[node - leaves].append(prompt)
        free[node] -= lengths[prompt]
        while node > 1:
            node //= 2
            free[node] = max(free[2 * node], free[2 * node + 1])
    return bins


def _binpacking(lengths: Sequence[int], capacity: int) -> Bins:
    import binpacking

    bins = binpacking.to_constant_volume(dict(enumerate(lengths)), capacity)
    return [list(members) for members in bins]


STRATEGIES: dict[str, Callable[[Sequence[int], int], Bins]] = {
    "first_fit_decreasing": _first_fit_decreasing,
    "binpacking": _binpacking,
}
