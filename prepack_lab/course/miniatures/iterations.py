"""A server that computes step by step, simulated: every step is a forward pass, and a schedule says for whom.

Requests arrive, each with a prompt to read and an answer to write. Before every step the schedule looks at those that
are here, and says how many tokens each computes:

    reading   tokens of its prompt, as many as are still unread or fewer; the last of them gives the first new token
    writing   one token, the newest, which gives the next

Which schedule is best is what the other files are about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from prepack_lab.course.miniatures.requests import Request


@dataclass
class Progress:
    """How far a request has come."""

    request: Request
    read: int
    written: int = 0

    @property
    def unread(self) -> int:
        """Tokens of the prompt that are still to be read."""
        return self.request.prompt - self.read

    @property
    def running(self) -> bool:
        """Whether a step has computed something for it: it has a seat."""
        return self.read > self.request.cached

    @property
    def rest(self) -> int:
        """The most tokens that its next step can compute: all that is unread, or the newest token."""
        return self.unread or 1

    @property
    def cache(self) -> int:
        """Tokens in its cache: all that was read and written, but for the newest one."""
        return self.read + max(self.written - 1, 0)

    def compute(self, tokens: int) -> bool:
        """Go so many tokens on; whether a new token comes out."""
        if not 1 <= tokens <= self.rest:
            raise ValueError(f"a schedule gave {tokens} tokens to a request that can compute 1 to {self.rest}")
        self.read += min(tokens, self.unread)
        self.written += not self.unread
        return not self.unread


class Work(NamedTuple):
    """What a step does for one request."""

    tokens: int
    """Tokens that it computes."""
    before: int
    """Tokens that it finds in the cache."""


class Step(NamedTuple):
    """One forward pass of the server."""

    end: float
    """Seconds since the start."""
    tokens: Mapping[int, int]
    """For each request in it, by its index, the tokens that it computed."""


Schedule = Callable[[Mapping[int, Progress]], Mapping[int, int]]
"""The requests that are here, by index, in the order of arrival → how many tokens each computes in the next step."""
Seconds = Callable[[Sequence[Work]], float]
"""What a step does → how long it takes."""


@dataclass(frozen=True)
class Timeline:
    """What happened to some requests."""

    requests: Sequence[Request]
    steps: Sequence[Step]
    token_times: Sequence[Sequence[float]]
    """When each token of each answer came, in seconds since the start."""

    @property
    def first_token(self) -> np.ndarray:
        """[N] the time to first token, in seconds: waiting and reading."""
        return np.array([times[0] - one.arrived for one, times in zip(self.requests, self.token_times, strict=True)])

    @property
    def pauses(self) -> np.ndarray:
        """The seconds between each token and the next of its answer, over all answers."""
        return np.array([later - earlier for times in self.token_times for earlier, later in pairwise(times)])

    @property
    def end(self) -> float:
        """When the last token came."""
        return max(times[-1] for times in self.token_times)

    def idle_share(self, seats: int) -> float:
        """The share of the seats, over all steps, in which nobody computed."""
        return 1 - sum(len(step.tokens) for step in self.steps) / (seats * len(self.steps))


def simulate(requests: Sequence[Request], schedule: Schedule, seconds: Seconds | None = None) -> Timeline:
    """Serve some requests to the end.

    Args:
        requests: in the order of arrival.
        schedule: who computes what in the next step.
        seconds: how long a step takes; 1 each where left out, so that steps are counted.

    Raises:
        ValueError: requests that are not in order, or a schedule that gives nobody anything, or more than there is.
    """
    if any(later.arrived < earlier.arrived for earlier, later in pairwise(requests)):
        raise ValueError("sort the requests by their arrival")
    waiting = {index: Progress(request, request.cached) for index, request in enumerate(requests)}
    times: list[list[float]] = [[] for _ in requests]
    now, steps = 0.0, []
    while waiting:
        now = max(now, next(iter(waiting.values())).request.arrived)  # idle until somebody is here
        here = {index: one for index, one in waiting.items() if one.request.arrived <= now}
        tokens = schedule(here)
        if not tokens:
            raise ValueError(f"the schedule lets none of {len(here)} requests compute: this would never end")
        now += 1.0 if seconds is None else seconds([Work(many, here[one].cache) for one, many in tokens.items()])
        steps.append(Step(now, tokens))
        for index, many in tokens.items():
            if here[index].compute(many):
                times[index].append(now)
                if here[index].written == here[index].request.output:
                    del waiting[index]
    return Timeline(requests, steps, times)
