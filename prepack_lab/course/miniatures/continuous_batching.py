"""Continuous batching: requests enter and leave at every step, instead of waiting for the slowest of their batch.

A batch is a row of seats. Answers of 2, 5 and 3 tokens, two seats, a column a step:

    static       a a . . . c c c     the seat of a stays empty until b has finished
                 b b b b b . . .

    continuous   a a c c c           c takes it at once
                 b b b b b

An empty seat is padding, in time instead of space.

Source: Yu et al., Orca, OSDI 2022, "iteration-level scheduling".
"""

from __future__ import annotations

from collections.abc import Mapping

from prepack_lab.course.miniatures.iterations import Progress, Schedule


def static_batches(seats: int) -> Schedule:
    """Fill the seats, and let nobody in before all have finished: what `model.generate` does."""

    def schedule(here: Mapping[int, Progress]) -> dict[int, int]:
        batch = [index for index, one in here.items() if one.running] or [*here][:seats]
        return {index: here[index].rest for index in batch}

    return schedule


def continuous(seats: int) -> Schedule:
    """Let the next in as soon as a seat is free; it reads its whole prompt in its first step."""

    def schedule(here: Mapping[int, Progress]) -> dict[int, int]:
        return {index: here[index].rest for index in seated(here, seats)}

    return schedule


def seated(here: Mapping[int, Progress], seats: int) -> list[int]:
    """Who has a seat in the next step: those that are running, then those that wait, the oldest first."""
    return sorted(here, key=lambda index: not here[index].running)[:seats]
