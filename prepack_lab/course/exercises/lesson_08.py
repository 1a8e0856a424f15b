"""Lesson 08, predicting the gain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from math import isclose
from random import Random
from statistics import correlation, covariance, pvariance, variance
from typing import Any

from prepack_lab.course.exercises.cases import few_lengths
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number
from prepack_lab.course.exercises.quiz import Answer, Quiz
from prepack_lab.packing import pack


def most_gain(lengths):
    rows = -(-sum(lengths) // max(lengths))
    return len(lengths) / rows


def _upside_down(lengths):
    return -(-sum(lengths) // max(lengths)) / len(lengths)


def _broken_rows(lengths):
    return len(lengths) * max(lengths) / sum(lengths)


def _rounded_down(lengths):
    return len(lengths) / (sum(lengths) // max(lengths))


def _to_the_nearest(lengths):
    return len(lengths) / round(sum(lengths) / max(lengths))


def _always_one_more(lengths):
    return len(lengths) / (sum(lengths) // max(lengths) + 1)


def _whole_gain(lengths):
    return len(lengths) // -(-sum(lengths) // max(lengths))


def _tokens(lengths):
    return sum(lengths) / -(-sum(lengths) // max(lengths))


def _rows(lengths):
    return -(-sum(lengths) // max(lengths))


def _really_packed(lengths):
    return len(lengths) / pack(lengths).num_bins


def _judge_gain(returned: Any, expected: float, lengths: Sequence[int]) -> str | None:
    if (wrong := number(returned, expected)) is None or _no_number(returned):
        return wrong
    return f"Tokens: {sum(lengths)}; in a row: {max(lengths)}; so rows: {_rows(lengths)}. Prompts: {len(lengths)}."


def _batches(draw: Random) -> Iterator[tuple[Any, ...]]:
    for lengths in few_lengths(draw):
        yield (lengths,)
        if lengths == [5, 5, 1, 1]:  # then two that no packing brings down to the limit
            yield ([3, 2, 2, 2],)
            yield ([15, 16, 12, 3, 11, 20, 4, 16],)


MOST_GAIN = Exercise(
    key="08-most",
    title="A limit to the gain",
    minutes=4,
    level="warm-up",
    task="A row holds as many tokens as the longest prompt has. Count the tokens of all `lengths`, and "
    "how many whole rows they would take if prompts could be cut to fit. No packing does with fewer. Return the "
    "prompts over these rows: a limit that no k/r exceeds, though not every batch can reach it.",
    stub="""
        rows = ...
        return ...  # prompts over rows
    """,
    reference=most_gain,
    cases=_batches,
    judge=_judge_gain,
    hints=(
        "How many tokens are there in all, and how many does a row hold?",
        "Rows are whole: divide and round up, with `math.ceil` or `-(-a // b)`.",
        "k is `len(lengths)`. Divide it by the rows.",
    ),
    wrong={
        "upside down": WrongAnswer(
            _upside_down, "This is r/k, the share of the rows that is left. k/r is its inverse."
        ),
        "broken rows": WrongAnswer(
            _broken_rows, "This is what rows without rounding give. The last row is computed whole, even if half empty."
        ),
        "rounded down": WrongAnswer(
            _rounded_down, "This is what rounding down gives. Tokens that are left over need a row, too."
        ),
        "to the nearest": WrongAnswer(
            _to_the_nearest,
            "This is what `round` gives: sometimes up, sometimes down. A row that is begun always counts.",
        ),
        "always one more": WrongAnswer(
            _always_one_more, "This counts a row too many where the tokens fill the rows to the brim."
        ),
        "a whole gain": WrongAnswer(_whole_gain, "This gain is rounded down to a whole number. Only rows are whole."),
        "tokens": WrongAnswer(_tokens, "These are the tokens in a row. k/r counts prompts."),
        "rows": WrongAnswer(_rows, "These are the rows. Divide the prompts by them."),
        "really packed": WrongAnswer(
            _really_packed,
            "This is the k/r of a real packing. The limit comes from the tokens alone, and may be larger.",
        ),
    },
)


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


def _through_the_means(x, y, slope):
    return sum(y) / len(y) - slope * sum(x) / len(x), slope


def _means_left_out(x, y):
    return _through_the_means(x, y, _through_zero(x, y)[1])


def _by_the_spread_of_y(x, y):
    return _through_the_means(x, y, fit(y, x)[1])


def _correlated(x, y):
    return _through_the_means(x, y, correlation(x, y))


def _two_divisors(x, y):
    return _through_the_means(x, y, covariance(x, y) / pvariance(x))


def _minus_the_intercept(x, y):
    intercept, slope = fit(x, y)
    return -intercept, slope


def _points(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [1.0, 2.0], [1.0, 3.0]
    yield [1.0, 3.0], [4.0, 2.0]
    yield [1.0, 2.0, 4.0], [1.0, 4.0, 2.0]
    yield [3.0, 1.0, 2.0], [2.0, 2.0, 5.0]
    for size in range(3, 12):
        for _ in range(4):
            yield (
                [place / 2 for place in draw.sample(range(2, 20), size)],
                [draw.randint(2, 40) / 2 for _ in range(size)],
            )


def _judge_line(returned: Any, expected: tuple[float, float], x: list[float], y: list[float]) -> str | None:
    if not isinstance(returned, list | tuple) or len(returned) != 2 or any(map(_no_number, returned)):
        return "Two numbers are asked for: (intercept, slope)."
    (intercept, slope), (best_intercept, best_slope) = returned, expected
    if not _near(slope, best_slope, 1.0):
        errors = [
            sum((b - line[0] - line[1] * a) ** 2 for a, b in zip(x, y, strict=True)) for line in (returned, expected)
        ]
        return (
            f"The slope is {slope:.4g}, and the best one is {best_slope:.4g}. The squared errors of your line add up "
            f"to {errors[0]:.4g}, and the least there can be is {errors[1]:.4g}."
        )
    if not _near(intercept, best_intercept, max(y)):
        mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
        return (
            f"The slope is right. The line has to go through the means, ({mean_x:.4g}, {mean_y:.4g}), and yours is at "
            f"{intercept + slope * mean_x:.4g} there."
        )
    return None


def _no_number(value: Any) -> bool:
    return isinstance(value, bool) or not isinstance(value, int | float)


def _near(value: float, right: float, size: float) -> bool:
    """Equal as far as sums in float32 can be, of numbers of this size."""
    return isclose(value, right, rel_tol=1e-4, abs_tol=1e-4 * size)


FIT = Exercise(
    key="08-fit",
    title="A line through your points",
    minutes=8,
    level="core",
    task="Find the line y = intercept + slope · x for which the squared errors in y add up to the least. Given the "
    "lists `x` and `y`, return (intercept, slope). It is worth doing once by hand.",
    stub="""
        mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
        slope = ...
        intercept = ...  # the line goes through the means
        return intercept, slope
    """,
    reference=fit,
    cases=_points,
    judge=_judge_line,
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
            _means_left_out, "This slope is made of x and y as they are. Take from each its mean first."
        ),
        "by the spread of y": WrongAnswer(
            _by_the_spread_of_y, "This slope is divided by the squares of y. Divide by those of x."
        ),
        "correlated": WrongAnswer(
            _correlated, "This slope is the correlation, which has no units. The slope has those of y over x."
        ),
        "two divisors": WrongAnswer(
            _two_divisors,
            "This slope is n / (n - 1) times too steep: a covariance over n - 1 is divided by a variance over n.",
        ),
        "minus the intercept": WrongAnswer(_minus_the_intercept, "The sign of the intercept is the other one."),
    },
)


def r_squared(measured, predicted):
    mean = sum(measured) / len(measured)
    left = sum((m - p) ** 2 for m, p in zip(measured, predicted, strict=True))
    return 1 - left / sum((m - mean) ** 2 for m in measured)


def _share_left(measured, predicted):
    return 1 - r_squared(measured, predicted)


def _the_other_way_round(measured, predicted):
    return r_squared(predicted, measured)


def _around_the_predictions(measured, predicted):
    mean = sum(predicted) / len(predicted)
    return 1 - _left(measured, predicted) / sum((m - mean) ** 2 for m in measured)


def _correlation(measured, predicted):
    return correlation(measured, predicted) ** 2


def _not_squared(measured, predicted):
    mean = sum(measured) / len(measured)
    left = sum(abs(m - p) for m, p in zip(measured, predicted, strict=True))
    return 1 - left / sum(abs(m - mean) for m in measured)


def _square_roots(measured, predicted):
    return 1 - (1 - r_squared(measured, predicted)) ** 0.5


def _against_zero(measured, predicted):
    return 1 - _left(measured, predicted) / sum(m**2 for m in measured)


def _different_divisors(measured, predicted):
    return 1 - _left(measured, predicted) / len(measured) / variance(measured)


def _spread_over_left(measured, predicted):
    return 1 - 1 / (1 - r_squared(measured, predicted))


def _left(measured: Sequence[float], predicted: Sequence[float]) -> float:
    return sum((m - p) ** 2 for m, p in zip(measured, predicted, strict=True))


def _forecasts(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [1.0, 2.0], [1.0, 2.0]
    yield [1.0, 3.0], [2.0, 3.0]
    yield [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]
    yield [4.0, 2.0, 3.0], [1.0, 3.0, 4.0]
    for size in range(3, 12):
        for _ in range(4):
            measured = [many / 2 for many in draw.sample(range(10, 60), size)]
            off = [draw.choice((-4.5, -3.0, -1.0, 0.5, 1.5, 3.5)) for _ in measured[1:]]
            yield measured, [measured[0], *(m + one for m, one in zip(measured[1:], off, strict=True))]


def _judge_score(returned: Any, expected: float, measured: list[float], predicted: list[float]) -> str | None:
    if _no_number(returned):
        return number(returned, expected)
    if _near(returned, expected, max(1.0, abs(expected))):
        return None
    mean = sum(measured) / len(measured)
    return (
        f"What is left adds up to {_left(measured, predicted):.4g} here, and the spread to "
        f"{sum((m - mean) ** 2 for m in measured):.4g}."
    )


R_SQUARED = Exercise(
    key="08-score",
    title="Score a prediction",
    minutes=6,
    level="core",
    task="R² is 1 - left / spread. The *spread*: squared differences of `measured` from its own mean, added up. What "
    "is *left*: squared differences of `measured` from `predicted`, added up. Given both lists, return R².",
    stub="""
        mean = sum(measured) / len(measured)
        left = ...
        spread = ...
        return ...
    """,
    reference=r_squared,
    cases=_forecasts,
    judge=_judge_score,
    hints=(
        "Begin with the mean: `sum(measured) / len(measured)`.",
        "`zip(measured, predicted)` walks through both lists together.",
        "Both sums are of squares: `(m - p) ** 2` and `(m - mean) ** 2`.",
    ),
    wrong={
        "what is left": WrongAnswer(_share_left, "This is the share that is left. R² is the rest: 1 minus it."),
        "the other way round": WrongAnswer(
            _the_other_way_round, "This is the spread of the predictions. What was measured is to be explained."
        ),
        "around the predictions": WrongAnswer(
            _around_the_predictions,
            "This spread is taken around the mean of the predictions. Take that of the measured.",
        ),
        "correlation": WrongAnswer(
            _correlation, "This is a squared correlation: it forgives a prediction that is always twice too high."
        ),
        "not squared": WrongAnswer(_not_squared, "These are sums of differences. R² has sums of their squares."),
        "square roots": WrongAnswer(_square_roots, "This takes roots of both sums. R² takes the sums as they are."),
        "against zero": WrongAnswer(
            _against_zero, "This compares with always guessing 0. Compare with always guessing the mean."
        ),
        "different divisors": WrongAnswer(
            _different_divisors, "One sum is divided by n here, and the other by n - 1. Take both as sums."
        ),
        "spread over left": WrongAnswer(_spread_over_left, "The fraction is upside down: what is left stands above."),
    },
)


def best_method(costs, rates):
    def seconds(method):
        return sum(amount * rate for amount, rate in zip(costs[method], rates, strict=True))

    return min(costs, key=seconds)


def _seconds(amounts: Sequence[float], rates: Sequence[float]) -> float:
    return sum(amount * rate for amount, rate in zip(amounts, rates, strict=True))


def _slowest(costs, rates):
    return max(costs, key=lambda method: _seconds(costs[method], rates))


def _fewest_operations(costs, rates):
    return min(costs, key=lambda method: costs[method][1] + costs[method][2])


def _fewest_passes(costs, rates):
    return min(costs, key=lambda method: costs[method][0])


def _free_passes(costs, rates):
    return min(costs, key=lambda method: _seconds(costs[method][1:], rates[1:]))


def _free_attention(costs, rates):
    return min(costs, key=lambda method: _seconds(costs[method][:2], rates[:2]))


def _one_rate(costs, rates):
    return min(costs, key=lambda method: sum(costs[method]))


def _the_seconds(costs, rates):
    return min(_seconds(amounts, rates) for amounts in costs.values())


def _the_index(costs, rates):
    return [*costs].index(best_method(costs, rates))


def _judge_method(returned: Any, expected: str, costs: dict[str, tuple[int, int, int]], rates: Any) -> str | None:
    if not isinstance(returned, str):
        return f"The name of a method is asked for: one of {', '.join(costs)}."
    if returned not in costs:
        return f"{returned!r} is none of the methods: {', '.join(costs)}."
    if returned == expected:
        return None
    took = [_seconds(costs[method], rates) for method in (returned, expected)]
    return f"By these rates {returned} takes {took[0]} seconds, and {expected} {took[1]}."


def _machines(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield {"one_by_one": (9, 5, 1), "prepacked": (1, 6, 1)}, (1, 1, 1)
    yield {"one_by_one": (2, 5, 1), "prepacked": (1, 7, 9)}, (1, 2, 2)
    yield {"one_by_one": (6, 4, 1), "prepacked": (1, 5, 3)}, (1, 1, 9)
    yield {"full_batching": (1, 40, 9), "padding_free": (1, 20, 1)}, (9, 2, 5)
    names = ("one_by_one", "full_batching", "length_ordered", "prepacked", "padding_free")
    while True:
        costs = {name: (draw.randint(1, 30), draw.randint(20, 90), draw.randint(1, 60)) for name in names}
        rates = draw.choice(((20, 1, 1), (1, 1, 9), (9, 4, 1), (1, 3, 3), (2, 9, 20)))
        seconds = sorted(_seconds(costs[name], rates) for name in names)
        if seconds[0] < seconds[1]:  # else two answers are right
            yield costs, rates


BEST_METHOD = Exercise(
    key="08-best",
    title="Choose the method before you run it",
    minutes=8,
    level="challenge",
    task="`costs` maps each method's name to three amounts: (passes, operations of the linear layers, operations of "
    "attention). `rates` are the seconds that one of each takes: (a, b, c). Return the name of the method that "
    "will be the fastest.",
    stub="""
        def seconds(method):
            return ...  # from costs[method] and rates

        return ...  # the name of the method that takes the least seconds
    """,
    reference=best_method,
    cases=lambda draw: islice(_machines(draw), 40),
    judge=_judge_method,
    hints=(
        "The seconds of a method: each amount times its rate, added up.",
        "`sum(amount * rate for amount, rate in zip(costs[method], rates))`.",
        "`min(costs, key=...)` goes through the names and returns the one whose key is least.",
    ),
    wrong={
        "the slowest": WrongAnswer(_slowest, "This is the slowest. The fastest takes the fewest seconds."),
        "fewest operations": WrongAnswer(
            _fewest_operations,
            "This has the fewest operations. But an operation of attention may take longer, and passes cost.",
        ),
        "fewest passes": WrongAnswer(
            _fewest_passes, "This has the fewest passes. Their operations take time, too: add up all three."
        ),
        "passes for nothing": WrongAnswer(
            _free_passes, "This leaves out what a pass costs by itself. Many small passes are slow for that reason."
        ),
        "attention for nothing": WrongAnswer(
            _free_attention, "This leaves out attention, the third amount and the third rate."
        ),
        "one rate for all": WrongAnswer(
            _one_rate, "This adds passes and operations as they are. Multiply each amount by its own rate first."
        ),
        "the seconds": WrongAnswer(_the_seconds, "These are the seconds of the fastest. Return its name."),
        "the index": WrongAnswer(_the_index, "This is the place of the fastest among the methods. Return its name."),
    },
)


QUIZZES = (
    Quiz(
        "08-outlier",
        "Fifteen prompts have 40 tokens, and a sixteenth has 640. You take the long one out of the batch. The gain of "
        "packing the other fifteen is …",
        (
            Answer("larger", False, "Without the long one all have the same length: nothing is padded any more."),
            Answer("the same", False, "Sixteen prompts fitted into two rows. Fifteen equal ones need fifteen."),
            Answer("gone", True, "Equal prompts waste nothing. It was the long one that made the others pad."),
        ),
    ),
    Quiz(
        "08-unseen",
        "A line fits twelve batches with R² = 0.98. On batches of another workload its R² is 0.2, and yet no "
        "prediction is off by more than a twentieth. How can that be?",
        (
            Answer("The line is useless there", False, "Off by a twentieth is close. R² says something else here."),
            Answer(
                "Those batches hardly differ",
                True,
                "R² compares with guessing their mean. Where all gains are alike, that guess is hard to beat.",
            ),
            Answer("R² was computed wrongly", False, "It may be quite right: it is relative to how the gains spread."),
        ),
    ),
    Quiz(
        "08-limit",
        "A forward pass over a single token takes as long as one over eight. What may be the limit?",
        (
            Answer("Arithmetic", False, "Then eight tokens would take eight times as long."),
            Answer(
                "Memory, and nothing else",
                False,
                "All weights are read once, for one token or for eight. But something else is done once a pass, too.",
            ),
            Answer(
                "Memory, or launching",
                True,
                "Both are paid once a pass, whatever is in it. To know which, compare with the bytes of the weights.",
            ),
        ),
    ),
)
