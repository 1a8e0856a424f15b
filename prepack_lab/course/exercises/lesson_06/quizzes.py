"""The questions of lesson 06."""

from __future__ import annotations

from prepack_lab.course.exercises.quiz import Answer, Quiz

QUIZZES = (
    Quiz(
        "06-logits",
        "A script keeps the logits of all slots, and uses those after each prompt. What does it waste?",
        (
            Answer("Nothing, they are computed anyway", False, "The head can take the last slots only."),
            Answer("Memory for a whole vocabulary at every slot", True, "Often more than cache and mask together."),
            Answer("Only time", False, "Time as well, but a vocabulary of numbers at every slot is mostly memory."),
        ),
    ),
    Quiz(
        "06-wall",
        "Full batching fits 300 prompts. One more has ten thousand tokens. How many does it fit now?",
        (
            Answer("301", False, "All others are padded to ten thousand tokens as well."),
            Answer("Far fewer than 300", True, "The longest prompt sets the width of every row."),
            Answer("300, and one left over", False, "The one that is left over is just the one that must be run."),
        ),
    ),
    Quiz(
        "06-free",
        "Which part of the memory does packing not touch?",
        (
            Answer("The weights", True, "They are the same whatever is run; they are a floor under every method."),
            Answer("The cache", False, "It holds the slots that were computed: fewer of them when packed."),
            Answer("The activations", False, "They grow with the slots of a pass, too."),
        ),
    ),
)
