"""The questions of lesson 02."""

from __future__ import annotations

from prepack_lab.course.exercises.quiz import Answer, Quiz

QUIZZES = (
    Quiz(
        "02-order",
        "Why does first fit pack better when the longest prompt comes first?",
        (
            Answer("Sorting makes it faster", False, "Sorting costs time. What it buys is fewer bins."),
            Answer(
                "Short prompts fill the gaps that long ones leave",
                True,
                "A long prompt that comes last finds no gap that is large enough, and opens a bin for itself.",
            ),
            Answer("Bins then hold equally many prompts", False, "The first bin may hold one, the last ten."),
        ),
    ),
    Quiz(
        "02-bound",
        "A packing has as many bins as the lower bound says. What follows?",
        (
            Answer("It can't be improved", True, "No packing has fewer bins than the bound, so this one is the best."),
            Answer("It was found by the exact solver", False, "A simple rule can hit the bound, too, and mostly does."),
            Answer("All bins are full", False, "They may have room: a bound is whole bins, and prompts have sizes."),
        ),
    ),
    Quiz(
        "02-time",
        "A packer looks at every open bin for every prompt. Twice as many prompts take about …",
        (
            Answer("twice as long", False, "There are twice as many prompts, and twice as many bins to look at."),
            Answer("four times as long", True, "Twice the prompts times twice the bins: its time is quadratic."),
            Answer("as long as before", False, "Every prompt must be looked at, at least once."),
        ),
    ),
)
