"""The methods: prompts → forward passes.

    one_by_one       each prompt alone: no padding, and no batch
    full_batching    one batch, padded to the longest prompt: the default of Hugging Face
    length_ordered   several batches of prompts of similar length, each padded to its own longest
    prepacked        few rows, each holding several prompts, kept apart by a mask: the paper
    padding_free     one row for all prompts, and one attention for each: nothing is padded, and nothing masked

All give the same logits and the same caches. They differ in how many slots they compute.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from transformers import PreTrainedModel

from prepack_lab.forward import ForwardPass, forward_alone, forward_packed, forward_padded
from prepack_lab.kv_cache import CachePart
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import DEFAULT_STRATEGY, one_row, pack

Step = tuple[ForwardPass, CachePart]
"""A forward pass, and where in its cache each prompt lies."""


@dataclass(frozen=True)
class Plan:
    """How a method shares the prompts out; a method reads what concerns it and leaves the rest."""

    capacity: int | None = None
    """`prepacked`: the most tokens in a row; the longest prompt where left out."""
    strategy: str = DEFAULT_STRATEGY
    """`prepacked`: how prompts share rows (see `pack`)."""
    batch_size: int = 16
    """`length_ordered`: prompts in a batch."""
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


def _one_by_one(model: PreTrainedModel, prompts: list[list[int]], plan: Plan) -> Iterator[Step]:
    for index, prompt in enumerate(prompts):
        out = forward_alone(model, prompt)
        yield out, CachePart.left_padded(out.cache, [len(prompt)], [index], model.device)


def _full_batching(model: PreTrainedModel, prompts: list[list[int]], plan: Plan) -> Iterator[Step]:
    yield _padded(model, prompts, range(len(prompts)))


def _length_ordered(model: PreTrainedModel, prompts: list[list[int]], plan: Plan) -> Iterator[Step]:
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    for start in range(0, len(order), plan.batch_size):
        yield _padded(model, prompts, order[start : start + plan.batch_size])


def _padded(model: PreTrainedModel, prompts: list[list[int]], chosen: Sequence[int]) -> Step:
    batch = [prompts[index] for index in chosen]
    out = forward_padded(model, batch)
    return out, CachePart.left_padded(out.cache, [len(prompt) for prompt in batch], chosen, model.device)


def _prepacked(model: PreTrainedModel, prompts: list[list[int]], plan: Plan) -> Iterator[Step]:
    packing = pack([len(prompt) for prompt in prompts], plan.capacity, plan.strategy)
    batch = PackedBatch.from_prompts(prompts, packing, device=model.device)
    out = forward_packed(model, batch)
    yield out, CachePart.packed(out.cache, batch)


def _padding_free(model: PreTrainedModel, prompts: list[list[int]], plan: Plan) -> Iterator[Step]:
    ends = [*accumulate(map(len, prompts))]
    first = 0
    while first < len(prompts):
        before = ends[first] - len(prompts[first])
        last = max(first + 1, bisect_right(ends, before + plan.token_budget))
        chosen = range(first, last)
        packing = one_row([len(prompts[index]) for index in chosen])
        batch = PackedBatch.from_prompts([prompts[index] for index in chosen], packing, device=model.device)
        out = forward_packed(model, batch, segmented=True)
        yield out, CachePart.packed(out.cache, batch, chosen)
        first = last


METHODS: dict[str, Callable[[PreTrainedModel, list[list[int]], Plan], Iterator[Step]]] = {
    "one_by_one": _one_by_one,
    "full_batching": _full_batching,
    "length_ordered": _length_ordered,
    "prepacked": _prepacked,
    "padding_free": _padding_free,
}
READS = {
    "one_by_one": (),
    "full_batching": (),
    "length_ordered": ("batch_size",),
    "prepacked": ("capacity", "strategy"),
    "padding_free": ("token_budget",),
}
"""The fields of a plan that each method reads."""
