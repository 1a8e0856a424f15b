"""What experiments run on: a model, and batches of prompts, drawn from recorded workloads or the reader's own.

All that they ask of the core is asked here: which methods there are, whether they suit a model, and to run them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm.auto import tqdm
from transformers import PreTrainedModel

from prepack_lab.bench.experiments import OnModel, OnPrompts
from prepack_lab.forward import run_method, vocabulary_size
from prepack_lab.gate import admit
from prepack_lab.measuring.timing import Measurement, summarize, time_in_turn
from prepack_lab.methods import METHODS
from prepack_lab.models.loading import load_model, load_tokenizer
from prepack_lab.packing import pack
from prepack_lab.prefilling import prefill_dataset
from prepack_lab.prompts import random_prompts
from prepack_lab.sources.files import PromptFile, count_tokens
from prepack_lab.sources.lengths import load_profile

OWN = "your prompts"

prefill = run_method
"""Model, prompts and method → the forward passes of a batch; caches are not unpacked."""


@dataclass(frozen=True)
class Batch:
    """The lengths of one batch."""

    workload: str
    draw: int
    lengths: tuple[int, ...]

    @property
    def size(self) -> int:
        """k, its prompts."""
        return len(self.lengths)

    @property
    def rows(self) -> int:
        """r, the rows after packing."""
        return pack(self.lengths).num_bins


def load(asked: OnModel) -> PreTrainedModel:
    """The model that an experiment runs.

    Raises:
        ModelUnavailableError, ValueError: as for `load_model`.
    """
    return load_model(asked.model, asked.dtype, asked.device)[0]


def load_and_draw(
    asked: OnPrompts, workloads: Sequence[str], sizes: Sequence[int], draws: int = 1
) -> tuple[PreTrainedModel, list[Batch]]:
    """The model and the batches of an experiment; the model's own tokenizer counts the prompts of a file.

    Args:
        asked: names the model and the reader's own prompts, if any, and seeds the first draw.
        workloads, sizes, draws: as for `draw_batches`.

    Raises:
        InvalidPromptsError: as for `PromptFile`.
        ModelUnavailableError, ValueError: as for `load_model` and `draw_batches`.
    """
    if asked.prompts is None:
        batches = draw_batches(workloads, sizes, draws, asked.seed)  # what is wrong with them is said first
        return load(asked), batches
    counted = count_tokens(PromptFile(asked.prompts), load_tokenizer(asked.model))
    own = [tokens for _, tokens, _ in counted]
    model, _ = load_model(asked.model, asked.dtype, asked.device)
    return model, draw_batches(workloads, sizes, draws, asked.seed, own)


def draw_batches(
    workloads: Sequence[str], sizes: Sequence[int], draws: int, seed: int = 0, own: Sequence[int] | None = None
) -> list[Batch]:
    """Random batches, `draws` of each workload and size.

    Args:
        workloads: length profiles.
        sizes: prompts in a batch.
        draws: batches of each kind.
        seed: of the first draw; the others follow.
        own: tokens of each of the reader's prompts, to draw from without replacement, instead of the workloads.

    Raises:
        ValueError: an unknown profile, a size or number of draws below 1, or fewer prompts than a batch takes.
    """
    if draws < 1:
        raise ValueError(f"draws is {draws}; draw at least one batch of each kind")
    if own is not None:
        return [Batch(OWN, draw, _choose(own, size, seed + draw)) for size in sizes for draw in range(draws)]
    return [
        Batch(workload, draw, tuple(load_profile(workload).sample(size, seed + draw)))
        for workload in workloads
        for size in sizes
        for draw in range(draws)
    ]


def _choose(counts: Sequence[int], size: int, seed: int) -> tuple[int, ...]:
    if not 1 <= size <= len(counts):
        raise ValueError(f"a batch of {size} can't be drawn from {len(counts)} prompts; ask for 1 to {len(counts)}")
    return tuple(np.random.default_rng(seed).choice(counts, size=size, replace=False).tolist())


def fill(model: PreTrainedModel, lengths: Sequence[int], seed: int = 0) -> list[list[int]]:
    """Prompts of these lengths, of random ids that the model knows."""
    return random_prompts(lengths, vocabulary_size(model), seed)


def check_methods(methods: Sequence[str], known: Collection[str] = METHODS) -> None:
    """Refuse methods that do not exist, before a model is loaded.

    Raises:
        ValueError: names the method, and those that there are.
    """
    for method in methods:
        if method not in known:
            raise ValueError(f"there is no method {method!r}; there are: {', '.join(known)}")


def require_methods(model: PreTrainedModel, methods: Sequence[str], longest: int) -> None:
    """Refuse methods that are not known to be exact for this model and prompts of up to `longest` tokens.

    Raises:
        UnsupportedModelError: as for `admit`.
    """
    for method in methods:
        admit(model, [[0] * longest], method)


def prefill_all(model: PreTrainedModel, prompts: list[list[int]], method: str, batch_size: int) -> None:
    """The forward passes of a method over a whole dataset; caches are not unpacked."""
    for _ in prefill_dataset(model, prompts, batch_size, method, cache=False, progress=False):
        pass


def time_under_a_bar(
    calls: Mapping[Any, Callable[[], Any]], repeats: int, device: str, warmup: int = 1
) -> dict[Any, Measurement]:
    """Seconds of calls that are made in turn, as `measure_together` takes them, with a bar that shows how far it is."""
    runs = time_in_turn(calls, warmup, repeats, device)
    return summarize(tqdm(runs, total=len(calls) * (warmup + repeats), unit="run", leave=False), device)
