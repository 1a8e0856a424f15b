"""Exercise 09-position: where the next token of each prompt stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from random import Random
from typing import Any

from prepack_lab.course.exercises.cases import few_lengths
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer


def next_positions(lengths, generated):
    return [length + generated for length in lengths]


def _counted_from_one(lengths, generated):
    return [length + generated + 1 for length in lengths]


def _of_the_last_token(lengths, generated):
    return [length + generated - 1 for length in lengths]


def _of_the_longest(lengths, generated):
    return [max(lengths) + generated for _ in lengths]


def _on_through_the_row(lengths, generated):
    return [end + generated for end in accumulate(lengths)]


def _prompt_only(lengths, generated):
    return [*lengths]


def _judge(returned: Any, expected: list[int], lengths: Sequence[int], generated: int) -> str | None:
    if not isinstance(returned, list | tuple) or not all(type(position) is int for position in returned):
        return "A list of positions is asked for: whole numbers."
    if len(returned) != len(lengths):
        return f"There are {len(lengths)} prompts, and you return {len(returned)} positions."
    if [*returned] == expected:
        return None
    prompt = next(place for place, (one, right) in enumerate(zip(returned, expected, strict=True)) if one != right)
    return f"Prompt {prompt} has {lengths[prompt]} tokens and {generated} new ones, at positions 0 and up."


def _after_some_steps(draw: Random) -> Iterator[tuple[Any, ...]]:
    for lengths in few_lengths(draw):
        yield lengths, 0
        yield lengths, draw.randint(1, 9)


NEXT_POSITIONS = Exercise(
    key="09-position",
    title="The position of the next token",
    minutes=3,
    level="warm-up",
    task="`lengths` are the tokens of each prompt, and to each of them `generated` new tokens were added. Positions "
    "are counted from 0 in each prompt. Return a list with the position that the next token of each prompt gets.",
    reference=next_positions,
    cases=_after_some_steps,
    judge=_judge,
    hints=(
        "A prompt of 3 tokens has positions 0, 1 and 2. Which comes next?",
        "With one new token, at position 3, the next one stands at 4.",
    ),
    wrong={
        "counted from one": WrongAnswer(_counted_from_one, "One too many: positions are counted from 0."),
        "of the last token": WrongAnswer(
            _of_the_last_token, "This is where the last token stands. The next is one on."
        ),
        "of the longest": WrongAnswer(
            _of_the_longest, "You give all prompts the position of the longest. Padding has no position."
        ),
        "on through the row": WrongAnswer(
            _on_through_the_row, "You count on from prompt to prompt. Each has positions of its own, from 0."
        ),
        "the prompt only": WrongAnswer(_prompt_only, "The new tokens have positions, too: add them."),
    },
)
