"""Exercise 07-windows: prompts sorted within windows only."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.cases import few_lengths
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number


def slots_in_windows(lengths, batch_size, window):
    slots = 0
    for first in range(0, len(lengths), window):
        near = sorted(lengths[first : first + window])
        for start in range(0, len(near), batch_size):
            batch = near[start : start + batch_size]
            slots += len(batch) * max(batch)
    return slots


def _sorts_all(lengths, batch_size, window):
    return slots_in_windows(lengths, batch_size, len(lengths))


def _sorts_nothing(lengths, batch_size, window):
    return slots_in_windows(lengths, batch_size, batch_size)


def _one_batch_a_window(lengths, batch_size, window):
    return slots_in_windows(lengths, window, window)


def _sorts_batches_only(lengths, batch_size, window):
    slots = 0
    for first in range(0, len(lengths), window):
        near = lengths[first : first + window]
        for start in range(0, len(near), batch_size):
            batch = sorted(near[start : start + batch_size])
            slots += len(batch) * batch[-1]
    return slots


def _full_batches(lengths, batch_size, window):
    slots = 0
    for first in range(0, len(lengths), window):
        near = sorted(lengths[first : first + window])
        for start in range(0, len(near), batch_size):
            slots += batch_size * max(near[start : start + batch_size])
    return slots


def _cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [1], 1, 1
    yield [2, 9, 3], 2, 3
    yield [9, 1, 8, 2], 2, 4
    yield [9, 1, 8, 2, 7, 3], 2, 4
    for lengths in few_lengths(draw):
        batch_size = draw.randint(1, 3)
        yield lengths, batch_size, batch_size * draw.randint(1, 3) + draw.randint(0, 1)


SLOTS_IN_WINDOWS = Exercise(
    key="07-windows",
    title="Sorted within windows",
    minutes=8,
    level="challenge",
    task="Prompts of these `lengths` come one after another. Take `window` of them at a time, sort them by length, cut "
    "what you sorted into batches of `batch_size`, and pad each batch to its own longest. A batch never crosses a "
    "window; the last batch and the last window may be smaller. Return the slots in all.",
    reference=slots_in_windows,
    cases=_cases,
    judge=number,
    hints=(
        "Two loops: over windows, `range(0, len(lengths), window)`, and within each over its batches.",
        "Sort the slice of a window: `near = sorted(lengths[first : first + window])`, then cut `near`.",
        "A batch computes `len(batch) * max(batch)` slots.",
    ),
    wrong={
        "sorts all": WrongAnswer(_sorts_all, "You sort all prompts. Only those of one window are known at a time."),
        "sorts nothing": WrongAnswer(_sorts_nothing, "You never sort across batches. Sort a window, then cut it."),
        "one batch a window": WrongAnswer(
            _one_batch_a_window, "You run a window as one batch. Cut it into batches of `batch_size`."
        ),
        "sorts each batch": WrongAnswer(
            _sorts_batches_only, "You sort within a batch, which changes nothing. Sort the window before you cut it."
        ),
        "full batches": WrongAnswer(
            _full_batches, "You count every batch as full. The last one of a window may be smaller."
        ),
    },
)
