"""Lesson 08, predicting the gain."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.cases import lengths_alone
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number, numbers
from prepack_lab.course.exercises.quiz import Answer, Quiz


def most_gain(lengths):
    fewest_rows = -(-sum(lengths) // max(lengths))
    return len(lengths) / fewest_rows


def _upside_down(lengths):
    return -(-sum(lengths) // max(lengths)) / len(lengths)


def _broken_rows(lengths):
    return len(lengths) * max(lengths) / sum(lengths)


def _rounded_down(lengths):
    return len(lengths) / (sum(lengths) // max(lengths))


def _tokens(lengths):
    return sum(lengths) / -(-sum(lengths) // max(lengths))


MOST_GAIN = Exercise(
    key="08-most",
    title="The most that packing can gain",
    minutes=4,
    level="warm-up",
    task="A row holds as many tokens as the longest prompt has. Given `lengths`, find the fewest rows there can be, "
    "and return the largest k/r that any packing can reach.",
    stub="""
        fewest_rows = ...
        return ...  # prompts over rows
    """,
    reference=most_gain,
    cases=lengths_alone,
    judge=number,
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
            _broken_rows, "You don't round. The last row is computed whole, even if half empty."
        ),
        "rounded down": WrongAnswer(_rounded_down, "You round down. Tokens that are left over need a row, too."),
        "tokens": WrongAnswer(_tokens, "These are the tokens in a row. k/r counts prompts."),
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
    task="Find the line y = intercept + slope · x for which the squared errors in y add up to the least. Given the "
    "lists `x` and `y`, return (intercept, slope). It is worth doing once by hand.",
    stub="""
        mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
        slope = ...
        return mean_y - slope * mean_x, slope  # the line goes through the means
    """,
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


def best_method(costs, rates):
    def seconds(method):
        return sum(amount * rate for amount, rate in zip(costs[method], rates, strict=True))

    return min(costs, key=seconds)


def _slowest(costs, rates):
    return max(costs, key=lambda method: sum(a * r for a, r in zip(costs[method], rates, strict=True)))


def _fewest_operations(costs, rates):
    return min(costs, key=lambda method: costs[method][1] + costs[method][2])


def _free_passes(costs, rates):
    return min(costs, key=lambda method: costs[method][1] * rates[1] + costs[method][2] * rates[2])


def _one_rate(costs, rates):
    return min(costs, key=lambda method: sum(costs[method]) * sum(rates))


def _the_seconds(costs, rates):
    return min(sum(a * r for a, r in zip(amounts, rates, strict=True)) for amounts in costs.values())


def _judge(returned: Any, expected: str, costs: dict[str, tuple[int, int, int]], rates: Any) -> str | None:
    if not isinstance(returned, str):
        return f"The name of a method is asked for, and a {type(returned).__name__} came back."
    if returned not in costs:
        return f"{returned!r} is none of the methods: {', '.join(costs)}."
    return None if returned == expected else "Another method is predicted to be faster."


def _machines(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield {"one_by_one": (9, 5, 1), "prepacked": (1, 6, 1)}, (1, 1, 1)
    yield {"one_by_one": (2, 5, 1), "prepacked": (1, 7, 9)}, (1, 2, 2)
    yield {"full_batching": (1, 40, 9), "padding_free": (1, 20, 1)}, (9, 2, 5)
    names = ("one_by_one", "full_batching", "length_ordered", "prepacked", "padding_free")
    while True:
        costs = {name: (draw.randint(1, 30), draw.randint(20, 90), draw.randint(1, 60)) for name in names}
        rates = draw.choice(((20, 1, 1), (1, 1, 9), (9, 4, 1), (1, 3, 3), (2, 9, 20)))
        seconds = sorted(sum(a * r for a, r in zip(costs[name], rates, strict=True)) for name in names)
        if seconds[0] < seconds[1]:  # else two answers are right
            yield costs, rates


def _cases(draw: Random) -> list[tuple[Any, ...]]:
    machines = _machines(draw)
    return [next(machines) for _ in range(40)]


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

        return min(costs, key=len)  # the shortest name: choose by seconds instead
    """,
    reference=best_method,
    cases=_cases,
    judge=_judge,
    hints=(
        "The seconds of a method: each amount times its rate, added up.",
        "`sum(amount * rate for amount, rate in zip(costs[method], rates))`.",
        "`min(costs, key=...)` goes through the names and returns the one whose key is least.",
    ),
    wrong={
        "the slowest": WrongAnswer(_slowest, "This is the slowest. The fastest takes the fewest seconds."),
        "fewest operations": WrongAnswer(
            _fewest_operations,
            "You choose the fewest operations. An operation of attention may take longer, and passes cost.",
        ),
        "passes for nothing": WrongAnswer(
            _free_passes, "You leave out what a pass costs by itself. Many small passes are slow for that reason."
        ),
        "one rate for all": WrongAnswer(
            _one_rate, "You add passes and operations before weighing them. Multiply each amount by its own rate first."
        ),
        "the seconds": WrongAnswer(_the_seconds, "These are the seconds of the fastest. Return its name."),
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
        "A forward pass over a single token takes nearly as long as one over eight. What limits it?",
        (
            Answer("Arithmetic", False, "Then eight tokens would take eight times as long."),
            Answer(
                "Memory traffic",
                True,
                "All weights are read once, for one token or for eight. That reading is what takes the time.",
            ),
            Answer("Padding", False, "There is none in either of them."),
        ),
    ),
)
