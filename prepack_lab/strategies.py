"""The packing strategies: lengths and a capacity → bins.

Four rules say which open bin takes a prompt, and each comes as given (prompts in their order) and decreasing (from
long to short):

    next_fit    the bin opened last, if the prompt fits
    first_fit   the first bin with room
    best_fit    the fullest bin with room
    worst_fit   the emptiest bin with room

`binpacking` is the library that the paper used. The paper calls what it does First-Fit Decreasing. Version 2 of the
library picks the emptiest bin with room, which is worst-fit decreasing, and can open more bins: lengths 9, 7, 6, 3,
2, 2 into bins of 10 make four bins there, three by first fit. `optimal` is in `optimal.py`.

None scans all bins for each prompt: a million prompts take seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

import numpy as np

Bins = list[list[int]]
Strategy = Callable[[Sequence[int], int], Bins]


def next_fit(lengths: Sequence[int], capacity: int, order: Iterable[int] | None = None) -> Bins:
    """Close a bin for good as soon as a prompt does not fit. O(n)."""
    bins: Bins = []
    free = 0
    for prompt in _given(lengths, order):
        if lengths[prompt] > free:
            bins.append([])
            free = capacity
        bins[-1].append(prompt)
        free -= lengths[prompt]
    return bins


def first_fit(lengths: Sequence[int], capacity: int, order: Iterable[int] | None = None) -> Bins:
    """The first bin with room is found in a tournament tree over the bins' free space. O(n log n).

    Node 1 is the root, node n has the children 2n and 2n + 1, and `free[node]` is the most free space of any bin
    below the node. Bins stand in the leaves, in the order they are opened.
    """
    leaves = 1 << (len(lengths) - 1).bit_length()
    free = [capacity] * (2 * leaves)
    bins: Bins = []
    for prompt in _given(lengths, order):
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


def best_fit(lengths: Sequence[int], capacity: int, order: Iterable[int] | None = None) -> Bins:
    """The fullest bin with room: the least free space that is enough. O(n × capacity / 64), in machine words."""

    def least_enough(occupied: int, length: int) -> int:
        enough = occupied >> length
        return length + (enough & -enough).bit_length() - 1 if enough else -1

    # A bin that took a prompt is the fullest with room for another of that length, as long as it has room.
    return _by_free_space(lengths, capacity, order, least_enough, stays=True)


def worst_fit(lengths: Sequence[int], capacity: int, order: Iterable[int] | None = None) -> Bins:
    """The emptiest bin with room: the most free space there is, if it is enough. O(n × capacity / 64)."""

    def most(occupied: int, length: int) -> int:
        free = occupied.bit_length() - 1
        return free if free >= length else -1

    return _by_free_space(lengths, capacity, order, most, stays=False)


def first_fit_decreasing(lengths: Sequence[int], capacity: int) -> Bins:
    """All prompts of one length at once: every open bin takes as many as it has room for, the first bins first.

    O(distinct lengths × bins), in numpy. Where there are too many distinct lengths for that, by `first_fit`.
    """
    array = np.asarray(lengths)
    order = np.argsort(-array, kind="stable")
    values, counts = np.unique(array, return_counts=True)
    if len(values) * (array.sum() / capacity) > 100 * len(array) * np.log2(len(array) + 1):
        return first_fit(lengths, capacity, order.tolist())
    free = np.full(len(array), capacity)
    num_bins = 0
    taken = []
    for length, count in zip(values[::-1].tolist(), counts[::-1].tolist(), strict=True):
        needed = num_bins - (-count // (capacity // length))  # bins there would be, if no open one had room
        fits = free[:needed] // length
        before = np.cumsum(fits) - fits
        takes = np.clip(count - before, 0, fits)
        free[:needed] -= takes * length
        taken.append(np.repeat(np.arange(needed), takes))
        num_bins = max(num_bins, int(taken[-1].max()) + 1)
    return _collect(np.concatenate(taken), order)


def decreasing(strategy: Callable[..., Bins]) -> Strategy:
    """The same rule, with the prompts taken from long to short."""

    def decreasing(lengths: Sequence[int], capacity: int) -> Bins:
        return strategy(lengths, capacity, np.argsort(-np.asarray(lengths), kind="stable").tolist())

    return decreasing


def binpacking(lengths: Sequence[int], capacity: int) -> Bins:
    """`binpacking.to_constant_volume`, the library that the paper used. O(n × bins)."""
    import binpacking

    return [list(members) for members in binpacking.to_constant_volume(dict(enumerate(lengths)), capacity)]


def _by_free_space(
    lengths: Sequence[int],
    capacity: int,
    order: Iterable[int] | None,
    choose: Callable[[int, int], int],
    stays: bool,
) -> Bins:
    """Keep the open bins by their free space; `occupied` has a bit for each amount of it that some bin has.

    Bins with the same free space are alike to any rule, so the one put there last is taken. Where the choice
    `stays` with a bin while prompts of one length follow each other, it takes all it has room for at once.
    """
    bins: Bins = []
    bins_with: list[list[int]] = [[] for _ in range(capacity + 1)]
    occupied = 0
    for length, run in groupby(_given(lengths, order), key=lengths.__getitem__):
        waiting = list(run)[::-1]
        while waiting:
            free = choose(occupied, length)
            if free < 0:
                free = capacity
                index = len(bins)
                bins.append([])
            else:
                index = bins_with[free].pop()
                if not bins_with[free]:
                    occupied ^= 1 << free
            for _ in range(min(free // length, len(waiting)) if stays else 1):
                bins[index].append(waiting.pop())
                free -= length
            if free:
                bins_with[free].append(index)
                occupied |= 1 << free
    return bins


def _given(lengths: Sequence[int], order: Iterable[int] | None) -> Iterable[int]:
    return range(len(lengths)) if order is None else order


def _collect(bin_of: np.ndarray, order: np.ndarray) -> Bins:
    """The prompts of each bin, in the order they were put there."""
    by_bin = np.argsort(bin_of, kind="stable")
    prompts = order[by_bin].tolist()
    ends = np.cumsum(np.bincount(bin_of)).tolist()
    return [prompts[start:end] for start, end in zip([0, *ends], ends, strict=False)]
