"""What prompts begin with in common, such as instructions and examples, and which of it is worth reading by itself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def shared_beginnings(prompts: Sequence[Sequence[int]], least: int) -> list[tuple[int, list[int]]]:
    """The beginnings that prompts share: each for all prompts that begin so, or the longer ones within it, whichever
    saves more tokens when each beginning is read once.

    Args:
        prompts: lists of token ids.
        least: what a beginning has to save, in tokens.

    Returns:
        The length of each beginning, and the indices of the prompts that go on from it, each by a token or more. The
        prompts that are left over come last, with a beginning of length 0.
    """
    order = sorted(range(len(prompts)), key=lambda index: tuple(prompts[index]))
    alike = [_alike(prompts[one][:-1], prompts[other][:-1]) for one, other in pairwise(order)]
    Choice = tuple[int, int, int, int]  # tokens saved; length; the first prompt in order, and the one after the last
    nested: list[tuple[int, int, list[Choice]]] = []  # beginnings inside one another: length, first, the best within
    for end, length in enumerate([*alike, -1], start=1):
        first, best = end - 1, list[Choice]()
        while nested and nested[-1][0] > length:
            inner, first, within = nested.pop()
            saved = inner * (end - 1 - first)
            whole = [(saved, inner, first, end)] if saved >= least else []
            best = max(whole, within + best, key=lambda chosen: sum(one[0] for one in chosen))
        if nested and nested[-1][0] == length:
            nested[-1][2].extend(best)
        else:
            nested.append((length, first, best))
    chosen = [(length, order[first:end]) for _, length, first, end in nested[-1][2]]
    left = sorted({*order}.difference(*(members for _, members in chosen)))
    return [*chosen, (0, left)] if left else chosen


def _alike(one: Sequence[int], other: Sequence[int]) -> int:
    """With how many equal tokens both begin."""
    differ = (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differ, min(len(one), len(other)))
