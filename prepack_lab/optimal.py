"""The fewest bins there can be: lower bounds, and an exact solver.

The solver is the arc-flow model (Valério de Carvalho 1999), given to scipy's HiGHS. Picture a line from 0 to the
capacity. A bin is a walk along it: each prompt is a step as long as its length, and a last step over unused space
leads to the end. Bins are units of flow from 0 to the capacity, and the fewest units that take every prompt's step
once are the fewest bins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prepack_lab.strategies import Bins, best_fit, first_fit_decreasing

MAX_ARCS = 300_000
"""More than HiGHS can be expected to solve; beyond it the best heuristic stands, with its gap."""


def lower_bound(lengths: Sequence[int], capacity: int) -> int:
    """No packing has fewer bins: the bound L2 of Martello and Toth (1990), at least ⌈tokens / capacity⌉.

    For any threshold t up to half the capacity: prompts longer than `capacity - t` leave no room for one of t tokens
    or more, prompts over half the capacity have bins of their own, and what remains of t tokens and more has to fit
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
    """The best packing found in `time_limit` seconds, and the number of bins proved to be needed.

    The packing is optimal where the two agree.
    """
    decreasing = np.argsort(-np.asarray(lengths), kind="stable").tolist()
    found = min(first_fit_decreasing(lengths, capacity), best_fit(lengths, capacity, decreasing), key=len)
    proved = lower_bound(lengths, capacity)
    if len(found) == proved:
        return found, proved
    graph = _build_graph(lengths, capacity)
    if graph is None:
        return found, proved
    solved, bound = _solve(graph, lengths, proved, time_limit)
    if solved is not None and len(solved) < len(found):
        found = solved
    return found, max(proved, bound)


@dataclass(frozen=True)
class _Graph:
    """Steps (from, to, length), and the places on the line; a step of length 0 goes over unused space to the end."""

    steps: list[tuple[int, int, int]]
    places: list[int]


def _build_graph(lengths: Sequence[int], capacity: int) -> _Graph | None:
    """All steps that a walk from long prompts to short ones can take; None where they are too many."""
    values, counts = np.unique(np.asarray(lengths), return_counts=True)
    places, steps = {0}, set()
    for length, count in zip(values[::-1].tolist(), counts[::-1].tolist(), strict=True):
        here = set(places)
        for _ in range(min(count, capacity // length)):
            here = {place for place in here if place + length <= capacity}
            steps |= {(place, place + length, length) for place in here}
            here = {place + length for place in here}
            places |= here
        if len(steps) > MAX_ARCS:
            return None
    steps |= {(place, capacity, 0) for place in places if 0 < place < capacity}
    return _Graph(sorted(steps), sorted(places | {capacity}))


def _solve(graph: _Graph, lengths: Sequence[int], proved: int, time_limit: float) -> tuple[Bins | None, int]:
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    values, counts = np.unique(np.asarray(lengths), return_counts=True)
    row_of = {place: row for row, place in enumerate(graph.places)}
    demand_of = {length: row for row, length in enumerate(values.tolist())}
    flows = len(graph.steps)  # one variable a step, and one for the number of bins
    start, end, length = np.array(graph.steps).T
    out = np.array([row_of[place] for place in start.tolist()])
    into = np.array([row_of[place] for place in end.tolist()])
    first, last = 0, len(graph.places) - 1
    conserve = coo_array(
        (
            np.concatenate([-np.ones(flows), np.ones(flows), [1, -1]]),
            (np.concatenate([out, into, [first, last]]), np.concatenate([np.arange(flows)] * 2 + [[flows, flows]])),
        ),
        shape=(len(graph.places), flows + 1),
    )
    steps = np.flatnonzero(length)
    demanded = [demand_of[value] for value in length[steps].tolist()]
    demand = coo_array((np.ones(len(steps)), (demanded, steps)), shape=(len(values), flows + 1))
    result = milp(
        c=np.append(np.zeros(flows), 1),
        integrality=np.ones(flows + 1),
        bounds=Bounds(np.append(np.zeros(flows), proved), np.inf),
        constraints=[LinearConstraint(conserve, 0, 0), LinearConstraint(demand, counts, counts)],
        options={"time_limit": time_limit},
    )
    bound = 0 if result.mip_dual_bound is None else int(np.ceil(result.mip_dual_bound - 1e-6))
    return None if result.x is None else _walk(graph, np.rint(result.x[:-1]).astype(int), lengths), bound


def _walk(graph: _Graph, flow: np.ndarray, lengths: Sequence[int]) -> Bins:
    """Follow the flow, one unit at a time, and hand out the prompts of each length in their order."""
    leaving: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for (start, end, length), units in zip(graph.steps, flow.tolist(), strict=True):
        leaving[start] += [(end, length)] * units
    waiting: dict[int, list[int]] = defaultdict(list)
    for prompt in reversed(range(len(lengths))):
        waiting[lengths[prompt]].append(prompt)
    bins: Bins = []
    while leaving[0]:
        place, members = 0, []
        while place != graph.places[-1]:
            place, length = leaving[place].pop()
            if length:
                members.append(waiting[length].pop())
        bins.append(members)
    return bins
