"""The questions of lesson 01."""

from __future__ import annotations

from prepack_lab.course.exercises.quiz import Answer, Quiz

QUIZZES = (
    Quiz(
        "01-grows",
        "You double the batch size, and the prompts come from the same workload. The share of padding …",
        (
            Answer("grows", True, "The longest of many prompts is longer than the longest of few; the mean stays."),
            Answer("stays", False, "The mean length stays, but all are padded to the longest, and that one grows."),
            Answer("shrinks", False, "A larger batch has more tokens, but even more slots: each row grows, too."),
        ),
    ),
    Quiz(
        "01-none",
        "When does a padded batch waste nothing?",
        (
            Answer("When the prompts are short", False, "Short prompts of unequal length are padded, too."),
            Answer("When all prompts have one length", True, "Then all are as long as the longest."),
            Answer("When the batch is large", False, "A large batch is more likely to hold one very long prompt."),
        ),
    ),
    Quiz(
        "01-attention",
        "Twice as wide a batch, with the same rows. The masked attention over its slots costs …",
        (
            Answer("twice as much", False, "That is what the linear layers cost: they treat each slot by itself."),
            Answer("four times as much", True, "Every slot is compared with every slot of its row."),
            Answer("the same, padding is masked", False, "A mask hides scores after they were computed."),
        ),
    ),
)
