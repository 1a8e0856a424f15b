"""The memory of a prefill: what it is made of, how much fits, and what a call really takes."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import accumulate
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile
from transformers import PreTrainedConfig, PreTrainedModel

from prepack_lab.forward import run_method, vocabulary_size
from prepack_lab.measuring.cost import estimate_cost, working_parts
from prepack_lab.measuring.machine import choose_device, free_memory
from prepack_lab.measuring.model_sizes import ModelSizes
from prepack_lab.methods import plan_passes
from prepack_lab.prompts import random_prompts

USABLE = 0.9
"""The share of the free memory that an estimate may fill."""


def memory_parts(
    config: PreTrainedConfig | ModelSizes,
    lengths: Sequence[int],
    method: str,
    dtype: torch.dtype | None = None,
    logits_everywhere: bool = False,
) -> dict[str, float]:
    """What the memory of a prefill is made of, at its peak: bytes of each part, before unpacking.

    Args:
        config, lengths, method, dtype: as for `estimate_cost`.
        logits_everywhere: keep logits at every slot, as a plain forward pass does, instead of the last ones only.
    """
    sizes, passes = ModelSizes.of(config), [*plan_passes(method, lengths)]
    working = [working_parts(planned, sizes, logits_everywhere) for planned in passes]
    numbers = {
        "weights": sizes.parameters,
        "cache": sum(planned.rows.slots for planned in passes) * sizes.cache_per_token,
        **max(working, key=lambda parts: sum(parts.values())),
    }
    return {part: float(count * (dtype or sizes.dtype).itemsize) for part, count in numbers.items()}


def memory_by_batch(
    config: PreTrainedConfig | ModelSizes,
    lengths: Sequence[int],
    method: str,
    sizes: Sequence[int],
    dtype: torch.dtype | None = None,
) -> dict[int, float]:
    """Bytes that the prefill of the first n prompts takes at its peak, weights included, for each n of `sizes`."""
    model = ModelSizes.of(config)
    return {size: _memory_bytes(model, tuple(lengths[:size]), method, dtype) for size in sizes}


@lru_cache(1024)
def _memory_bytes(sizes: ModelSizes, lengths: tuple[int, ...], method: str, dtype: torch.dtype | None) -> float:
    """Kept, because a slider that moves the limit asks for the same batches again."""
    return estimate_cost(sizes, lengths, method, dtype).memory_bytes


def largest_batch(
    config: PreTrainedConfig | ModelSizes,
    lengths: Sequence[int],
    method: str,
    limit: float,
    dtype: torch.dtype | None = None,
) -> int:
    """The most prompts, from the first on, whose prefill takes at most `limit` bytes; 0 where not even one fits."""
    model = ModelSizes.of(config)

    def fit(size: int) -> bool:
        return _memory_bytes(model, tuple(lengths[:size]), method, dtype) <= limit

    return largest_that_fits(fit, len(lengths))  # memory grows with the batch, up to a packing's whims


def largest_that_fits(fit: Callable[[int], bool], most: int) -> int:
    """The largest size from 1 to `most` that fits, found by halving; 0 where none does."""
    return bisect_left(range(1, most + 1), True, key=lambda size: not fit(size))


def fits(model: PreTrainedModel, lengths: Sequence[int], method: str) -> bool:
    """Whether the device has room now for the prefill of prompts of these lengths.

    On CUDA it is tried. Elsewhere it is estimated, because a full memory would end the program.

    Raises:
        ValueError: as for `estimate_cost`, where there is no CUDA.
    """
    if model.device.type != "cuda":
        needed = estimate_cost(model.config, lengths, method, model.dtype).pass_bytes
        return needed <= USABLE * free_memory(model.device)
    try:
        run_method(model, random_prompts(lengths, vocabulary_size(model)), method)
    except torch.cuda.OutOfMemoryError:
        torch.cuda.empty_cache()
        return False
    return True


def peak_memory(fn: Callable[[], Any], device: str | None = None) -> int | None:
    """The most bytes of tensors that a call of `fn` holds at once, beside what was there before.

    On CUDA the allocator knows it; on a CPU every allocation is followed, which slows the call down; elsewhere None.
    """
    chosen = choose_device(device)
    if chosen.type == "cuda":
        torch.cuda.reset_peak_memory_stats(chosen)
        before = torch.cuda.memory_allocated(chosen)
        fn()
        torch.cuda.synchronize(chosen)
        return torch.cuda.max_memory_allocated(chosen) - before
    return _followed(fn) if chosen.type == "cpu" else None


def _followed(fn: Callable[[], Any]) -> int:
    with (
        _silent_stderr(),
        profile(
            activities=[ProfilerActivity.CPU],
            profile_memory=True,
            acc_events=True,  # torch 2.12 warns without it
        ) as followed,
    ):
        kept = fn()
    del kept
    changes = [event for event in followed.profiler.kineto_results.events() if event.name() == "[memory]"]
    return max(accumulate(event.nbytes() for event in sorted(changes, key=lambda event: event.start_ns())), default=0)


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """The profiler writes a line when it starts and when it stops, past Python's own stderr."""
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
