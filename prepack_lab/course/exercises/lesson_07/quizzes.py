"""The questions of lesson 07."""

from __future__ import annotations

from prepack_lab.course.exercises.quiz import Answer, Quiz

QUIZZES = (
    Quiz(
        "07-longest",
        "An evaluation program sorts its prompts and begins with the longest. What is that good for?",
        (
            Answer("It pads less than beginning with the shortest", False, "The batches are the same, turned round."),
            Answer(
                "If a batch does not fit the memory, it fails at once",
                True,
                "The first batch is the largest. And the time that is left is never underestimated.",
            ),
            Answer("The first answers come sooner", False, "They come later: the longest batch takes the longest."),
        ),
    ),
    Quiz(
        "07-tail",
        "One prompt of a dataset has 1,000 tokens, all others about 100. You pack all of them first. What is lost?",
        (
            Answer(
                "Nothing: there is hardly any padding", False, "Slots are few, but look at attention: rows are long."
            ),
            Answer(
                "Attention computes 1,000 × 1,000 pairs in every row, and hides most of them",
                True,
                "The longest prompt of all sets the width of all rows. A smaller batch keeps that to its own rows.",
            ),
            Answer("The other prompts get wrong answers", False, "The mask keeps them apart, however long the row is."),
        ),
    ),
    Quiz(
        "07-chat",
        "Which method can a chat service use that must answer in the order in which prompts come, without delay?",
        (
            Answer("Length-ordered batching", False, "It has to know all lengths before it can sort them."),
            Answer("Dataset prepacking", False, "It packs all prompts first, so it waits for the last one."),
            Answer(
                "Prepacking or padding-free, on what waits just now",
                True,
                "Both take a batch as it comes, and pad little whatever is in it.",
            ),
        ),
    ),
)
