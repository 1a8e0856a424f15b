"""Lesson 01, padding waste."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from prepack_lab.course.exercises.cases import few_lengths, lengths_alone
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number
from prepack_lab.course.exercises.quiz import Answer, Quiz


def padding_share(lengths):
    slots = len(lengths) * max(lengths)
    return (slots - sum(lengths)) / slots


def _tokens_share(lengths):
    return sum(lengths) / (len(lengths) * max(lengths))


def _padding_per_token(lengths):
    return (len(lengths) * max(lengths) - sum(lengths)) / sum(lengths)


def _padding_slots(lengths):
    return len(lengths) * max(lengths) - sum(lengths)


def _first_is_longest(lengths):
    slots = len(lengths) * lengths[0]
    return (slots - sum(lengths)) / slots


PADDING_SHARE = Exercise(
    key="01-waste",
    title="The share of padding",
    minutes=3,
    level="warm-up",
    task="Given the `lengths` of the prompts in a batch, return the share of its slots that are padding, from 0 to 1.",
    stub="""
        return ...  # your expression
    """,
    reference=padding_share,
    cases=lengths_alone,
    judge=number,
    hints=(
        "A batch is a rectangle: how many rows, and how wide?",
        "The rows are as many as the prompts, and as wide as the longest: `len(lengths) * max(lengths)` slots.",
        "The tokens are `sum(lengths)`. All slots that hold no token are padding.",
    ),
    wrong={
        "the tokens' share": WrongAnswer(_tokens_share, "This is the share of the tokens. Padding is the rest."),
        "padding per token": WrongAnswer(
            _padding_per_token, "You divide by the tokens. The share is of all slots, padding included."
        ),
        "padding slots": WrongAnswer(
            _padding_slots, "This is how many slots are padding. Divide by all slots to have the share."
        ),
        "the first is the longest": WrongAnswer(
            _first_is_longest, "You take the first prompt for the longest. Any prompt can be the longest."
        ),
    },
)


def slots_in_batches(lengths, batch_size):
    slots = 0
    for start in range(0, len(lengths), batch_size):
        batch = lengths[start : start + batch_size]
        slots += len(batch) * max(batch)
    return slots


def _full_last_batch(lengths, batch_size):
    return sum(
        batch_size * max(lengths[start : start + batch_size]) for start in range(0, len(lengths), batch_size)
    )  # fmt: skip


def _one_width(lengths, batch_size):
    return len(lengths) * max(lengths)


def _drops_the_rest(lengths, batch_size):
    whole = len(lengths) // batch_size * batch_size
    return sum(batch_size * max(lengths[start : start + batch_size]) for start in range(0, whole, batch_size))


def _batched(draw: Random) -> Iterator[tuple[Any, ...]]:
    for lengths in few_lengths(draw):
        yield lengths, 1
        yield lengths, 2
        yield lengths, draw.randint(1, len(lengths) + 2)


SLOTS_IN_BATCHES = Exercise(
    key="01-batches",
    title="The slots of a whole dataset",
    minutes=6,
    level="core",
    task="Given the `lengths` of many prompts and a `batch_size`, cut them into batches in the order given, pad each "
    "to its own longest, and return how many slots are computed in all. The last batch may be smaller.",
    stub="""
        slots = 0
        ...  # for each batch, add its slots
        return slots
    """,
    reference=slots_in_batches,
    cases=_batched,
    judge=number,
    hints=(
        "`range(0, len(lengths), batch_size)` gives the place where each batch begins.",
        "A batch is `lengths[start : start + batch_size]`. At the end a slice simply becomes shorter.",
        "Each batch computes `len(batch) * max(batch)` slots; add them up.",
    ),
    wrong={
        "one width for all": WrongAnswer(
            _one_width, "You pad all batches to the longest prompt of all. Each batch has its own longest."
        ),
        "a full last batch": WrongAnswer(
            _full_last_batch, "Your last batch is counted as if it were full. It holds what is left over."
        ),
        "no last batch": WrongAnswer(
            _drops_the_rest, "The last batch is missing, where the batch size does not divide the prompts."
        ),
    },
)


def best_order(lengths):
    return sorted(range(len(lengths)), key=lambda prompt: lengths[prompt])


def _sorted_lengths(lengths):
    return sorted(lengths)


def _unchanged(lengths):
    return [*range(len(lengths))]


def _drops_equals(lengths):
    return [lengths.index(length) for length in sorted(lengths)]


def _slots_of(order: Sequence[int], lengths: Sequence[int], batch_size: int) -> int:
    return slots_in_batches([lengths[prompt] for prompt in order], batch_size)


def _judge_order(returned: Any, expected: list[int], lengths: Sequence[int]) -> str | None:
    if not isinstance(returned, list):
        return f"A list of prompt indices is asked for, and a {type(returned).__name__} came back."
    if sorted(returned) != [*range(len(lengths))]:
        if sorted(returned) == sorted(lengths):
            return "These are the lengths, sorted. The order names prompts: 0 is the first prompt."
        missing = [prompt for prompt in range(len(lengths)) if prompt not in returned]
        return (
            f"Prompt {missing[0]} of length {lengths[missing[0]]} is not in it."
            if missing
            else "An index is no prompt."
        )
    for batch_size in range(1, len(lengths) + 1):
        if len(lengths) % batch_size == 0:
            yours, least = (_slots_of(order, lengths, batch_size) for order in (returned, expected))
            if yours > least:
                return f"In batches of {batch_size} your order computes {yours} slots, and {least} are possible."
    return None


BEST_ORDER = Exercise(
    key="01-order",
    title="An order that pads least",
    minutes=6,
    level="core",
    task="You may choose which prompts share a batch. Given `lengths`, return the prompts' indices in an order in "
    "which batches waste little. Each prompt must be there once.",
    stub="""
        return list(range(len(lengths)))  # the order given: improve it
    """,
    reference=best_order,
    cases=lengths_alone,
    judge=_judge_order,
    hints=(
        "Sorting brings prompts of like length together. But sort the indices, not the lengths.",
        "`sorted(..., key=...)` sorts by whatever `key` returns for each item.",
        "The items are `range(len(lengths))`, and the key of prompt i is `lengths[i]`.",
    ),
    wrong={
        "sorted lengths": WrongAnswer(_sorted_lengths, "Sort the indices by length, not the lengths."),
        "the order given": WrongAnswer(
            _unchanged, "This is the order given: long and short prompts still share batches."
        ),
        "equal lengths are one prompt": WrongAnswer(
            _drops_equals, "`index` always finds the first of equal lengths, so the others vanish."
        ),
    },
)


def attention_pairs(lengths):
    computed = len(lengths) * max(lengths) ** 2
    needed = sum(length * (length + 1) // 2 for length in lengths)
    return computed / needed


def _pairs_not_causal(lengths):
    return len(lengths) * max(lengths) ** 2 / sum(length**2 for length in lengths)


def _pairs_not_squared(lengths):
    return len(lengths) * max(lengths) / sum(lengths)


def _pairs_not_oneself(lengths):
    needed = sum(length * (length - 1) // 2 for length in lengths)
    return len(lengths) * max(lengths) ** 2 / needed


ATTENTION_PAIRS = Exercise(
    key="01-attention",
    title="What attention computes in vain",
    minutes=8,
    level="challenge",
    task="In a padded batch attention computes rows × width × width scores. Needed is a score for each token with "
    "itself, and with every earlier token of its prompt. Given `lengths`, return how many times as many are "
    "computed as are needed.",
    stub="""
        computed = ...
        needed = ...
        return ...  # computed over needed
    """,
    reference=attention_pairs,
    cases=lengths_alone,
    judge=number,
    hints=(
        "Computed: `len(lengths) * max(lengths) ** 2`.",
        "Needed by a prompt of 3 tokens: 1 + 2 + 3.",
        "1 + 2 + … + n is n · (n + 1) / 2.",
    ),
    wrong={
        "all pairs": WrongAnswer(
            _pairs_not_causal, "You count all pairs of a prompt. A token looks at earlier ones and itself: about half."
        ),
        "slots against tokens": WrongAnswer(
            _pairs_not_squared, "This compares slots with tokens. Attention compares every slot with every slot."
        ),
        "without oneself": WrongAnswer(_pairs_not_oneself, "You leave out that a token looks at itself, too."),
    },
)


QUIZZES = (
    Quiz(
        "01-grows",
        "You double the batch size, and the prompts come from the same workload. The share of padding …",
        (
            Answer("grows", True, "The longest of many prompts is longer than the longest of few; the mean stays."),
            Answer("stays", False, "The mean length stays, but all are padded to the longest, and that one grows."),
            Answer("shrinks", False, "A larger batch has more tokens, but even more slots: each row grows, too."),
        ),
    ),
    Quiz(
        "01-none",
        "When does a padded batch waste nothing?",
        (
            Answer("When the prompts are short", False, "Short prompts of unequal length are padded, too."),
            Answer("When all prompts have one length", True, "Then all are as long as the longest."),
            Answer("When the batch is large", False, "A large batch is more likely to hold one very long prompt."),
        ),
    ),
    Quiz(
        "01-attention",
        "Twice as wide a batch, with the same rows. The masked attention over its slots costs …",
        (
            Answer("twice as much", False, "That is what the linear layers cost: they treat each slot by itself."),
            Answer("four times as much", True, "Every slot is compared with every slot of its row."),
            Answer("the same, padding is masked", False, "A mask hides scores after they were computed."),
        ),
    ),
)
