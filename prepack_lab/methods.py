"""The methods: prompt lengths → planned forward passes. Nothing is run here, so a cost can be known before it is paid.

    one_by_one          each prompt alone: no padding, and no batch
    full_batching       prompts padded to the longest of them: what Hugging Face does by default
    length_ordered      prompts of similar length batched together, each batch padded to its own longest
    prepacked           several prompts per row, kept apart by a mask: the paper
    padding_free        all prompts in one row, and one attention per prompt: no padding, and no mask to keep them apart
    dataset_prepacked   for whole datasets: all prompts are packed first, then the rows are run in batches

All give the same logits and the same caches. They differ in the slots that they compute.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from inspect import signature
from itertools import accumulate
from numbers import Integral
from typing import Any, Literal

from prepack_lab.packing import DEFAULT_STRATEGY, STRATEGIES, Packing, pack


@dataclass(frozen=True)
class Pass:
    """One forward pass, planned."""

    prompts: Sequence[int]
    """Indices of the prompts that it runs, among all prompts."""
    rows: Packing
    """How these prompts, numbered from 0, share rows."""
    attention: Literal["alone", "padded", "masked", "segmented"]
    """A single prompt; a prompt per row, with a padding mask; rows with a packed mask; one row, prompt by prompt."""

    @property
    def pairs(self) -> int:
        """Pairs of a query and a key that attention computes, hidden by a mask or not.

        Prompts of 3 and 1 tokens: 16 in a row with a mask, 18 padded, 7 alone. Padded without padding: no mask needed.
        """
        if self.attention == "masked" or (self.attention == "padded" and self.rows.padding_share > 0):
            return self.rows.num_bins * self.rows.width**2
        return sum(length * (length + 1) // 2 for length in self.rows.lengths)


def one_by_one(lengths: Sequence[int]) -> Iterator[Pass]:
    """A pass per prompt."""
    for prompt, length in enumerate(lengths):
        yield Pass([prompt], Packing.concatenated([length]), "alone")


def full_batching(lengths: Sequence[int], batch_size: int | None = None) -> Iterator[Pass]:
    """A pass per batch of `batch_size` prompts, in the order given; left out, all prompts are one batch."""
    for prompts in _batches(range(len(lengths)), batch_size):
        yield Pass(prompts, Packing.padded([lengths[prompt] for prompt in prompts]), "padded")


def length_ordered(lengths: Sequence[int], batch_size: int = 16) -> Iterator[Pass]:
    """Like `full_batching`, but from the shortest prompt to the longest."""
    for prompts in _batches(sorted(range(len(lengths)), key=lengths.__getitem__), batch_size):
        yield Pass(prompts, Packing.padded([lengths[prompt] for prompt in prompts]), "padded")


def prepacked(
    lengths: Sequence[int], batch_size: int | None = None, capacity: int | None = None, strategy: str = DEFAULT_STRATEGY
) -> Iterator[Pass]:
    """A pass per batch of `batch_size` prompts, packed into rows (see `pack`); left out, all prompts are one batch."""
    for prompts in _batches(range(len(lengths)), batch_size):
        yield Pass(prompts, pack([lengths[prompt] for prompt in prompts], capacity, strategy), "masked")


def padding_free(lengths: Sequence[int], token_budget: int = 16_384) -> Iterator[Pass]:
    """As many prompts per pass as `token_budget` tokens allow, in the order given; a longer prompt has its own pass."""
    ends = [*accumulate(lengths)]
    first = 0
    while first < len(lengths):
        last = max(first + 1, bisect_right(ends, ends[first] - lengths[first] + token_budget))
        yield Pass(range(first, last), Packing.concatenated(lengths[first:last]), "segmented")
        first = last


def dataset_prepacked(
    lengths: Sequence[int], batch_size: int = 16, capacity: int | None = None, strategy: str = DEFAULT_STRATEGY
) -> Iterator[Pass]:
    """All prompts packed together (see `pack`), and a pass per `batch_size` rows."""
    packing = pack(lengths, capacity, strategy)
    for start in range(0, packing.num_bins, batch_size):
        yield Pass(*packing.part(start, start + batch_size), "masked")


def _batches(prompts: Sequence[int], batch_size: int | None) -> Iterator[Sequence[int]]:
    size = batch_size or max(1, len(prompts))
    return (prompts[start : start + size] for start in range(0, len(prompts), size))


DATASET_METHODS: dict[str, Callable[..., Iterator[Pass]]] = {
    planner.__name__: planner
    for planner in (one_by_one, full_batching, length_ordered, prepacked, dataset_prepacked, padding_free)
}
METHODS = tuple(name for name in DATASET_METHODS if name != "dataset_prepacked")
"""The methods for a single batch."""
SHARING = ("batch_size", "capacity", "strategy", "token_budget")
"""The options that one method or another takes."""
BASELINE = "full_batching"
"""The method that the others are compared with, as in the paper."""


def plan_passes(method: str, lengths: Sequence[int], **options: Any) -> Iterator[Pass]:
    """Plan the forward passes in which a method runs prompts of these lengths.

    Args:
        method: a key of `DATASET_METHODS`.
        lengths: tokens of each prompt.
        options: how the method shares the prompts out: keyword arguments of the function of the same name.

    Raises:
        ValueError: an unknown method, an option that it does not have, or a size below 1. What `pack` rejects, it
            rejects when the passes are iterated over.
    """
    known = known_options(method)
    for name, value in options.items():
        if name not in known:
            has = f"its options are {', '.join(known)}" if known else "it has no options"
            raise ValueError(f"method {method!r} has no option {name!r}: {has}")
        whole = isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1
        if name in ("batch_size", "token_budget") and not whole and (value is not None or known[name] is not None):
            raise ValueError(f"{name} is {value!r}; it is a positive integer")
        if name == "strategy" and value not in STRATEGIES:
            raise ValueError(f"there is no strategy {value!r}; there are: {', '.join(STRATEGIES)}")
    return DATASET_METHODS[method](lengths, **options)


def known_options(method: str, **options: Any) -> dict[str, Any]:
    """All options of a method: those given, and defaults for the others. What the method does not take is dropped.

    So one line serves every method: `plan_passes(method, lengths, **known_options(method, batch_size=8))`.

    Raises:
        ValueError: an unknown method; the message lists the known ones.
    """
    if method not in DATASET_METHODS:
        raise ValueError(f"there is no method {method!r}; there are: {', '.join(DATASET_METHODS)}")
    parameters = [*signature(DATASET_METHODS[method]).parameters.values()][1:]
    return {parameter.name: options.get(parameter.name, parameter.default) for parameter in parameters}
