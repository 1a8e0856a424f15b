"""The questions of lesson 08."""

from __future__ import annotations

from prepack_lab.course.exercises.quiz import Answer, Quiz

QUIZZES = (
    Quiz(
        "08-outlier",
        "Fifteen prompts have 40 tokens, and a sixteenth has 640. You take the long one out of the batch. The gain of "
        "packing the other fifteen is …",
        (
            Answer("larger", False, "Without the long one all have the same length: nothing is padded any more."),
            Answer("the same", False, "Sixteen prompts fitted into two rows. Fifteen equal ones need fifteen."),
            Answer("gone", True, "Equal prompts waste nothing. It was the long one that made the others pad."),
        ),
    ),
    Quiz(
        "08-unseen",
        "A line fits twelve batches with R² = 0.98. On batches of another workload its R² is 0.2, and yet no "
        "prediction is off by more than a twentieth. How can that be?",
        (
            Answer("The line is useless there", False, "Off by a twentieth is close. R² says something else here."),
            Answer(
                "Those batches hardly differ",
                True,
                "R² compares with guessing their mean. Where all gains are alike, that guess is hard to beat.",
            ),
            Answer("R² was computed wrongly", False, "It may be quite right: it is relative to how the gains spread."),
        ),
    ),
    Quiz(
        "08-limit",
        "A forward pass over a single token takes nearly as long as one over eight. What limits it?",
        (
            Answer("Arithmetic", False, "Then eight tokens would take eight times as long."),
            Answer(
                "Memory traffic",
                True,
                "All weights are read once, for one token or for eight. That reading is what takes the time.",
            ),
            Answer("Padding", False, "There is none in either of them."),
        ),
    ),
)
