"""Exercise 01-order: an order of the prompts that pads least."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prepack_lab.course.exercises.cases import lengths_alone
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.lesson_01.slots_in_batches import slots_in_batches


def best_order(lengths):
    return sorted(range(len(lengths)), key=lambda prompt: lengths[prompt])


def _sorted_lengths(lengths):
    return sorted(lengths)


def _unchanged(lengths):
    return [*range(len(lengths))]


def _drops_equals(lengths):
    return [lengths.index(length) for length in sorted(lengths)]


def _slots_of(order: Sequence[int], lengths: Sequence[int], batch_size: int) -> int:
    return slots_in_batches([lengths[prompt] for prompt in order], batch_size)


def _judge_order(returned: Any, expected: list[int], lengths: Sequence[int]) -> str | None:
    if not isinstance(returned, list):
        return f"A list of prompt indices is asked for, and a {type(returned).__name__} came back."
    if sorted(returned) != [*range(len(lengths))]:
        if sorted(returned) == sorted(lengths):
            return "These are the lengths, sorted. The order names prompts: 0 is the first prompt."
        missing = [prompt for prompt in range(len(lengths)) if prompt not in returned]
        return (
            f"Prompt {missing[0]} of length {lengths[missing[0]]} is not in it."
            if missing
            else "An index is no prompt."
        )
    for batch_size in range(1, len(lengths) + 1):
        if len(lengths) % batch_size == 0:
            yours, least = (_slots_of(order, lengths, batch_size) for order in (returned, expected))
            if yours > least:
                return f"In batches of {batch_size} your order computes {yours} slots, and {least} are possible."
    return None


BEST_ORDER = Exercise(
    key="01-order",
    title="An order that pads least",
    minutes=6,
    level="core",
    task="Given `lengths`, return the prompts' indices in an order in which batches waste little: prompts of like "
    "length beside each other. Each prompt must be there once.",
    reference=best_order,
    cases=lengths_alone,
    judge=_judge_order,
    hints=(
        "Sorting brings prompts of like length together. But sort the indices, not the lengths.",
        "`sorted(..., key=...)` sorts by whatever `key` returns for each item.",
        "The items are `range(len(lengths))`, and the key of prompt i is `lengths[i]`.",
    ),
    wrong={
        "sorted lengths": WrongAnswer(_sorted_lengths, "Sort the indices by length, not the lengths."),
        "the order given": WrongAnswer(
            _unchanged, "This is the order given: long and short prompts still share batches."
        ),
        "equal lengths are one prompt": WrongAnswer(
            _drops_equals, "`index` always finds the first of equal lengths, so the others vanish."
        ),
    },
)
