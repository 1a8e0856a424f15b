"""When each token came: the time to first token, and the time of each that follows, by method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from time import perf_counter
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.generation import BaseStreamer

from prepack_lab.generation import Continuations, generate

RUNNERS = {
    "one_by_one": {"method": "one_by_one"},
    "full_batching": {"method": "full_batching"},
    "prepacked": {"method": "prepacked"},
    "prepacked, packed decoding": {"method": "prepacked", "decoding": "packed"},
    "padding_free": {"method": "padding_free"},
    "padding_free, packed decoding": {"method": "padding_free", "decoding": "packed"},
}
"""The ways to generate, and the options of `generate`; the others have to equal the first."""
WARM_UP = 2
"""Tokens that are written before the clock counts: a prefill, and a decoding step."""


class TokenClock(BaseStreamer):
    """A streamer that notes each token of each prompt, and when it came; for `generate(..., streamer=TokenClock())`.

    transformers hands a streamer the prompts [b, L] first, then their next tokens [b] at every step, then the end.
    Where prompts go in turn, this begins again for each.
    """

    def __init__(self) -> None:
        self.came: list[list[float]] = []
        """For each prompt, the seconds since the start at which its tokens came."""
        self.tokens: list[list[int]] = []
        """For each prompt, the tokens."""
        self._waiting = 0
        self._start = perf_counter()

    def put(self, value: torch.Tensor) -> None:
        """Note what has come; a tensor on a GPU was waited for before."""
        now = perf_counter() - self._start
        if not self._waiting:  # the prompts themselves
            self._waiting = len(value)
            self.came += [[] for _ in value]
            self.tokens += [[] for _ in value]
            return
        for prompt, token in enumerate(value.flatten().tolist(), len(self.came) - self._waiting):
            self.came[prompt].append(now)
            self.tokens[prompt].append(token)

    def end(self) -> None:
        """These prompts are done; what follows are others."""
        self._waiting = 0


@dataclass(frozen=True)
class TokenTimes:
    """One generation, token by token."""

    tokens: Continuations
    seconds: tuple[tuple[float, ...], ...]
    """For each prompt, when its tokens came, since the start."""

    @property
    def first(self) -> tuple[float, ...]:
        """[B] the time to first token of each prompt: waiting for other prompts, and prefill."""
        return tuple(came[0] for came in self.seconds)

    @property
    def per_token(self) -> float:
        """The time per output token: what each token after the first took, a mean over prompts.

        Not a number where no prompt has a second token.
        """
        steps = [(came[-1] - came[0]) / (len(came) - 1) for came in self.seconds if len(came) > 1]
        return mean(steps) if steps else float("nan")

    @property
    def in_order(self) -> list[float]:
        """When tokens came, of whichever prompt, rising."""
        return sorted(second for came in self.seconds for second in came)


def time_tokens(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    runners: Mapping[str, Mapping[str, Any]],
    max_new_tokens: int = 8,
    repeats: int = 3,
) -> dict[str, list[TokenTimes]]:
    """Continue the prompts by every runner, again and again, and note when each token came.

    Args:
        model, prompts, max_new_tokens: as for `generate`.
        runners: under a name, options of `generate`: method, decoding and any other.
        repeats: runs of each that count, in turn, after a few tokens that don't.

    Returns:
        For each runner its runs, in the order taken.

    Raises:
        InvalidPromptsError, UnsupportedModelError, ValueError: as for `generate`.
    """
    for options in runners.values():
        generate(model, prompts, max_new_tokens=WARM_UP, **options)
    runs: dict[str, list[TokenTimes]] = {name: [] for name in runners}
    for _ in range(repeats):
        for name, options in runners.items():
            clock = TokenClock()
            tokens = generate(model, prompts, max_new_tokens=max_new_tokens, streamer=clock, **options)
            cut = (tuple(came[: len(ids)]) for came, ids in zip(clock.came, tokens, strict=True))
            runs[name].append(TokenTimes(tokens, tuple(cut)))
    return runs


def typical(runs: Sequence[TokenTimes]) -> TokenTimes:
    """The run in the middle, by when its last token came."""
    return sorted(runs, key=lambda run: run.in_order[-1])[(len(runs) - 1) // 2]
