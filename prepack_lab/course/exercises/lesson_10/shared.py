"""Exercise 10-prefix: the tokens that prefix sharing saves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number


def saved_tokens(prompts):
    saved = 0
    for place, prompt in enumerate(prompts):
        known = 0
        for earlier in prompts[:place]:
            common = 0
            while common < min(len(prompt), len(earlier)) and prompt[common] == earlier[common]:
                common += 1
            known = max(known, common)
        saved += min(known, len(prompt) - 1)
    return saved


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two prompts have in common at their beginning."""
    common = 0
    while common < min(len(one), len(other)) and one[common] == other[common]:
        common += 1
    return common


def _summed(
    prompts: Sequence[Sequence[int]],
    known: Callable[[Sequence[Sequence[int]], Sequence[int]], int],
    always_left: int = 1,
) -> int:
    """Add up what is known of each prompt from those before it."""
    return sum(
        min(known(prompts[:place], prompt), len(prompt) - always_left)
        for place, prompt in enumerate(prompts)
        if place > 0
    )


def _last_one_too(prompts):
    return _summed(prompts, lambda before, prompt: max(_common(prompt, one) for one in before), always_left=0)


def _only_the_first(prompts):
    return _summed(prompts, lambda before, prompt: _common(prompt, before[0]))


def _only_the_one_before(prompts):
    return _summed(prompts, lambda before, prompt: _common(prompt, before[-1]))


def _anywhere(prompts):
    return _summed(
        prompts, lambda before, prompt: max(sum(a == b for a, b in zip(prompt, one, strict=False)) for one in before)
    )


def _known_words(prompts):
    return _summed(
        prompts, lambda before, prompt: sum(token in {known for one in before for known in one} for token in prompt)
    )


def _each_earlier_one(prompts):
    return _summed(prompts, lambda before, prompt: sum(_common(prompt, one) for one in before))


def _in_all_of_them(prompts):
    return (len(prompts) - 1) * min(_common(prompts[0], prompt) for prompt in prompts)


def _cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield ([[1]],)
    yield ([[1], [1]],)
    yield ([[1, 2], [1, 3]],)
    yield ([[1, 2], [1, 2]],)
    yield ([[1, 2], [3, 2]],)
    yield ([[1, 2, 3], [4, 5], [1, 2, 6]],)
    yield ([[4, 5], [1, 2, 3], [1, 2, 4]],)
    yield ([[1, 2, 3, 4], [1, 9, 3, 4]],)
    for many in range(3, 9):
        for _ in range(5):
            texts = [[draw.randint(1, 9) for _ in range(draw.randint(2, 7))] for _ in range(2)]
            yield (
                [[*draw.choice(texts), *(draw.randint(1, 9) for _ in range(draw.randint(0, 3)))] for _ in range(many)],
            )


SHARED = Exercise(
    key="10-prefix",
    title="What prefix sharing saves",
    minutes=8,
    level="core",
    task="`prompts` are lists of token ids, in the order in which they come. Of each, the longest beginning that it "
    "has in common with any earlier one is in the cache already. But its last token is always computed, because the "
    "answer begins with its logits. Return how many tokens need no computing, over all prompts.",
    reference=saved_tokens,
    cases=_cases,
    judge=number,
    hints=(
        "For two prompts: count up from the first token while both have the same there.",
        "For one prompt: the longest such beginning with any of `prompts[:place]`; 0 where there is none.",
        "Of a prompt of n tokens at most n - 1 are saved: `min(known, len(prompt) - 1)`.",
    ),
    wrong={
        "the last token, too": WrongAnswer(
            _last_one_too, "You save all tokens of a prompt that came before. Its last one must be computed."
        ),
        "only the first prompt": WrongAnswer(
            _only_the_first, "You compare with the first prompt only. Any earlier one may begin alike."
        ),
        "only the one before": WrongAnswer(
            _only_the_one_before, "You compare with the prompt just before. Any earlier one may begin alike."
        ),
        "equal places": WrongAnswer(
            _anywhere,
            "You count equal tokens after a difference, too. What a token leaves depends on those before it.",
        ),
        "known words": WrongAnswer(
            _known_words, "You count tokens that came up anywhere before. Only a common beginning is in the cache."
        ),
        "each earlier one": WrongAnswer(
            _each_earlier_one, "You add up over the earlier prompts. Take the longest of the common beginnings."
        ),
        "what all have in common": WrongAnswer(
            _in_all_of_them, "You count what all prompts have in common. Two of them may share more."
        ),
    },
)
