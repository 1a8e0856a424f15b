"""Lesson 02, bin packing."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.cases import lengths_and_capacity
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number, packed
from prepack_lab.course.exercises.quiz import Answer, Quiz
from prepack_lab.packing import pack

"""First fit in the order given: what several mistakes amount to."""


def first_fit(lengths, capacity):
    bins, free = [], []
    for prompt, length in enumerate(lengths):
        index = next((place for place, room in enumerate(free) if length <= room), len(bins))
        if index == len(bins):
            bins.append([])
            free.append(capacity)
        bins[index].append(prompt)
        free[index] -= length
    return bins


def lower_bound(lengths, capacity):
    return -(-sum(lengths) // capacity)


def _rounded_down(lengths, capacity):
    return sum(lengths) // capacity


def _not_rounded(lengths, capacity):
    return sum(lengths) / capacity


def _one_more(lengths, capacity):
    return sum(lengths) // capacity + 1


LOWER_BOUND = Exercise(
    key="02-bound",
    title="Fewer bins there can't be",
    minutes=4,
    level="warm-up",
    task="Given `lengths` and the `capacity` of a bin, return a number of bins below which nobody can go: all tokens "
    "must fit. Whole bins only.",
    stub="""
        return ...  # your expression
    """,
    reference=lower_bound,
    cases=lengths_and_capacity,
    judge=number,
    hints=(
        "How many tokens are there, and how many does a bin hold?",
        "Divide and round up: `math.ceil`, or `-(-a // b)`.",
    ),
    wrong={
        "rounded down": WrongAnswer(_rounded_down, "You round down. Tokens that are left over need a bin, too."),
        "one more": WrongAnswer(_one_more, "One too many, where the tokens fill the bins to the brim."),
        "not rounded": WrongAnswer(_not_rounded, "There are no broken bins: round up."),
    },
)


def next_fit(lengths, capacity):
    bins, free = [], 0
    for prompt, length in enumerate(lengths):
        if not bins or length > free:
            bins.append([])
            free = capacity
        bins[-1].append(prompt)
        free -= length
    return bins


def _not_to_the_brim(lengths, capacity):
    bins, free = [], 0
    for prompt, length in enumerate(lengths):
        if not bins or length >= free:
            bins.append([])
            free = capacity
        bins[-1].append(prompt)
        free -= length
    return bins


def _holds_lengths(lengths, capacity):
    return [[lengths[prompt] for prompt in members] for members in next_fit(lengths, capacity)]


def _never_a_new_one(lengths, capacity):
    return [[*range(len(lengths))]]


def _forgets_who_opens(lengths, capacity):
    bins, free = [[]], capacity
    for prompt, length in enumerate(lengths):
        if length > free:
            bins.append([])
            free = capacity
        else:
            bins[-1].append(prompt)
            free -= length
    return [members for members in bins if members]


NEXT_FIT = Exercise(
    key="02-next-fit",
    title="Next fit",
    minutes=8,
    level="core",
    task="Take the prompts in the order given. Put each into the bin that was opened last, if it fits there, and "
    "else into a new bin. Given `lengths` and `capacity`, return the bins as lists of prompt indices: `[[0, 2], "
    "[1]]` are two bins, the first with prompts 0 and 2.",
    stub="""
        bins, free = [], 0
        for prompt, length in enumerate(lengths):
            ...  # open a bin where it is needed, and put the prompt into the last one
        return bins
    """,
    reference=next_fit,
    cases=lengths_and_capacity,
    judge=packed,
    hints=(
        "Keep two things: the bins, and how many tokens still fit into the last one.",
        "Before the first prompt there is no bin. Open one when there is none, or when the prompt does not fit.",
        "After placing a prompt, take its length from what is free.",
    ),
    wrong={
        "never to the brim": WrongAnswer(
            _not_to_the_brim, "A prompt that fills a bin to the brim fits: compare with >, not with >=."
        ),
        "lengths in the bins": WrongAnswer(_holds_lengths, "Put the prompt's index into the bin, not its length."),
        "one bin": WrongAnswer(
            _never_a_new_one, "Everything lands in one bin. Open a new one when a prompt does not fit."
        ),
        "who opens a bin is forgotten": WrongAnswer(
            _forgets_who_opens, "The prompt that opens a new bin is not put into it."
        ),
        "first fit": WrongAnswer(
            first_fit, "This is first fit: it looks into earlier bins, too. Next fit never looks back."
        ),
    },
)


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
    "bin where it fits into none. Of bins with equal room, take the first. Given `lengths` and `capacity`, "
    "return the bins as lists of prompt indices.",
    stub="""
        bins, free = [], []  # free[i]: how many tokens still fit into bins[i]
        for prompt, length in enumerate(lengths):
            ...
        return bins
    """,
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
    task="This is the packing that the paper names. Take the longest prompt first; of equals, the one with the "
    "smaller index. Put each into the first bin that has room, and else into a new bin. Given `lengths` and "
    "`capacity`, return the bins as lists of prompt indices.",
    stub="""
        bins, free = [], []
        for prompt in range(len(lengths)):  # in which order?
            ...
        return bins
    """,
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


def beats_first_fit_decreasing():
    return [4, 4, 3, 3, 3, 3], 10  # 4 + 3 + 3 twice; decreasing puts the two fours together


def _judge_beaten(returned: Any, expected: Any) -> str | None:
    lengths, capacity = returned
    if max(lengths) > capacity:
        return f"A prompt of {max(lengths)} tokens fits into no bin of {capacity}."
    theirs = pack(lengths, capacity, "first_fit_decreasing").num_bins
    best = pack(lengths, capacity, "optimal", time_limit=2.0).num_bins
    if best < theirs:
        return None
    return f"First-fit decreasing needs {theirs} bins here, and nobody can do with fewer. Try others."


def _nothing_to_beat():
    return [5, 5, 5, 5], 10


def _too_long():
    return [11, 3], 10


def _without_arguments(draw: Random) -> Iterator[tuple[()]]:
    yield ()


BEAT_IT = Exercise(
    key="02-beat-ffd",
    title="Where first-fit decreasing is not the best",
    minutes=8,
    level="challenge",
    task="Find prompt lengths and a capacity for which first-fit decreasing needs more bins than necessary. Write a "
    "function without arguments that returns `lengths, capacity`.",
    stub="""
        return [5, 5, 5, 5], 10  # change these numbers
    """,
    reference=beats_first_fit_decreasing,
    cases=_without_arguments,
    judge=_judge_beaten,
    hints=(
        "It is greedy: it puts the two longest together where they fit, even if others would fill the bin better.",
        "Look for three numbers that fill a bin exactly, of which the largest fits twice with room to spare.",
        "With a capacity of 10: 4 + 3 + 3 is full, and 4 + 4 leaves two tokens that no 3 can use.",
    ),
    wrong={
        "nothing to beat": WrongAnswer(
            _nothing_to_beat, "Where the tokens fill all bins to the brim, nobody can be better."
        ),
        "a prompt that fits nowhere": WrongAnswer(_too_long, "Each prompt must fit into a bin by itself."),
    },
)


QUIZZES = (
    Quiz(
        "02-order",
        "Why does first fit pack better when the longest prompt comes first?",
        (
            Answer("Sorting makes it faster", False, "Sorting costs time. What it buys is fewer bins."),
            Answer(
                "Short prompts fill the gaps that long ones leave",
                True,
                "A long prompt that comes last finds no gap that is large enough, and opens a bin for itself.",
            ),
            Answer("Bins then hold equally many prompts", False, "The first bin may hold one, the last ten."),
        ),
    ),
    Quiz(
        "02-bound",
        "A packing has as many bins as the lower bound says. What follows?",
        (
            Answer("It can't be improved", True, "No packing has fewer bins than the bound, so this one is the best."),
            Answer("It was found by the exact solver", False, "A simple rule can hit the bound, too, and mostly does."),
            Answer("All bins are full", False, "They may have room: a bound is whole bins, and prompts have sizes."),
        ),
    ),
    Quiz(
        "02-time",
        "A packer looks at every open bin for every prompt. Twice as many prompts take about …",
        (
            Answer("twice as long", False, "There are twice as many prompts, and twice as many bins to look at."),
            Answer("four times as long", True, "Twice the prompts times twice the bins: its time is quadratic."),
            Answer("as long as before", False, "Every prompt must be looked at, at least once."),
        ),
    ),
)
