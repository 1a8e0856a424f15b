"""Exercise 09-greedy: the decoding loop."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer


def greedy(step, token, end, most):
    new = []
    while len(new) < most:
        scores = step(token)
        token = scores.index(max(scores))
        new.append(token)
        if token == end:
            break
    return new


def _drops_the_end(step, token, end, most):
    new = greedy(step, token, end, most)
    return new[:-1] if new[-1] == end else new


def _never_stops(step, token, end, most):
    return greedy(step, token, -1, most)


def _one_too_many(step, token, end, most):
    return greedy(step, token, end, most + 1)


def _with_the_prompt(step, token, end, most):
    return [token, *greedy(step, token, end, most)]


def _least(step, token, end, most):
    return greedy(lambda given: [-score for score in step(given)], token, end, most)


def _same_token_again(step, token, end, most):
    new = greedy(step, token, end, 1)
    return new if new[-1] == end else new * most


def _asks_before_it_starts(step, token, end, most):
    return [] if token == end else greedy(step, token, end, most)


def _scores_kept(step, token, end, most):
    new = [token, *greedy(step, token, end, most)][:-1]
    return [max(step(given)) for given in new]


class Step:
    """A model of few tokens that looks at the last one only: token → a score for each that may follow."""

    def __init__(self, scores: list[list[int]]) -> None:
        self._scores = scores

    def __call__(self, token: int) -> list[int]:
        return [*self._scores[token]]

    def __repr__(self) -> str:
        return f"<scores {self._scores}>"


def _judge(returned: Any, expected: list[int], step: Step, token: int, end: int, most: int) -> str | None:
    if not isinstance(returned, list) or not all(type(one) is int for one in returned):
        return "A list of tokens is asked for: whole numbers."
    if returned == expected:
        return None
    if len(returned) > most:
        return f"These are {len(returned)} tokens, and at most {most} are asked for."
    return "The tokens are others."


def _models(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield Step([[3, 7], [6, 2]]), 0, 1, 1
    yield Step([[3, 7], [6, 2]]), 0, 1, 3
    yield Step([[3, 7], [6, 2]]), 1, 1, 4
    yield Step([[1, 9, 4], [2, 1, 8], [7, 3, 5]]), 0, 2, 5
    yield Step([[1, 9, 4], [8, 1, 2], [7, 3, 5]]), 0, 2, 5
    for size in range(3, 8):
        for _ in range(6):
            step = Step([draw.sample(range(10, 40), size) for _ in range(size)])
            yield step, draw.randrange(size), draw.randrange(size), draw.randint(2, 9)


GREEDY = Exercise(
    key="09-greedy",
    title="The decoding loop",
    minutes=8,
    level="core",
    task="`step(token)` is one forward pass over the last token: a list comes back, with a score for each token that "
    "may follow. Begin with `token`, the last of the prompt. Take the token with the highest score, feed it to `step`, "
    "and so on. Stop after the token `end`, or after `most` new tokens. Return the new tokens as a list, with `end` in "
    "it if it came.",
    reference=greedy,
    cases=_models,
    judge=_judge,
    hints=(
        "Keep a list of new tokens, and go on while it is shorter than `most`.",
        "The place of the highest score: `scores.index(max(scores))`.",
        "The token that you have chosen is the one to feed next: call it `token`, too.",
        "Append first, then look whether it was `end`, and leave the loop with `break`.",
    ),
    wrong={
        "drops the end": WrongAnswer(
            _drops_the_end, "The end token is missing. It was generated, so it belongs to them."
        ),
        "never stops": WrongAnswer(_never_stops, "You go on after the end token. Stop there."),
        "one too many": WrongAnswer(_one_too_many, "One token too many: stop as soon as there are `most`."),
        "with the prompt": WrongAnswer(
            _with_the_prompt, "The first one belongs to the prompt. Return the new ones only."
        ),
        "the least": WrongAnswer(_least, "You take the lowest score. The next token is the one with the highest."),
        "the same again": WrongAnswer(
            _same_token_again, "You feed the prompt's token again and again. Feed the one that was chosen last."
        ),
        "asks before it starts": WrongAnswer(
            _asks_before_it_starts,
            "You stop before you begin, where the prompt ends in the end token. Only new ones count.",
        ),
        "scores": WrongAnswer(_scores_kept, "These are scores. Return the tokens: the places of the highest scores."),
    },
)
