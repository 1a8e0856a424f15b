"""Exercise 02-bound: fewer bins there can't be."""

from __future__ import annotations

from prepack_lab.course.exercises.cases import lengths_and_capacity
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number


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
