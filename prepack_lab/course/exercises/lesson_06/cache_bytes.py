"""Exercise 06-cache: what keys and values take."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number


def cache_bytes(slots, layers, heads, head_size, size):
    return 2 * slots * layers * heads * head_size * size


def _keys_only(slots, layers, heads, head_size, size):
    return slots * layers * heads * head_size * size


def _one_layer(slots, layers, heads, head_size, size):
    return 2 * slots * heads * head_size * size


def _numbers(slots, layers, heads, head_size, size):
    return 2 * slots * layers * heads * head_size


def _squared(slots, layers, heads, head_size, size):
    return 2 * slots**2 * layers * heads * head_size * size


def _cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield 3, 2, 1, 5, 2
    yield 10, 2, 3, 4, 4
    for _ in range(8):
        yield (
            draw.randint(2, 900),
            draw.randint(2, 40),
            draw.randint(2, 32),
            draw.choice([64, 128]),
            draw.choice([2, 4]),
        )


CACHE_BYTES = Exercise(
    key="06-cache",
    title="What a cache takes",
    minutes=4,
    level="warm-up",
    task="Every slot leaves a key and a value in each of `layers` layers, in each of `heads` key-value heads, of "
    "`head_size` numbers each. A number takes `size` bytes. Return the bytes for `slots` slots.",
    reference=cache_bytes,
    cases=_cases,
    judge=number,
    hints=(
        "How many numbers does one slot leave in one layer? Heads times head size, for the key; and the value?",
        "2 · slots · layers · heads · head_size numbers, of `size` bytes each.",
    ),
    wrong={
        "keys only": WrongAnswer(_keys_only, "You count the keys. The values take as much again."),
        "one layer": WrongAnswer(_one_layer, "You count one layer. Each layer keeps keys and values of its own."),
        "numbers": WrongAnswer(_numbers, "This is how many numbers there are. Each takes `size` bytes."),
        "squared": WrongAnswer(_squared, "A cache grows with the slots, not with their square: that is attention."),
    },
)
