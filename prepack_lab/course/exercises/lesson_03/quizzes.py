"""The questions of lesson 03."""

from __future__ import annotations

from prepack_lab.course.exercises.quiz import Answer, Quiz

QUIZZES = (
    Quiz(
        "03-leak",
        "Two prompts share a row, and there is only the usual causal mask. Whose answer is wrong?",
        (
            Answer("That of the first prompt", False, "It lies before the other, so it sees itself only."),
            Answer("That of the second prompt", True, "It sees all earlier tokens of the row: the first prompt, too."),
            Answer("Nobody's", False, "The second prompt reads the first as if it were the beginning of its text."),
        ),
    ),
    Quiz(
        "03-rotary",
        "With the mask but without restart positions, a rotary model gives the right logits. Why?",
        (
            Answer("It ignores positions", False, "It needs them: they give it the order of the tokens."),
            Answer(
                "Only distances inside a prompt count",
                True,
                "All positions of a prompt are shifted by one number, and distances between its tokens stay.",
            ),
            Answer("The mask restarts them", False, "A mask hides tokens. Positions are given apart from it."),
        ),
    ),
    Quiz(
        "03-boolean",
        "A boolean mask is right with one attention and silently wrong with another. Because …",
        (
            Answer("it is not causal", False, "It may well be. What matters is how it is used."),
            Answer(
                "one applies it and the other adds it",
                True,
                "Eager attention adds the mask to the scores. True becomes 1, False 0, and nothing is hidden.",
            ),
            Answer("booleans take too much memory", False, "They take less than numbers, and that changes no result."),
        ),
    ),
)
