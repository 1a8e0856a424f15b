"""The packing strategies: lengths and a capacity → bins.

`RULES` says which open bin takes a prompt, and `pack_by_rule` follows a rule by looking at every bin for every prompt.
The functions after it make the very same bins without that: a million prompts in a second or two. All take the prompts
in the order given; `decreasing` takes them from long to short.

`binpacking` is the library that the paper used. The paper calls what it does First-Fit Decreasing. Version 2 of the
library takes the emptiest bin with room, which is worst-fit decreasing, and can open more bins: lengths 9, 7, 6, 3,
2, 2 into bins of 10 make four bins there, three by first fit. `optimal` is in `optimal.py`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Sequence
from heapq import heappop, heappush, heapreplace
from itertools import pairwise

import numpy as np

Bins = list[list[int]]
Strategy = Callable[[Sequence[int], int], Bins]
Rule = Callable[[list[int], list[int]], list[int]]
"""The open bins with room for a prompt, and the free space of every open bin → the bins in order of preference."""

RULES: dict[str, Rule] = {
    "next_fit": lambda fitting, free: [b for b in fitting if b == len(free) - 1],  # the bin opened last, or none
    "first_fit": lambda fitting, free: fitting,
    "best_fit": lambda fitting, free: sorted(fitting, key=lambda b: free[b]),  # the fullest; of equals the first
    "worst_fit": lambda fitting, free: sorted(fitting, key=lambda b: -free[b]),  # the emptiest; of equals the first
}


def pack_by_rule(rule: Rule, lengths: Sequence[int], capacity: int) -> Bins:
    """Put each prompt into the bin that the rule prefers, or into a new bin if there is none. O(n × bins)."""
    bins: Bins = []
    free: list[int] = []
    for prompt, length in enumerate(lengths):
        preferred = rule([b for b, room in enumerate(free) if room >= length], free)
        if not preferred:
            preferred = [len(bins)]
            bins.append([])
            free.append(capacity)
        bins[preferred[0]].append(prompt)
        free[preferred[0]] -= length
    return bins


def next_fit(lengths: Sequence[int], capacity: int) -> Bins:
    """Nothing but the free space of the last bin needs to be known. O(n)."""
    bins: Bins = []
    free = 0
    for prompt, length in enumerate(lengths):
        if length > free:
            bins.append([])
            free = capacity
        bins[-1].append(prompt)
        free -= length
    return bins


def first_fit(lengths: Sequence[int], capacity: int) -> Bins:
    """A tournament tree leads to the first bin with room. O(n log n).

    Node 1 is the root, node n has the children 2n and 2n + 1, and `free[node]` is the most free space of any bin
    below the node. The bins are the leaves, in the order in which they are opened.
    """
    leaves = 1 << (len(lengths) - 1).bit_length()
    free = [capacity] * (2 * leaves)
    bins: Bins = []
    for prompt, length in enumerate(lengths):
        node = 1
        while node < leaves:
            node = 2 * node + (free[2 * node] < length)
        if node - leaves == len(bins):
            bins.append([])
        bins[node - leaves].append(prompt)
        free[node] -= length
        while node > 1 and free[node // 2] > (most := max(free[node], free[node ^ 1])):
            node //= 2
            free[node] = most
    return bins


def best_fit(lengths: Sequence[int], capacity: int) -> Bins:
    """Bisection finds the least free space that is enough. O(n log n), and the shifts of a sorted list."""
    bins: Bins = [[]]
    chosen, free, previous = 0, capacity, 0
    amounts: list[int] = []  # of free space, rising, each once
    bins_with: dict[int, list[int]] = defaultdict(list)  # by amount; a heap, with the bin opened first on top
    for prompt, length in enumerate(lengths):
        if length != previous or length > free:  # otherwise the bin just chosen is still the fullest with room
            if not bins_with[free]:
                insort(amounts, free)
            heappush(bins_with[free], chosen)
            index = bisect_left(amounts, length)
            if index == len(amounts):
                chosen, free = len(bins), capacity
                bins.append([])
            else:
                free = amounts[index]
                chosen = heappop(bins_with[free])
                if not bins_with[free]:
                    del amounts[index]
        bins[chosen].append(prompt)
        free -= length
        previous = length
    return bins


def worst_fit(lengths: Sequence[int], capacity: int) -> Bins:
    """The emptiest bin is on top of a heap. O(n log n)."""
    bins: Bins = [[]]
    n = len(lengths)
    heap = [0]  # tokens × n + bin, so that of equally empty bins the first is on top
    for prompt, length in enumerate(lengths):
        if heap[0] // n + length <= capacity:
            chosen = heap[0] % n
            heapreplace(heap, heap[0] + length * n)
        else:
            chosen = len(bins)
            bins.append([])
            heappush(heap, chosen + length * n)
        bins[chosen].append(prompt)
    return bins


def decreasing(strategy: Strategy) -> Strategy:
    """The same strategy, with the prompts taken from long to short."""

    def strategy_decreasing(lengths: Sequence[int], capacity: int) -> Bins:
        order = longest_first(lengths)
        bins = strategy(np.asarray(lengths)[order].tolist(), capacity)
        prompts = order.tolist()
        return [[prompts[place] for place in members] for members in bins]

    return strategy_decreasing


def longest_first(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    """The prompts from long to short, and those of equal length in the order given."""
    return np.argsort(-np.asarray(lengths), kind="stable")


def first_fit_decreasing(lengths: Sequence[int], capacity: int) -> Bins:
    """All prompts of one length at once: every open bin takes as many as it has room for, the first bins first.

    O(distinct lengths × bins), in numpy. Where there are too many distinct lengths for that, by `first_fit`.
    """
    array = np.asarray(lengths)
    values, counts = np.unique(array, return_counts=True)
    if len(values) * (array.sum() / capacity) > 30 * len(array) * np.log2(len(array) + 1):
        return decreasing(first_fit)(lengths, capacity)
    free = np.full(len(array), capacity)
    num_bins = 0
    taken = []
    for length, count in zip(values[::-1].tolist(), counts[::-1].tolist(), strict=True):
        needed = num_bins - (-count // (capacity // length))  # bins there would be, if no open one had room
        fits = free[:needed] // length
        takes = np.clip(count - (np.cumsum(fits) - fits), 0, fits)
        free[:needed] -= takes * length
        taken.append(np.repeat(np.arange(needed), takes))
        num_bins = max(num_bins, int(taken[-1].max()) + 1)
    bin_of = np.concatenate(taken)  # of the prompts from long to short
    prompts = longest_first(array)[np.argsort(bin_of, kind="stable")].tolist()
    ends = np.cumsum(np.bincount(bin_of)).tolist()
    return [prompts[start:end] for start, end in pairwise([0, *ends])]


def binpacking(lengths: Sequence[int], capacity: int) -> Bins:
    """`binpacking.to_constant_volume`, the library that the paper used. O(n × bins)."""
    import binpacking

    return [list(members) for members in binpacking.to_constant_volume(dict(enumerate(lengths)), capacity)]


_AS_GIVEN = {"next_fit": next_fit, "first_fit": first_fit, "best_fit": best_fit, "worst_fit": worst_fit}
BY_NAME: dict[str, Strategy] = (
    _AS_GIVEN
    | {f"{name}_decreasing": decreasing(strategy) for name, strategy in _AS_GIVEN.items()}
    | {"first_fit_decreasing": first_fit_decreasing, "binpacking": binpacking}
)
