"""Exercise 01-waste: the share of padding in a batch."""

from __future__ import annotations

from prepack_lab.course.exercises.cases import lengths_alone
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number


def padding_share(lengths):
    slots = len(lengths) * max(lengths)
    return (slots - sum(lengths)) / slots


def _tokens_share(lengths):
    return sum(lengths) / (len(lengths) * max(lengths))


def _padding_per_token(lengths):
    return (len(lengths) * max(lengths) - sum(lengths)) / sum(lengths)


def _padding_slots(lengths):
    return len(lengths) * max(lengths) - sum(lengths)


def _first_is_longest(lengths):
    slots = len(lengths) * lengths[0]
    return (slots - sum(lengths)) / slots


PADDING_SHARE = Exercise(
    key="01-waste",
    title="The share of padding",
    minutes=3,
    level="warm-up",
    task="Given the `lengths` of the prompts in a batch, return the share of its slots that are padding, from 0 to 1.",
    reference=padding_share,
    cases=lengths_alone,
    judge=number,
    hints=(
        "A batch is a rectangle: how many rows, and how wide?",
        "The rows are as many as the prompts, and as wide as the longest: `len(lengths) * max(lengths)` slots.",
        "The tokens are `sum(lengths)`. All slots that hold no token are padding.",
    ),
    wrong={
        "the tokens' share": WrongAnswer(_tokens_share, "This is the share of the tokens. Padding is the rest."),
        "padding per token": WrongAnswer(
            _padding_per_token, "You divide by the tokens. The share is of all slots, padding included."
        ),
        "padding slots": WrongAnswer(
            _padding_slots, "This is how many slots are padding. Divide by all slots to have the share."
        ),
        "the first is the longest": WrongAnswer(
            _first_is_longest, "You take the first prompt for the longest. Any prompt can be the longest."
        ),
    },
)
