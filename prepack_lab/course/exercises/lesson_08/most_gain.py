"""Exercise 08-most: the most that any packing can gain."""

from __future__ import annotations

from prepack_lab.course.exercises.cases import lengths_alone
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number


def most_gain(lengths):
    fewest_rows = -(-sum(lengths) // max(lengths))
    return len(lengths) / fewest_rows


def _upside_down(lengths):
    return -(-sum(lengths) // max(lengths)) / len(lengths)


def _broken_rows(lengths):
    return len(lengths) * max(lengths) / sum(lengths)


def _rounded_down(lengths):
    return len(lengths) / (sum(lengths) // max(lengths))


def _tokens(lengths):
    return sum(lengths) / -(-sum(lengths) // max(lengths))


MOST_GAIN = Exercise(
    key="08-most",
    title="The most that packing can gain",
    minutes=4,
    level="warm-up",
    task="A row holds as many tokens as the longest prompt has. Given `lengths`, find the fewest rows there can be, "
    "and return the largest k/r that any packing can reach: prompts over rows.",
    reference=most_gain,
    cases=lengths_alone,
    judge=number,
    hints=(
        "How many tokens are there in all, and how many does a row hold?",
        "Rows are whole: divide and round up, with `math.ceil` or `-(-a // b)`.",
        "k is `len(lengths)`. Divide it by the rows.",
    ),
    wrong={
        "upside down": WrongAnswer(
            _upside_down, "This is r/k, the share of the rows that is left. k/r is its inverse."
        ),
        "broken rows": WrongAnswer(
            _broken_rows, "You don't round. The last row is computed whole, even if half empty."
        ),
        "rounded down": WrongAnswer(_rounded_down, "You round down. Tokens that are left over need a row, too."),
        "tokens": WrongAnswer(_tokens, "These are the tokens in a row. k/r counts prompts."),
    },
)
