"""Exercise 02-ffd: the paper's packing."""

from __future__ import annotations

from prepack_lab.course.exercises.cases import lengths_and_capacity
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import packed
from prepack_lab.course.exercises.lesson_02.first_fit import first_fit
from prepack_lab.course.exercises.lesson_02.next_fit import next_fit


def first_fit_decreasing(lengths, capacity):
    longest_first = sorted(range(len(lengths)), key=lambda prompt: -lengths[prompt])
    bins, free = [], []
    for prompt in longest_first:
        index = next((place for place, room in enumerate(free) if lengths[prompt] <= room), len(bins))
        if index == len(bins):
            bins.append([])
            free.append(capacity)
        bins[index].append(prompt)
        free[index] -= lengths[prompt]
    return bins


def _increasing(lengths, capacity):
    order = sorted(range(len(lengths)), key=lambda prompt: lengths[prompt])
    packed = first_fit([lengths[prompt] for prompt in order], capacity)
    return [[order[place] for place in members] for members in packed]


def _next_fit_decreasing(lengths, capacity):
    order = sorted(range(len(lengths)), key=lambda prompt: -lengths[prompt])
    packed = next_fit([lengths[prompt] for prompt in order], capacity)
    return [[order[place] for place in members] for members in packed]


def _indices_of_the_sorted(lengths, capacity):
    return first_fit(sorted(lengths, reverse=True), capacity)


FIRST_FIT_DECREASING = Exercise(
    key="02-ffd",
    title="First-fit decreasing",
    minutes=12,
    level="core",
    task="Take the longest prompt first; of equals, the one with the smaller index. Put each into the first bin that "
    "has room, and else into a new bin. Given `lengths` and `capacity`, return the bins as lists of prompt indices.",
    reference=first_fit_decreasing,
    cases=lengths_and_capacity,
    judge=packed,
    hints=(
        "Sort the indices: `sorted(range(len(lengths)), key=lambda prompt: -lengths[prompt])`.",
        "Keep how much is free in every bin, in a list beside the bins.",
        "`next((i for i, room in enumerate(free) if lengths[prompt] <= room), len(bins))`: the first with "
        "room, or a new one.",
    ),
    wrong={
        "the order given": WrongAnswer(
            first_fit, "This is first fit in the order given. Sort first: the longest prompt goes first."
        ),
        "shortest first": WrongAnswer(_increasing, "You begin with the shortest. The longest goes first."),
        "next fit": WrongAnswer(
            _next_fit_decreasing, "You look into the last bin only. First fit tries every bin, from the first on."
        ),
        "places in the sorted list": WrongAnswer(
            _indices_of_the_sorted, "These are places in the sorted list. Name the prompts by their own index."
        ),
    },
)
