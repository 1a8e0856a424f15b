"""Batches of prompts to measure: random draws of recorded workloads, or the reader's own prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from prepack_lab.models.loading import load_model
from prepack_lab.packing.packing import pack
from prepack_lab.prompts.files import read_prompts
from prepack_lab.prompts.lengths import load_profile
from prepack_lab.prompts.texts import tokenize

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


def draw_batches(
    workloads: Sequence[str], sizes: Sequence[int], draws: int, seed: int = 0, prompts: Path | None = None
) -> list[Batch]:
    """Random batches, `draws` of each workload and size.

    Args:
        workloads: length profiles.
        sizes: prompts in a batch.
        draws: batches of each kind.
        seed: of the first draw; the others follow.
        prompts: a file of prompts to draw from, without replacement, instead of the workloads.

    Raises:
        ValueError: an unknown profile, a size or number of draws below 1, a file that can't be read or holds fewer
            prompts than a batch.
    """
    if draws < 1:
        raise ValueError(f"draws is {draws}; draw at least one batch of each kind")
    if prompts is not None:
        counts = file_lengths(prompts)
        return [Batch(OWN, draw, _choose(counts, size, seed + draw)) for size in sizes for draw in range(draws)]
    return [
        Batch(workload, draw, tuple(load_profile(workload).sample(size, seed + draw)))
        for workload in workloads
        for size in sizes
        for draw in range(draws)
    ]


def file_lengths(file: Path, model: str = "smollm2-135m") -> list[int]:
    """The tokens of each prompt of a file, as the model's tokenizer counts them.

    Raises:
        InvalidPromptsError: as for `read_prompts`.
    """
    texts = read_prompts(file)
    _, tokenizer = load_model(model, device="cpu")
    return [len(prompt) for prompt in tokenize(tokenizer, texts)]


def _choose(counts: Sequence[int], size: int, seed: int) -> tuple[int, ...]:
    if not 1 <= size <= len(counts):
        raise ValueError(f"a batch of {size} can't be drawn from {len(counts)} prompts; ask for 1 to {len(counts)}")
    return tuple(np.random.default_rng(seed).choice(counts, size=size, replace=False).tolist())
