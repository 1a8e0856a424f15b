"""Exercise 08-score: how good a prediction was."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number


def r_squared(measured, predicted):
    mean = sum(measured) / len(measured)
    left = sum((m - p) ** 2 for m, p in zip(measured, predicted, strict=True))
    return 1 - left / sum((m - mean) ** 2 for m in measured)


def _share_left(measured, predicted):
    return 1 - r_squared(measured, predicted)


def _spread_of_predictions(measured, predicted):
    return r_squared(predicted, measured)


def _correlation(measured, predicted):
    a, b = sum(measured) / len(measured), sum(predicted) / len(predicted)
    both = sum((m - a) * (p - b) for m, p in zip(measured, predicted, strict=True))
    return both**2 / (sum((m - a) ** 2 for m in measured) * sum((p - b) ** 2 for p in predicted))


def _not_squared(measured, predicted):
    mean = sum(measured) / len(measured)
    left = sum(abs(m - p) for m, p in zip(measured, predicted, strict=True))
    return 1 - left / sum(abs(m - mean) for m in measured)


def _against_zero(measured, predicted):
    left = sum((m - p) ** 2 for m, p in zip(measured, predicted, strict=True))
    return 1 - left / sum(m**2 for m in measured)


def _forecasts(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [1, 2], [1, 2]
    yield [1, 3], [2, 3]
    yield [1, 2, 3], [2, 4, 6]
    yield [4, 2, 3], [1, 3, 4]
    for size in range(3, 12):
        for _ in range(4):
            measured = draw.sample(range(10, 60), size)
            yield measured, [max(1, m + draw.choice((-9, -6, -2, 1, 3, 7))) for m in measured[:-1]] + [measured[0]]


R_SQUARED = Exercise(
    key="08-score",
    title="Score a prediction",
    minutes=6,
    level="core",
    task="R² is 1 - left / spread. The spread is what always guessing the mean would leave: the squared differences of "
    "`measured` from its own mean, added up. What is left are the squared differences of `measured` from `predicted`, "
    "added up. Given both lists, return R².",
    reference=r_squared,
    cases=_forecasts,
    judge=number,
    hints=(
        "Begin with the mean: `sum(measured) / len(measured)`.",
        "`zip(measured, predicted)` walks through both lists together.",
        "Both sums are of squares: `(m - p) ** 2` and `(m - mean) ** 2`.",
    ),
    wrong={
        "what is left": WrongAnswer(_share_left, "This is the share that is left. R² is the rest: 1 minus it."),
        "spread of the predictions": WrongAnswer(
            _spread_of_predictions, "You take the spread of the predictions. What was measured is to be explained."
        ),
        "correlation": WrongAnswer(
            _correlation, "This is a squared correlation: it forgives a prediction that is always twice too high."
        ),
        "not squared": WrongAnswer(_not_squared, "You add up differences. R² adds up their squares."),
        "against zero": WrongAnswer(
            _against_zero, "You compare with always guessing 0. Compare with always guessing the mean."
        ),
    },
)
