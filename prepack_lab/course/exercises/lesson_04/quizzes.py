"""The questions of lesson 04."""

from __future__ import annotations

from prepack_lab.course.exercises.quiz import Answer, Quiz

QUIZZES = (
    Quiz(
        "04-rounding",
        "Packed float32 logits are not to the last bit those of each prompt alone. Why?",
        (
            Answer("Packing is an approximation", False, "Every prompt sees the same tokens at the same positions."),
            Answer("Sums are rounded in another order", True, "A batch of another shape adds in another order."),
            Answer("Prompts leak a little", False, "A leak is never this small: see below how large it is."),
        ),
    ),
    Quiz(
        "04-padded",
        "In bfloat16 a padded batch gives some prompts another next token than alone. Packing …",
        (
            Answer("must be worse", False, "Nothing makes it worse: it rounds as often as the padded batch does."),
            Answer("has the same trouble, no more", True, "Every batch rounds in its own order, padded or not."),
            Answer("never does", False, "It may: where two tokens are nearly as likely, rounding decides."),
        ),
    ),
    Quiz(
        "04-trap",
        "You pass restarted position ids to a model, with its usual cache. What happens?",
        (
            Answer("It keeps the prompts apart", False, "Only without a cache and a mask does it look for restarts."),
            Answer("It raises an error", False, "That would be kind. It runs, and returns logits."),
            Answer("Prompts leak without a word", True, "With a cache, transformers builds the plain causal mask."),
        ),
    ),
)
