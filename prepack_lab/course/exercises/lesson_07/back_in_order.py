"""Exercise 07-back: results of sorted prompts, back in the order in which they were asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer


def back_in_order(order, results):
    back = [None] * len(order)
    for prompt, result in zip(order, results, strict=True):
        back[prompt] = result
    return back


def _as_they_came(order, results):
    return list(results)


def _the_other_way(order, results):
    return [results[prompt] for prompt in order]


def _sorted_results(order, results):
    return sorted(results)


def _reversed(order, results):
    return list(reversed(results))


def _cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [0], ["a"]
    yield [1, 0], ["b", "a"]
    yield [2, 0, 1], ["c", "a", "b"]
    yield [1, 2, 0], ["b", "c", "a"]
    for size in range(4, 10):
        order = draw.sample(range(size), size)
        yield order, [draw.randint(100, 999) for _ in order]


def _judge(returned: Any, expected: list[Any], order: Sequence[int], results: Sequence[Any]) -> str | None:
    if not isinstance(returned, list):
        return f"A list is asked for, and a {type(returned).__name__} came back."
    if len(returned) != len(expected):
        return f"There are {len(expected)} prompts, and {len(returned)} results came back."
    if returned == expected:
        return None
    place = next(place for place, (one, right) in enumerate(zip(returned, expected, strict=True)) if one != right)
    return f"Prompt {place} got {returned[place]!r}, which belongs to another one."


BACK_IN_ORDER = Exercise(
    key="07-back",
    title="Back in order",
    minutes=4,
    level="warm-up",
    task="Prompts were run in the order `order`: first prompt `order[0]`, then `order[1]`, and so on. `results` holds "
    "their results as they came. Return a list of the results in the order of the prompts: that of prompt 0 first.",
    reference=back_in_order,
    cases=_cases,
    judge=_judge,
    hints=(
        "The first result belongs to prompt `order[0]`. Where in the answer does it go?",
        "Make a list of the right length, go through `order` and `results` together, and set `back[prompt] = result`.",
    ),
    wrong={
        "as they came": WrongAnswer(_as_they_came, "You return the results as they came. Put each in its place."),
        "the other way round": WrongAnswer(
            _the_other_way, "`results[order[i]]` sorts once more. Result i belongs at place `order[i]`."
        ),
        "sorted results": WrongAnswer(_sorted_results, "You sort the results themselves. Their prompts decide."),
        "reversed": WrongAnswer(_reversed, "You turn the list round. Each result has a place of its own, by `order`."),
    },
)
