"""Exercise 09-times: the time to first token, and the time of each that follows."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import numbers


def token_times(asked, came):
    first = came[0] - asked
    if len(came) == 1:
        return first, 0
    return first, (came[-1] - came[0]) / (len(came) - 1)


def _one_token_crashes(asked, came):
    return came[0] - asked, (came[-1] - came[0]) / (len(came) - 1)


def _divided_by_all(asked, came):
    return came[0] - asked, (came[-1] - came[0]) / len(came)


def _with_the_first(asked, came):
    return came[0] - asked, (came[-1] - asked) / len(came)


def _clock_time(asked, came):
    return came[0], token_times(asked, came)[1]


def _other_way_round(asked, came):
    return token_times(asked, came)[::-1]


def _all_of_them(asked, came):
    return came[0] - asked, came[-1] - came[0]


def _streams(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield 0, [2]
    yield 1, [4]
    yield 0, [2, 3]
    yield 5, [9, 10, 12]
    for size in range(1, 9):
        for _ in range(4):
            now = asked = draw.randint(1, 50)
            came = [now := now + draw.randint(1, 20) for _ in range(size)]
            yield asked, came


TOKEN_TIMES = Exercise(
    key="09-times",
    title="First token, and the rest",
    minutes=5,
    level="core",
    task="At the time `asked` a prompt was sent; `came` lists the times at which its tokens came, rising. Return the "
    "time to first token, and the mean time of each token after it. Where there is one token only, the second is 0.",
    reference=token_times,
    cases=_streams,
    judge=numbers,
    hints=(
        "The time to first token: how long after `asked` did `came[0]` come?",
        "After the first there are `len(came) - 1` tokens. How long did they take together?",
        "With one token nothing follows, and the division has a 0 below: return 0 for it.",
    ),
    wrong={
        "one token": WrongAnswer(_one_token_crashes, "Where there is one token only, you divide by 0. Return 0 there."),
        "divided by all": WrongAnswer(
            _divided_by_all, "You divide by all tokens. The first is left out of this time: one less."
        ),
        "with the first": WrongAnswer(
            _with_the_first, "The wait for the first token is in your second number. Count from the first token on."
        ),
        "clock time": WrongAnswer(_clock_time, "The first token's time is counted from when the prompt was sent."),
        "the other way round": WrongAnswer(
            _other_way_round, "The other way round: the time to first token comes first."
        ),
        "all of them": WrongAnswer(
            _all_of_them, "This is how long the others took together. Divide by how many they are."
        ),
    },
)
