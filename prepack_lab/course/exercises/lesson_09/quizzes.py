"""The questions of lesson 09."""

from __future__ import annotations

from prepack_lab.course.exercises.quiz import Answer, Quiz

QUIZZES = (
    Quiz(
        "09-restart",
        "A Llama's rows are run with the packed mask, but the positions run on through the row. When does it show?",
        (
            Answer("In the logits after the prompts", False, "There only distances count, and those are the same."),
            Answer(
                "From the first decoded token on",
                True,
                "The next token stands at its own prompt's position, and the keys in its cache at the row's.",
            ),
            Answer("Never", False, "The distance between the next token and its own prompt is wrong."),
        ),
    ),
    Quiz(
        "09-gain",
        "Prompts of 500 tokens and answers of 2 tokens, or prompts of 5 tokens and answers of 500: where does "
        "prepacking save a larger share of the time?",
        (
            Answer(
                "Long prompts, short answers", True, "Nearly all of the time is prefill, and packing speeds that up."
            ),
            Answer("Short prompts, long answers", False, "Nearly all of the time is decoding, which stays as it was."),
            Answer("The same share in both", False, "It saves at the prefill only, and that is a different share."),
        ),
    ),
    Quiz(
        "09-memory",
        "Eight prompts lie in two rows: one long prompt in the first, seven short ones in the second. A hundred "
        "tokens are decoded for each, in the rows. What happens to the first row?",
        (
            Answer("It grows by 100 slots", False, "Rows are equally wide, and the second one needs seven a step."),
            Answer("It grows by 700 slots", True, "As many as the second row needs. Six of seven are padding."),
            Answer("It stays", False, "Its prompt gets new tokens, too, and their keys and values are kept."),
        ),
    ),
)
