"""Cases that several exercises share: lists of prompt lengths, the smallest first."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any


def few_lengths(draw: Random, longest: int = 20, most: int = 12) -> Iterator[list[int]]:
    """Lengths of a few prompts: first the cases that are easily forgotten, then random ones that grow."""
    yield [1]
    yield [3]
    yield [2, 2]
    yield [1, 4]
    yield [4, 1]
    yield [3, 5, 2]
    yield [5, 5, 1, 1]
    for size in range(3, most + 1):
        for _ in range(4):
            yield [draw.randint(1, longest) for _ in range(size)]


def lengths_alone(draw: Random) -> Iterator[tuple[Any, ...]]:
    """For a function of lengths."""
    return ((lengths,) for lengths in few_lengths(draw))


def lengths_and_capacity(draw: Random) -> Iterator[tuple[Any, ...]]:
    """For a function of lengths and the most tokens in a bin."""
    for lengths in few_lengths(draw):
        yield lengths, max(lengths)
        yield lengths, max(lengths) + draw.randint(0, 10)
