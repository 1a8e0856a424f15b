"""Exercise 05-median: one honest number out of several runs."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number


def median_seconds(seconds, warmup):
    counted = sorted(seconds[warmup:])
    middle = len(counted) // 2
    if len(counted) % 2:
        return counted[middle]
    return (counted[middle - 1] + counted[middle]) / 2


def _warm_up_counts(seconds, warmup):
    return median_seconds(seconds, 0)


def _mean(seconds, warmup):
    return sum(seconds[warmup:]) / len(seconds[warmup:])


def _fastest(seconds, warmup):
    return min(seconds[warmup:])


def _unsorted(seconds, warmup):
    return seconds[warmup:][len(seconds[warmup:]) // 2]


def _upper_of_two(seconds, warmup):
    counted = sorted(seconds[warmup:])
    return counted[len(counted) // 2]


def _runs(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [1.0], 0
    yield [9.0, 1.0], 1
    yield [9.0, 1.0, 2.0], 1
    yield [9.0, 3.0, 1.0, 2.0], 1
    for count in range(2, 9):
        warmup = draw.randint(0, 2)
        yield [9.0] * warmup + [round(draw.uniform(0.1, 3.0), 2) for _ in range(count)], warmup


MEDIAN_SECONDS = Exercise(
    key="05-median",
    title="One number out of several runs",
    minutes=4,
    level="warm-up",
    task="Given the `seconds` of several runs in the order they were taken, and how many of the first are `warmup` and "
    "do not count, return the median of those that count. Of an even number, take the mean of the two in the middle.",
    reference=median_seconds,
    cases=_runs,
    judge=number,
    hints=(
        "`seconds[warmup:]` are the runs that count.",
        "Sort them. The middle one is at `len(counted) // 2`, where their number is odd.",
        "`statistics.median` does the rest, if you like.",
    ),
    wrong={
        "warm-up counts": WrongAnswer(_warm_up_counts, "The warm-up is among your runs: drop it."),
        "mean": WrongAnswer(_mean, "This is the mean. One run that was disturbed moves it; the median stays."),
        "fastest": WrongAnswer(_fastest, "This is the fastest run. Nobody gets it every day; take the middle one."),
        "unsorted": WrongAnswer(_unsorted, "This is the run in the middle of the time. Sort first."),
        "upper of two": WrongAnswer(_upper_of_two, "Of an even number, take the mean of the two in the middle."),
    },
)
