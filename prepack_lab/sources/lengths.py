"""Where prompt lengths come from: recorded profiles of real workloads.

A profile is a histogram of token counts, without any text. `source`, `licence`, `tokenizer` and `recipe` in
each file of `data/length_profiles/` say how it was counted. The paper shuffles its prompts before it batches
them, so a batch of the paper is a random draw from a profile. Some profiles record the lengths of the answers as well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import numpy as np

from prepack_lab.names import PAPER_WORKLOADS

_FOLDER = files("prepack_lab") / "data" / "length_profiles"


@dataclass(frozen=True)
class LengthProfile:
    """How long the prompts of one workload are, in tokens."""

    name: str
    title: str
    source: str
    licence: str
    tokenizer: str
    recipe: str
    histogram: np.ndarray = field(repr=False)
    """[distinct lengths, 2]: a length in tokens, and how many prompts have it; in ascending order of length."""
    output_histogram: np.ndarray | None = field(default=None, repr=False)
    """The same for the generated answers; None where they were not recorded."""

    @property
    def count(self) -> int:
        """How many prompts were counted."""
        return int(self.histogram[:, 1].sum())

    @property
    def mean(self) -> float:
        """The mean length of the prompts, in tokens."""
        return float(np.average(self.histogram[:, 0], weights=self.histogram[:, 1]))

    @property
    def median(self) -> float:
        """The median length of the prompts, in tokens."""
        return float(np.median(np.repeat(*self.histogram.T)))

    @property
    def longest(self) -> int:
        """The length of the longest prompt, in tokens."""
        return int(self.histogram[-1, 0])

    @property
    def output_mean(self) -> float:
        """The mean length of the answers, in tokens.

        Raises:
            ValueError: this profile records no answers.
        """
        lengths, counts = self._outputs().T
        return float(np.average(lengths, weights=counts))

    def sample(self, n: int, seed: int = 0) -> list[int]:
        """Draw the lengths of `n` prompts, in tokens, with replacement; the same seed draws the same lengths.

        Raises:
            ValueError: `n` is below 1.
        """
        return _draw(self.histogram, n, np.random.default_rng(seed))

    def sample_outputs(self, n: int, seed: int = 0) -> list[int]:
        """Draw the lengths of `n` answers, in tokens, as `sample` draws those of prompts.

        Which prompt had which answer is not recorded, so the two draws are independent.

        Raises:
            ValueError: `n` is below 1, or this profile records no answers; the message lists the profiles that do.
        """
        return _draw(self._outputs(), n, np.random.default_rng([seed, 1]))

    def _outputs(self) -> np.ndarray:
        if self.output_histogram is None:
            there = [name for name in list_profiles() if load_profile(name).output_histogram is not None]
            raise ValueError(f"{self.name} records no lengths of answers; these do: {', '.join(there)}")
        return self.output_histogram


def _draw(histogram: np.ndarray, n: int, chance: np.random.Generator) -> list[int]:
    if n < 1:
        raise ValueError(f"n is {n}; draw at least one length")
    lengths, counts = histogram.T
    return chance.choice(lengths, size=n, p=counts / counts.sum()).tolist()


def list_profiles() -> list[str]:
    """The names that `load_profile` takes: the paper's six workloads first, then the others in alphabetical order."""
    names = {path.name.removesuffix(".json") for path in _FOLDER.iterdir() if path.name.endswith(".json")}
    return [*PAPER_WORKLOADS, *sorted(names - set(PAPER_WORKLOADS))]


@cache
def load_profile(name: str) -> LengthProfile:
    """Load a recorded profile by name.

    Raises:
        ValueError: there is no such profile; the message lists the names.
    """
    if name not in list_profiles():
        raise ValueError(f"there is no length profile {name!r}; there are: {', '.join(list_profiles())}")
    recorded = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    words = {key: recorded[key] for key in ("name", "title", "source", "licence", "tokenizer", "recipe")}
    outputs = recorded.get("output_histogram")
    return LengthProfile(
        **words,
        histogram=np.array(recorded["histogram"], dtype=np.int64),
        output_histogram=None if outputs is None else np.array(outputs, dtype=np.int64),
    )
