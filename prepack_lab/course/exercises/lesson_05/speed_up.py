"""Exercise 05-speedup: times as fast, out of runs taken in turn."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number


def speed_up(runs, method, baseline):
    def median(name):
        counted = sorted(seconds for run, seconds in runs if run == name)
        middle = len(counted) // 2
        return counted[middle] if len(counted) % 2 else (counted[middle - 1] + counted[middle]) / 2

    return median(baseline) / median(method)


def _inverted(runs, method, baseline):
    return 1 / speed_up(runs, method, baseline)


def _means(runs, method, baseline):
    def mean(name):
        counted = [seconds for run, seconds in runs if run == name]
        return sum(counted) / len(counted)

    return mean(baseline) / mean(method)


def _first(runs, method, baseline):
    first = {}
    for run, seconds in runs:
        first.setdefault(run, seconds)
    return first[baseline] / first[method]


def _best(runs, method, baseline):
    def best(name):
        return min(seconds for run, seconds in runs if run == name)

    return best(baseline) / best(method)


def _difference(runs, method, baseline):
    return speed_up(runs, method, baseline) - 1


def _cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [("padded", 2.0), ("packed", 1.0)], "packed", "padded"
    yield [("padded", 3.0), ("packed", 4.0), ("padded", 9.0), ("packed", 1.0)], "packed", "padded"
    for count in range(3, 8):
        runs = []
        for _ in range(count):
            runs += [("padded", round(draw.uniform(2, 3), 2)), ("packed", round(draw.uniform(0.5, 1), 2))]
        runs[0] = ("padded", 9.0)  # a run that was disturbed
        yield runs, "packed", "padded"


SPEED_UP = Exercise(
    key="05-speedup",
    title="How many times as fast",
    minutes=6,
    level="core",
    task="`runs` is a list of pairs, a name and its seconds, taken in turn. Return how many times as fast `method` is "
    "as `baseline`, by their medians. Above 1 means that `method` is faster.",
    reference=speed_up,
    cases=_cases,
    judge=number,
    hints=(
        "Collect the seconds of each name, and take both medians.",
        "Twice as fast means half the seconds: the baseline's seconds stand above.",
    ),
    wrong={
        "inverted": WrongAnswer(_inverted, "It is upside down: fewer seconds are faster."),
        "means": WrongAnswer(_means, "You take means, and one disturbed run moves them. Take medians."),
        "the first runs": WrongAnswer(_first, "You compare the first runs only. Take the median of all."),
        "the best runs": WrongAnswer(_best, "You compare the fastest runs, which are luck. Take medians."),
        "minus one": WrongAnswer(_difference, "This is how much faster. Times as fast is asked for."),
    },
)
