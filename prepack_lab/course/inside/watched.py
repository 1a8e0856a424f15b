"""Tensors that see how they are used, for exercises whose statement rules a way out: a loop, or scores for nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_leaves, tree_map

READS = ("__getitem__", "gather", "index_select", "take_along_dim", "take", "select", "narrow", "split", "chunk")
"""Names of the calls that take some of a tensor's values."""

Watch = Callable[[str, Sequence[Any], Any], None]
"""The name of a call, the tensors that went into it, and its result → `NotAsAskedError`, or nothing."""


class NotAsAskedError(Exception):
    """The way is one that the statement rules out; the message says which."""


class Watched(torch.Tensor):
    """A tensor whose copies are watched, and all that is made of them.

    `check` and the grader call a function with deep copies of its arguments; each of them counts from 0.
    """

    start: Rule
    """Begins to watch a copy."""
    watch: Watch | None = None

    @classmethod
    def of(cls, values: torch.Tensor, start: Rule) -> Watched:
        """The values, to be watched as soon as they are copied."""
        watched = values.as_subclass(cls)
        watched.start = start
        return watched

    def __deepcopy__(self, memo: dict[int, Any]) -> Watched:
        copied = Watched.of(self.as_subclass(torch.Tensor).clone(), self.start)
        copied.watch = self.start()
        return copied

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = super().__torch_function__(func, types, args, kwargs)
        tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
        watch = next((one.watch for one in tensors if isinstance(one, cls) and one.watch), None)
        if watch is None:
            return result
        watch(func.__name__, tensors, result)
        if isinstance(result, np.ndarray):
            array = result.view(_WatchedArray)
            array.watch = watch
            return array

        def watched_too(made: Any) -> Any:
            if isinstance(made, cls):
                made.watch = watch
            return made

        return tree_map(watched_too, result)


class _WatchedArray(np.ndarray):
    """What `numpy()` makes of a watched tensor: its reads are counted, too."""

    watch: Watch | None = None

    def __array_finalize__(self, made_from: Any) -> None:
        self.watch = getattr(made_from, "watch", None)

    def __getitem__(self, key: Any) -> Any:
        if self.watch:
            self.watch("__getitem__", (), None)
        return super().__getitem__(key)


@dataclass(frozen=True)
class FewReads:
    """Allows a few reads of an argument, so that a loop over its parts is noticed."""

    name: str
    most: int
    instead: str

    def __call__(self) -> Watch:
        """Begin to count."""
        reads = 0

        def watch(call: str, tensors: Sequence[Any], result: Any) -> None:
            nonlocal reads
            reads += call in READS
            if reads > self.most:
                words = f"`{self.name}` is read for the {self.most + 1}th time, which looks like a loop."
                raise NotAsAskedError(f"{words} {self.instead}")

        return watch


@dataclass(frozen=True)
class SmallResults:
    """Allows no result of more than so many numbers, the scores inside torch's attention among them."""

    most: int
    instead: str

    def __call__(self) -> Watch:
        """Begin to look."""
        return self._watch

    def _watch(self, call: str, tensors: Sequence[Any], result: Any) -> None:
        sizes: list[Sequence[int]] = [made.shape for made in tree_leaves(result) if isinstance(made, torch.Tensor)]
        if call == "scaled_dot_product_attention":
            query, key = tensors[0].shape, tensors[1].shape
            sizes.append((*query[:-1], key[-2]))
        largest = max(map(prod, sizes), default=0)
        if largest > self.most:
            raise NotAsAskedError(f"{call.strip('_')} makes {largest} numbers at once. {self.instead}")


Rule = FewReads | SmallResults
