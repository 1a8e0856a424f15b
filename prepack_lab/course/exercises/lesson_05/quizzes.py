"""The questions of lesson 05."""

from __future__ import annotations

from prepack_lab.course.exercises.quiz import Answer, Quiz

QUIZZES = (
    Quiz(
        "05-sync",
        "Without waiting for the GPU, a prefill of any size seems to take a millisecond. What was timed?",
        (
            Answer("The GPU is that fast", False, "Then twice the prompts would take twice as long. They do not."),
            Answer("Only the launch of the work", True, "The call returns as soon as the work is queued."),
            Answer("The warm-up", False, "A first run is slower, not faster: it loads and allocates."),
        ),
    ),
    Quiz(
        "05-turn",
        "Why are the methods run in turn, A B C A B C, and not one after the other?",
        (
            Answer("It is faster", False, "It takes as many runs either way."),
            Answer(
                "A machine that slows down slows all of them",
                True,
                "Heat, other programs, a battery: what changes over time then hits every method alike.",
            ),
            Answer("To warm up the memory", False, "Warm-up runs do that, and they do not count."),
        ),
    ),
    Quiz(
        "05-small",
        "A large GPU prefills eight short prompts as fast as one. What does packing them gain there?",
        (
            Answer("k over r, as always", False, "Rows predict the time only where time follows slots."),
            Answer("Next to nothing", True, "The GPU is not full: slots that cost no time are not worth saving."),
            Answer("It loses, because of the mask", False, "For eight short prompts the mask is tiny."),
        ),
    ),
)
