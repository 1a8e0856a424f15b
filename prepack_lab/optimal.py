"""The fewest bins there can be: a lower bound, and an exact solver.

The solver is the arc-flow model (Valério de Carvalho 1999), given to scipy's HiGHS. Picture a line from 0 to the
capacity. A bin is a walk along it: each prompt is a step as long as its length, and a last step over unused space
leads to the end. Bins are units of flow from 0 to the capacity, and the fewest units that take every prompt's step
once are the fewest bins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from prepack_lab.strategies import BY_NAME, Bins

MAX_STEPS = 300_000
"""The most that HiGHS can be expected to solve; beyond it the best heuristic stands, with its gap."""
Step = tuple[int, int, int]
"""From, to, and the length of the prompt in between; 0 for unused space."""


def lower_bound(lengths: Sequence[int], capacity: int) -> int:
    """No packing has fewer bins: the bound L2 of Martello and Toth (1990), at least ⌈tokens / capacity⌉.

    For any threshold t up to half the capacity: prompts longer than `capacity - t` leave no room for a prompt
    of t tokens, prompts over half the capacity have bins of their own, and what remains of t tokens and more has to fit
    into the room these leave, or into further bins.
    """
    rising = np.sort(np.asarray(lengths, dtype=np.int64))
    below = np.concatenate([[0], np.cumsum(rising)])  # tokens of the shortest prompts
    thresholds = np.concatenate([[0], np.unique(rising[rising <= capacity // 2])])
    alone = np.searchsorted(rising, capacity - thresholds, side="right")  # from here on: longer than capacity - t
    half = np.searchsorted(rising, capacity // 2, side="right")  # from here on: more than half
    small = np.searchsorted(rising, thresholds, side="left")
    with_room = alone - half  # bins of one long prompt that may take small ones
    room = with_room * capacity - (below[alone] - below[half])
    overflow = np.maximum(0, (below[half] - below[small]) - room)
    return int((len(rising) - half + -(-overflow // capacity)).max())


def optimal(lengths: Sequence[int], capacity: int, time_limit: float) -> tuple[Bins, int]:
    """The best packing found, and the number of bins proved to be needed; the packing is optimal if the two agree.

    The solver takes at most `time_limit` seconds, and is not needed where a heuristic meets the lower bound.
    """
    found = min((BY_NAME[f"{name}_fit_decreasing"](lengths, capacity) for name in ("first", "best")), key=len)
    proved = lower_bound(lengths, capacity)
    if len(found) > proved and (steps := _steps(lengths, capacity)):
        solved, bound = _solve(steps, lengths, capacity, proved, time_limit)
        return min(found, solved or found, key=len), max(proved, bound)
    return found, proved


def _steps(lengths: Sequence[int], capacity: int) -> list[Step]:
    """All steps that a walk from long prompts to short ones can take; none at all where they are too many."""
    values, counts = np.unique(np.asarray(lengths), return_counts=True)
    places, steps = {0}, set()
    for length, count in zip(values[::-1].tolist(), counts[::-1].tolist(), strict=True):
        here = set(places)
        for _ in range(min(count, capacity // length)):
            here = {place for place in here if place + length <= capacity}
            steps |= {(place, place + length, length) for place in here}
            if len(steps) > MAX_STEPS:
                return []
            here = {place + length for place in here}
            places |= here
    return sorted(steps | {(place, capacity, 0) for place in places if 0 < place < capacity})


def _solve(
    steps: list[Step], lengths: Sequence[int], capacity: int, proved: int, time_limit: float
) -> tuple[Bins | None, int]:
    """One variable per step, its flow, and one for the way back from the capacity to 0: the number of bins."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    start, end, length = np.array([*steps, (capacity, 0, 0)]).T
    flows = np.arange(len(start))
    _, place = np.unique(np.concatenate([end, start]), return_inverse=True)
    conserve = coo_array((np.repeat([1, -1], len(flows)), (place, np.tile(flows, 2))))
    values, counts = np.unique(np.asarray(lengths), return_counts=True)
    prompts = np.flatnonzero(length)
    demand = coo_array(
        (np.ones(len(prompts)), (np.searchsorted(values, length[prompts]), prompts)), shape=(len(values), len(flows))
    )
    back = (flows == flows[-1]).astype(int)
    result = milp(
        c=back,
        integrality=np.ones(len(flows)),
        bounds=Bounds(proved * back, np.inf),
        constraints=[LinearConstraint(conserve, 0, 0), LinearConstraint(demand, counts, counts)],
        options={"time_limit": time_limit},
    )
    bound = 0 if result.mip_dual_bound is None else int(np.ceil(result.mip_dual_bound - 1e-6))
    return None if result.x is None else _walk(steps, np.rint(result.x[:-1]).astype(int), lengths, capacity), bound


def _walk(steps: list[Step], flow: np.ndarray, lengths: Sequence[int], capacity: int) -> Bins:
    """Follow the flow, one unit at a time, and hand out the prompts of each length in their order."""
    leaving: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for (start, end, length), units in zip(steps, flow.tolist(), strict=True):
        leaving[start] += [(end, length)] * units
    waiting: dict[int, list[int]] = defaultdict(list)
    for prompt in reversed(range(len(lengths))):
        waiting[lengths[prompt]].append(prompt)
    bins: Bins = []
    while leaving[0]:
        place, members = 0, []
        while place != capacity:
            place, length = leaving[place].pop()
            if length:
                members.append(waiting[length].pop())
        bins.append(members)
    return bins
