"""Exercise 08-fit: the line of least squares, by hand."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import numbers


def fit(x, y):
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    together = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    slope = together / sum((a - mean_x) ** 2 for a in x)
    return mean_y - slope * mean_x, slope


def _slope_first(x, y):
    return fit(x, y)[::-1]


def _through_zero(x, y):
    return 0.0, sum(a * b for a, b in zip(x, y, strict=True)) / sum(a * a for a in x)


def _through_the_ends(x, y):
    slope = (y[-1] - y[0]) / (x[-1] - x[0])
    return y[0] - slope * x[0], slope


def _x_from_y(x, y):
    return fit(y, x)


def _means_left_out(x, y):
    slope = _through_zero(x, y)[1]
    return sum(y) / len(y) - slope * sum(x) / len(x), slope


def _points(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [1, 2], [1, 3]
    yield [1, 3], [4, 2]
    yield [1, 2, 4], [1, 4, 2]
    yield [3, 1, 2], [2, 2, 5]
    for size in range(3, 12):
        for _ in range(4):
            x = draw.sample(range(1, 40), size)
            yield x, [draw.randint(1, 60) for _ in x]


FIT = Exercise(
    key="08-fit",
    title="A line through your points",
    minutes=8,
    level="core",
    task="Find the straight line y = intercept + slope · x that comes closest to some points: the squares of its "
    "errors in y add up to the least. Given the lists `x` and `y`, return (intercept, slope).",
    reference=fit,
    cases=_points,
    judge=numbers,
    hints=(
        "Take the mean of `x` and the mean of `y`. The line goes through the point of the means.",
        "The slope is a fraction. Above: (x - mean of x) · (y - mean of y), added up over the points.",
        "Below: (x - mean of x)², added up.",
        "The intercept is the mean of y, less the slope times the mean of x.",
    ),
    wrong={
        "the slope first": WrongAnswer(_slope_first, "Both are right, in the other order: the intercept comes first."),
        "through zero": WrongAnswer(
            _through_zero, "This is the best line through the point (0, 0). Let it begin where it likes."
        ),
        "through the ends": WrongAnswer(
            _through_the_ends, "This line goes through the first and the last point. All points count alike."
        ),
        "x from y": WrongAnswer(_x_from_y, "This predicts x from y. Predict y from x, with the least errors in y."),
        "the means left out": WrongAnswer(
            _means_left_out, "The slope takes x and y as they are. Take from each its mean first."
        ),
    },
)
