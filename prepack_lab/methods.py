"""The methods: prompt lengths → forward passes. Nothing is run here, so that a cost can be told before it is paid.

    one_by_one          each prompt alone: no padding, and no batch
    full_batching       one batch, padded to the longest prompt: the default of Hugging Face
    length_ordered      several batches of prompts of similar length, each padded to its own longest
    prepacked           few rows, each holding several prompts, kept apart by a mask: the paper
    padding_free        one row for all prompts, and one attention for each: nothing is padded, and nothing masked

Over a whole dataset, `full_batching` and `prepacked` take a batch of prompts at a time, and there is one more:

    dataset_prepacked   all prompts packed first, then the rows taken in batches

All give the same logits and the same caches. They differ in how many slots they compute.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, TypedDict

from prepack_lab.packing import DEFAULT_STRATEGY, Packing, pack


@dataclass(frozen=True)
class Plan:
    """How a method shares the prompts out; a method reads what concerns it and leaves the rest."""

    capacity: int | None = None
    """`prepacked`, `dataset_prepacked`: the most tokens in a row; the longest prompt where left out."""
    strategy: str = DEFAULT_STRATEGY
    """`prepacked`, `dataset_prepacked`: how prompts share rows (see `pack`)."""
    batch_size: int = 16
    """`length_ordered`, and over datasets: prompts in a batch; for `dataset_prepacked`, rows."""
    token_budget: int = 16_384
    """`padding_free`: the most tokens in a forward pass; a prompt that is longer has one to itself."""

    def check(self, method: str, reads: Mapping[str, tuple[str, ...]] | None = None) -> None:
        """Refuse an unknown method, arguments that it does not read, and sizes below 1.

        Args:
            reads: the fields that each method reads; `READS` where left out.

        Raises:
            ValueError: says which methods there are, or what to leave out.
        """
        reads = READS if reads is None else reads
        if method not in reads:
            raise ValueError(f"there is no method {method!r}; there are: {', '.join(reads)}")
        for name, default in vars(Plan()).items():
            value = getattr(self, name)
            if value != default and name not in reads[method]:
                raise ValueError(f"method {method!r} takes no {name}; leave it out")
            if name in ("batch_size", "token_budget") and value < 1:
                raise ValueError(f"{name} is {value}; it is a positive integer")


class RowOptions(TypedDict, total=False):
    """How rows are filled: the options of functions that ask for the batch size by itself."""

    capacity: int | None
    strategy: str
    token_budget: int


class PlanOptions(RowOptions, total=False):
    """The fields of a `Plan`, as options of the functions that make one."""

    batch_size: int


@dataclass(frozen=True)
class Pass:
    """One forward pass, planned."""

    prompts: Sequence[int]
    """The prompts that it runs, as indices among all prompts."""
    rows: Packing
    """How these prompts, numbered from 0, share rows."""
    attention: Literal["alone", "padded", "masked", "segmented"]
    """One prompt; one prompt a row under a padding mask; rows under a packed mask; one row, prompt by prompt."""

    @property
    def pairs(self) -> int:
        """Pairs of a query and a key that attention computes; a mask hides pairs, and does not save them.

        A padded batch without padding needs no mask: transformers then leaves it out.
        """
        if self.attention == "masked" or (self.attention == "padded" and self.rows.padding_share > 0):
            return self.rows.num_bins * self.rows.width**2
        return sum(length * (length + 1) // 2 for length in self.rows.lengths)


Planner = Callable[[Sequence[int], Plan], Iterator[Pass]]
"""Tokens of each prompt, and a plan → forward passes."""


def _one_by_one(lengths: Sequence[int], plan: Plan) -> Iterator[Pass]:
    for prompt, length in enumerate(lengths):
        yield Pass([prompt], Packing.concatenated([length]), "alone")


def _full_batching(lengths: Sequence[int], plan: Plan) -> Iterator[Pass]:
    yield Pass(range(len(lengths)), Packing.padded(lengths), "padded")


def _length_ordered(lengths: Sequence[int], plan: Plan) -> Iterator[Pass]:
    order = sorted(range(len(lengths)), key=lambda prompt: lengths[prompt])
    for start in range(0, len(order), plan.batch_size):
        chosen = order[start : start + plan.batch_size]
        yield Pass(chosen, Packing.padded([lengths[prompt] for prompt in chosen]), "padded")


def _prepacked(lengths: Sequence[int], plan: Plan) -> Iterator[Pass]:
    yield Pass(range(len(lengths)), pack(lengths, plan.capacity, plan.strategy), "masked")


def _padding_free(lengths: Sequence[int], plan: Plan) -> Iterator[Pass]:
    ends = [*accumulate(lengths)]
    first = 0
    while first < len(lengths):
        before = ends[first] - lengths[first]
        last = max(first + 1, bisect_right(ends, before + plan.token_budget))
        yield Pass(range(first, last), Packing.concatenated(lengths[first:last]), "segmented")
        first = last


def _dataset_prepacked(lengths: Sequence[int], plan: Plan) -> Iterator[Pass]:
    packing = pack(lengths, plan.capacity, plan.strategy)
    for start in range(0, packing.num_bins, plan.batch_size):
        yield Pass(*packing.part(start, start + plan.batch_size), "masked")


def _in_batches(method: Planner) -> Planner:
    """A method on one batch after another."""

    def passes(lengths: Sequence[int], plan: Plan) -> Iterator[Pass]:
        for start in range(0, len(lengths), plan.batch_size):
            for one in method(lengths[start : start + plan.batch_size], plan):
                yield Pass([start + prompt for prompt in one.prompts], one.rows, one.attention)

    return passes


METHODS: dict[str, Planner] = {
    "one_by_one": _one_by_one,
    "full_batching": _full_batching,
    "length_ordered": _length_ordered,
    "prepacked": _prepacked,
    "padding_free": _padding_free,
}
BASELINE = "full_batching"
"""The method that the others are compared with, as in the paper."""
DATASET_METHODS: dict[str, Planner] = {
    "one_by_one": _one_by_one,
    "full_batching": _in_batches(_full_batching),
    "length_ordered": _length_ordered,
    "prepacked": _in_batches(_prepacked),
    "dataset_prepacked": _dataset_prepacked,
    "padding_free": _padding_free,
}
READS: dict[str, tuple[str, ...]] = {
    "one_by_one": (),
    "full_batching": (),
    "length_ordered": ("batch_size",),
    "prepacked": ("capacity", "strategy"),
    "padding_free": ("token_budget",),
}
"""The fields of a plan that each method reads."""
DATASET_READS: dict[str, tuple[str, ...]] = READS | {
    "full_batching": ("batch_size",),
    "prepacked": ("batch_size", "capacity", "strategy"),
    "dataset_prepacked": ("batch_size", "capacity", "strategy"),
}
"""The same over a whole dataset."""
