"""Exercise 02-beat-ffd: where first-fit decreasing is not the best."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.packing import pack


def beats_first_fit_decreasing():
    return [4, 4, 3, 3, 3, 3], 10  # 4 + 3 + 3 twice; decreasing puts the two fours together


def _judge_beaten(returned: Any, expected: Any) -> str | None:
    lengths, capacity = returned
    if max(lengths) > capacity:
        return f"A prompt of {max(lengths)} tokens fits into no bin of {capacity}."
    theirs = pack(lengths, capacity, "first_fit_decreasing").num_bins
    best = pack(lengths, capacity, "optimal", time_limit=2.0).num_bins
    if best < theirs:
        return None
    return f"First-fit decreasing needs {theirs} bins here, and nobody can do with fewer. Try others."


def _nothing_to_beat():
    return [5, 5, 5, 5], 10


def _too_long():
    return [11, 3], 10


def _without_arguments(draw: Random) -> Iterator[tuple[()]]:
    yield ()


BEAT_IT = Exercise(
    key="02-beat-ffd",
    title="Where first-fit decreasing is not the best",
    minutes=8,
    level="challenge",
    task="Find prompt lengths and a capacity for which first-fit decreasing needs more bins than necessary. Write a "
    "function without arguments that returns `lengths, capacity`.",
    reference=beats_first_fit_decreasing,
    cases=_without_arguments,
    judge=_judge_beaten,
    hints=(
        "It is greedy: it puts the two longest together where they fit, even if others would fill the bin better.",
        "Look for three numbers that fill a bin exactly, of which the largest fits twice with room to spare.",
        "With a capacity of 10: 4 + 3 + 3 is full, and 4 + 4 leaves two tokens that no 3 can use.",
    ),
    wrong={
        "nothing to beat": WrongAnswer(
            _nothing_to_beat, "Where the tokens fill all bins to the brim, nobody can be better."
        ),
        "a prompt that fits nowhere": WrongAnswer(_too_long, "Each prompt must fit into a bin by itself."),
    },
)
