"""Exercise 10-chunks: a prompt read piece by piece, beside those who write."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer


def chunks(prompt, writing, budget):
    sizes = []
    while prompt > 0:
        sizes.append(min(budget - writing, prompt))
        prompt -= sizes[-1]
    return sizes


def _nobody_writes(prompt, writing, budget):
    return chunks(prompt, 0, budget)


def _last_is_full(prompt, writing, budget):
    return [budget - writing] * len(chunks(prompt, writing, budget))


def _rest_is_lost(prompt, writing, budget):
    return [budget - writing] * (prompt // (budget - writing))


def _empty_one_at_the_end(prompt, writing, budget):
    room = budget - writing
    return [room] * (prompt // room) + [prompt % room]


def _how_many(prompt, writing, budget):
    return len(chunks(prompt, writing, budget))


def _at_once(prompt, writing, budget):
    return [prompt]


def _judge(returned: Any, expected: list[int], prompt: int, writing: int, budget: int) -> str | None:
    if not isinstance(returned, list) or not all(type(size) is int for size in returned):
        return f"A list of whole numbers is asked for, and a {type(returned).__name__} came back."
    if sum(returned) != prompt:
        return f"Your chunks hold {sum(returned)} tokens, and the prompt has {prompt}."
    for step, size in enumerate(returned, start=1):
        if size < 1:
            return f"Chunk {step} is empty: that step would read nothing."
        if size + writing > budget:
            return f"In step {step} {writing} write and {size} are read: more than {budget} tokens."
    return None if returned == expected else "All fits, but some step could have read more."


def _cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield 1, 0, 1
    yield 2, 0, 2
    yield 3, 1, 2
    yield 5, 1, 3
    yield 6, 1, 4
    for _ in range(35):
        writing = draw.randint(0, 9)
        yield draw.randint(1, 90), writing, writing + draw.randint(1, 30)


CHUNKS = Exercise(
    key="10-chunks",
    title="Chunks beside those who write",
    minutes=5,
    level="core",
    task="A step computes `budget` tokens at most. In each step `writing` requests write a token each; what is left of "
    "the budget reads a prompt of `prompt` tokens, as much as fits. Return the list of its chunks: the tokens that are "
    "read in step 1, step 2, and so on, until it is read.",
    reference=chunks,
    cases=_cases,
    judge=_judge,
    hints=(
        "How many tokens of a step are left for reading? `budget - writing`.",
        "Go on while there is something to read: append a chunk, and take it from `prompt`.",
        "The last chunk is what is left: `min(budget - writing, prompt)`.",
    ),
    wrong={
        "nobody writes": WrongAnswer(
            _nobody_writes, "You spend the whole budget on the prompt. Each of those who write needs a token of it."
        ),
        "the last one full": WrongAnswer(
            _last_is_full, "Your last chunk is as large as the others. It holds what is left of the prompt."
        ),
        "the rest is lost": WrongAnswer(
            _rest_is_lost, "The end of the prompt is missing, where its length is no multiple of a chunk."
        ),
        "an empty one at the end": WrongAnswer(
            _empty_one_at_the_end, "There is an empty chunk at the end, where the length is a multiple of a chunk."
        ),
        "how many": WrongAnswer(_how_many, "This is how many chunks there are. Return the list of their sizes."),
        "at once": WrongAnswer(_at_once, "You read the prompt at once: then all others wait for it."),
    },
)
