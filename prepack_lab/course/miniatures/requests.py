"""What arrives at a server: prompts to read, each with the length of its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prepack_lab.course.serving import poisson_arrivals
from prepack_lab.sources.lengths import load_profile


@dataclass(frozen=True)
class Request:
    """A prompt that arrives, and the length of its answer."""

    prompt: int
    """Tokens to read."""
    output: int
    """Tokens to write."""
    arrived: float = 0.0
    """When it comes, in seconds since the start."""
    cached: int = 0
    """Tokens of the prompt that are read already: on another machine, say."""

    def __post_init__(self) -> None:
        if not 0 <= self.cached < self.prompt or self.output < 1:
            raise ValueError(f"{self}: there is at least one token to read, and one to write")


def draw_requests(
    workload: str, count: int, per_second: float | None = None, seed: int = 0, output: int | None = None
) -> list[Request]:
    """Draw requests from a recorded workload, in the order of arrival.

    Args:
        workload: the name of a profile.
        count: how many.
        per_second: how many arrive in a second, by chance; all are there from the start where left out.
        seed: of the draw.
        output: tokens of every answer; as recorded where left out.

    Raises:
        ValueError: a profile that records no lengths of answers, where none are given.
    """
    profile = load_profile(workload)
    outputs = profile.sample_outputs(count, seed) if output is None else [output] * count
    arrivals: Sequence[float] = [0.0] * count
    if per_second is not None:
        arrivals = poisson_arrivals(count, per_second, seed).tolist()
    return [Request(*drawn) for drawn in zip(profile.sample(count, seed), outputs, arrivals, strict=True)]
