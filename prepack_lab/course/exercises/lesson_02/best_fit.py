"""Exercise 02-best-fit: the fullest bin with room."""

from __future__ import annotations

from prepack_lab.course.exercises.cases import lengths_and_capacity
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import packed
from prepack_lab.course.exercises.lesson_02.first_fit import first_fit


def best_fit(lengths, capacity):
    bins, free = [], []
    for prompt, length in enumerate(lengths):
        fitting = [index for index, room in enumerate(free) if length <= room]
        if not fitting:
            bins.append([])
            free.append(capacity)
            fitting = [len(bins) - 1]
        index = min(fitting, key=lambda index: free[index])
        bins[index].append(prompt)
        free[index] -= length
    return bins


def _worst_fit(lengths, capacity):
    bins, free = [], []
    for prompt, length in enumerate(lengths):
        fitting = [index for index, room in enumerate(free) if length <= room]
        if not fitting:
            bins.append([])
            free.append(capacity)
            fitting = [len(bins) - 1]
        index = max(fitting, key=lambda index: free[index])
        bins[index].append(prompt)
        free[index] -= length
    return bins


BEST_FIT = Exercise(
    key="02-best-fit",
    title="Best fit",
    minutes=8,
    level="core",
    task="Take the prompts in the order given. Put each into the bin where it leaves the least room, and into a new "
    "bin where it fits into none. Of bins with equal room, take the first. Given `lengths` and `capacity`, return the "
    "bins as lists of prompt indices.",
    reference=best_fit,
    cases=lengths_and_capacity,
    judge=packed,
    hints=(
        "Collect the bins with room: `[i for i, room in enumerate(free) if length <= room]`. Where there are none, "
        "open one.",
        "`min(fitting, key=lambda index: free[index])` is the fullest of them.",
    ),
    wrong={
        "worst fit": WrongAnswer(
            _worst_fit, "This is worst fit: you take the bin with the most room. Take the one with the least that fits."
        ),
        "first fit": WrongAnswer(first_fit, "This is first fit: you take the first bin with room, not the fullest."),
    },
)
