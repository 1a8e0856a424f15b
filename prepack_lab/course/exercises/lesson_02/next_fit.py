"""Exercise 02-next-fit: never look back."""

from __future__ import annotations

from prepack_lab.course.exercises.cases import lengths_and_capacity
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import packed
from prepack_lab.course.exercises.lesson_02.first_fit import first_fit


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
    task="Take the prompts in the order given. Put each into the bin that was opened last, if it fits there, and else "
    "into a new bin. Given `lengths` and `capacity`, return the bins as lists of prompt indices.",
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
