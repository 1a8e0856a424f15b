"""The questions of lesson 10."""

from __future__ import annotations

from prepack_lab.course.exercises.quiz import Answer, Quiz

QUIZZES = (
    Quiz(
        "10-longer",
        "A workload has the same shape as another, but every prompt is ten times as long. Its k/r is …",
        (
            Answer("ten times as large", False, "Tokens and capacity both grow by ten: as many prompts share a row."),
            Answer("the same", True, "The longest prompt grows like the others. Rows only ask how unequal they are."),
            Answer("a tenth", False, "The prompts are longer, and so are the rows that hold them."),
        ),
    ),
    Quiz(
        "10-seats",
        "All requests are there from the start. When does continuous batching need as many steps as static batches?",
        (
            Answer(
                "When there are many seats", False, "More seats make it likelier that one of them has a long answer."
            ),
            Answer(
                "When all answers are equally long", True, "Then a batch ends all at once, and no seat stays empty."
            ),
            Answer("When all prompts are equally long", False, "Prompts decide about padding; answers about seats."),
        ),
    ),
    Quiz(
        "10-budget",
        "You halve the budget of chunked prefill. Who waits longer?",
        (
            Answer("Those who write", False, "Their steps become shorter, and so do their pauses."),
            Answer(
                "Those whose prompt is read",
                True,
                "It takes twice as many steps, and each one reads all weights, and the cache of the chunks before.",
            ),
            Answer("Nobody: it is the same work", False, "The tokens are the same. The weights are read once a step."),
        ),
    ),
    Quiz(
        "10-scores",
        "You score 100,000 exam questions, all there from the start, one token each, with a model in transformers. "
        "What helps most?",
        (
            Answer(
                "Continuous batching", False, "Every answer is one step, so all leave at once. No seat stays empty."
            ),
            Answer("A paged cache", False, "Nothing is written after the first token, so no cache grows."),
            Answer("Packing", True, "All of the work is prefill, and all of the waste is padding."),
        ),
    ),
)
