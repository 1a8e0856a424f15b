"""Batches of prompts to measure: random draws of recorded workloads, or the reader's own prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from transformers import PreTrainedModel

from prepack_lab.models.loading import load_model
from prepack_lab.packing import pack
from prepack_lab.prompts import tokenize
from prepack_lab.sources.files import read_prompts
from prepack_lab.sources.lengths import load_profile

OWN = "your prompts"


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


def load_and_draw(
    asked: Mapping[str, Any], workloads: Sequence[str], sizes: Sequence[int], draws: int = 1
) -> tuple[PreTrainedModel, list[Batch]]:
    """The model of an experiment, and its batches; the model's own tokenizer counts the prompts of a file.

    Args:
        asked: the experiment's parameters: model, dtype, device, seed and prompts.
        workloads, sizes, draws: as for `draw_batches`.

    Raises:
        InvalidPromptsError: as for `read_prompts`.
        ModelUnavailableError, ValueError: as for `load_model` and `draw_batches`.
    """
    draw = partial(draw_batches, workloads, sizes, draws, asked["seed"])
    load = partial(load_model, asked["model"], asked["dtype"], asked["device"])
    if asked["prompts"] is None:
        batches = draw()  # what is wrong with them is said before a model is loaded
        return load()[0], batches
    texts = read_prompts(asked["prompts"])
    model, tokenizer = load()
    return model, draw([len(prompt) for prompt in tokenize(tokenizer, texts)])


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
