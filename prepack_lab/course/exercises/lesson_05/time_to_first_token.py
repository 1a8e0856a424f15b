"""Exercise 05-ttft: what counts until the first token."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number


def time_to_first_token(pack, prefill, unpack, steps):
    return pack + prefill + unpack + steps[0]


def _prefill_only(pack, prefill, unpack, steps):
    return pack + prefill


def _without_unpacking(pack, prefill, unpack, steps):
    return pack + prefill + steps[0]


def _all_tokens(pack, prefill, unpack, steps):
    return pack + prefill + unpack + sum(steps)


def _without_the_step(pack, prefill, unpack, steps):
    return pack + prefill + unpack


def _cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield 1.0, 2.0, 4.0, [8.0]
    yield 1.0, 2.0, 4.0, [8.0, 16.0]
    for _ in range(8):
        parts = [round(draw.uniform(0.01, 2), 2) for _ in range(3)]
        yield *parts, [round(draw.uniform(0.01, 1), 2) for _ in range(draw.randint(1, 4))]


TIME_TO_FIRST_TOKEN = Exercise(
    key="05-ttft",
    title="Until the first token",
    minutes=3,
    level="warm-up",
    task="The authors' way: a packed batch took `pack` seconds to pack, `prefill` for the packed pass, and `unpack` to "
    "give each prompt its cache. Then came `steps`, a list with the seconds of each step of decoding. The first step "
    "gives every prompt its first token. Return the time to first token, in seconds.",
    reference=time_to_first_token,
    cases=_cases,
    judge=number,
    hints=(
        "Whoever waits for an answer waits for everything that comes before its first token.",
        "Only the first step counts: `steps[0]`.",
    ),
    wrong={
        "prefill only": WrongAnswer(_prefill_only, "This is the prefill time. Unpacking and one step come on top."),
        "no unpacking": WrongAnswer(_without_unpacking, "Unpacking the cache takes time, too, before decoding begins."),
        "all tokens": WrongAnswer(_all_tokens, "You count all steps. The first token is there after the first one."),
        "no step": WrongAnswer(_without_the_step, "The first token comes with the first step of decoding: add it."),
    },
)
