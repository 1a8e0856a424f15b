"""Exercise 07-budget: forward passes of at most so many tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from prepack_lab.course.exercises.cases import few_lengths
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer


def token_budget(lengths, budget):
    passes, used = [], 0
    for prompt, length in enumerate(lengths):
        if not passes or used + length > budget:
            passes.append([])
            used = 0
        passes[-1].append(prompt)
        used += length
    return passes


def _drops_the_one_that_overflows(lengths, budget):
    passes, used = [[]], 0
    for prompt, length in enumerate(lengths):
        if used + length > budget:
            passes.append([])
            used = 0
            continue
        passes[-1].append(prompt)
        used += length
    return [one for one in passes if one]


def _forgets_to_start_again(lengths, budget):
    passes, used = [], 0
    for prompt, length in enumerate(lengths):
        if not passes or used + length > budget:
            passes.append([])
        passes[-1].append(prompt)
        used += length
    return passes


def _one_too_many(lengths, budget):
    passes, used = [], budget
    for prompt, length in enumerate(lengths):
        if used >= budget:
            passes.append([])
            used = 0
        passes[-1].append(prompt)
        used += length
    return passes


def _never_exactly_full(lengths, budget):
    return token_budget(lengths, budget - 1)


def _drops_the_long(lengths, budget):
    kept = [prompt for prompt, length in enumerate(lengths) if length <= budget]
    return [[kept[place] for place in one] for one in token_budget([lengths[prompt] for prompt in kept], budget)]


def _as_lengths(lengths, budget):
    return [[lengths[prompt] for prompt in one] for one in token_budget(lengths, budget)]


def _cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [3], 9
    yield [5], 2
    yield [3, 5], 8
    yield [9, 3], 8
    yield [3, 12, 4], 10
    for lengths in few_lengths(draw):
        yield lengths, draw.randint(8, 40)


def _judge(returned: Any, expected: list[list[int]], lengths: Sequence[int], budget: int) -> str | None:
    if not isinstance(returned, list) or not all(isinstance(one, list) for one in returned):
        return "A list of passes is asked for, and each pass is a list of prompt indices."
    if returned == expected:
        return None
    if [] in returned:
        return "There is a pass without a prompt: open one only when a prompt goes into it."
    placed = [prompt for one in returned for prompt in one]
    for prompt, length in enumerate(lengths):
        if placed.count(prompt) != 1:
            return f"Prompt {prompt} of length {length} is there {placed.count(prompt)} times."
    if placed != [*range(len(lengths))]:
        return "The order of the prompts has changed."
    for one in returned:
        held = sum(lengths[prompt] for prompt in one)
        if held > budget and len(one) > 1:
            return f"The pass {one} holds {held} tokens, and the budget is {budget}."
    return "No pass is too full, but some prompt would still have fitted into the pass before."


TOKEN_BUDGET = Exercise(
    key="07-budget",
    title="A token budget",
    minutes=8,
    level="core",
    task="Share prompts of these `lengths` out over forward passes, in the order given. A pass holds at most `budget` "
    "tokens; as long as the next prompt fits, it joins the pass before it. A prompt that is longer than the budget has "
    "a pass to itself. Return the passes, each a list of prompt indices.",
    reference=token_budget,
    cases=_cases,
    judge=_judge,
    hints=(
        "Go through the prompts one by one, and keep count of the tokens in the pass that is open.",
        "Open a new pass when there is none yet, or when `used + length > budget`; then `used` starts at 0 again.",
        "A prompt that is too long opens a pass like any other. The next one will not fit beside it: nothing special.",
    ),
    wrong={
        "drops the one that overflows": WrongAnswer(
            _drops_the_one_that_overflows, "The prompt that does not fit opens the new pass: it must go into it."
        ),
        "never starts again": WrongAnswer(
            _forgets_to_start_again, "You count all tokens since the start. A new pass begins at 0."
        ),
        "one too many": WrongAnswer(
            _one_too_many, "You close a pass when it is full already. Look whether the prompt fits before it goes in."
        ),
        "never exactly full": WrongAnswer(
            _never_exactly_full, "A pass may hold exactly `budget` tokens: compare with >, not with >=."
        ),
        "drops the long": WrongAnswer(
            _drops_the_long, "You leave out prompts longer than the budget. They have a pass to themselves."
        ),
        "lengths": WrongAnswer(_as_lengths, "These are lengths. A pass holds the indices of its prompts."),
    },
)
