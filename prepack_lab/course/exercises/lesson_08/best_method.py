"""Exercise 08-best: the fastest method, by a cost model."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer


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
    task="`costs` maps the name of each method to three amounts: forward passes, operations of the linear layers, "
    "operations of attention. `rates` are the seconds that one of each takes on this machine. Return the name of the "
    "method that will be the fastest.",
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
