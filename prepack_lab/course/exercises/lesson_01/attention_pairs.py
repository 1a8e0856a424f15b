"""Exercise 01-attention: what attention computes in vain."""

from __future__ import annotations

from prepack_lab.course.exercises.cases import lengths_alone
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number


def attention_pairs(lengths):
    computed = len(lengths) * max(lengths) ** 2
    needed = sum(length * (length + 1) // 2 for length in lengths)
    return computed / needed


def _pairs_not_causal(lengths):
    return len(lengths) * max(lengths) ** 2 / sum(length**2 for length in lengths)


def _pairs_not_squared(lengths):
    return len(lengths) * max(lengths) / sum(lengths)


def _pairs_not_oneself(lengths):
    needed = sum(length * (length - 1) // 2 for length in lengths)
    return len(lengths) * max(lengths) ** 2 / needed


ATTENTION_PAIRS = Exercise(
    key="01-attention",
    title="What attention computes in vain",
    minutes=8,
    level="challenge",
    task="In a padded batch attention computes a score for every pair of slots in a row: rows × width × width. Needed "
    "is a score for each token with itself, and with every earlier token of its prompt. Given `lengths`, return how "
    "many times as many are computed as are needed.",
    reference=attention_pairs,
    cases=lengths_alone,
    judge=number,
    hints=(
        "Computed: `len(lengths) * max(lengths) ** 2`.",
        "Needed by a prompt of 3 tokens: 1 + 2 + 3.",
        "1 + 2 + … + n is n · (n + 1) / 2.",
    ),
    wrong={
        "all pairs": WrongAnswer(
            _pairs_not_causal, "You count all pairs of a prompt. A token looks at earlier ones and itself: about half."
        ),
        "slots against tokens": WrongAnswer(
            _pairs_not_squared, "This compares slots with tokens. Attention compares every slot with every slot."
        ),
        "without oneself": WrongAnswer(_pairs_not_oneself, "You leave out that a token looks at itself, too."),
    },
)
