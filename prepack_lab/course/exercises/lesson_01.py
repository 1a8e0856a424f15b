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


def _judge_share(returned: Any, expected: float, lengths: Sequence[int]) -> str | None:
    rows, width, tokens = len(lengths), max(lengths), sum(lengths)
    return _with_reason(
        number(returned, expected),
        f"{rows} × {width} slots are {rows * width}; {tokens} hold a token, and {rows * width - tokens} are padding.",
    )


def _with_reason(wrong: str | None, reason: str) -> str | None:
    return None if wrong is None else f"{wrong}\n{reason}"


def _tokens_share(lengths):
    return sum(lengths) / (len(lengths) * max(lengths))


def _padding_per_token(lengths):
    return (len(lengths) * max(lengths) - sum(lengths)) / sum(lengths)


def _padding_slots(lengths):
    return len(lengths) * max(lengths) - sum(lengths)


def _first_is_longest(lengths):
    slots = len(lengths) * lengths[0]
    return (slots - sum(lengths)) / slots


def _last_is_longest(lengths):
    slots = len(lengths) * lengths[-1]
    return (slots - sum(lengths)) / slots


def _percent(lengths):
    return 100 * padding_share(lengths)


def _rounded(lengths):
    return round(padding_share(lengths), 2)


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
    judge=_judge_share,
    hints=(
        "A batch is a rectangle: how many rows, and how wide?",
        "The rows are as many as the prompts, and as wide as the longest: `len(lengths) * max(lengths)` slots.",
        "The tokens are `sum(lengths)`. All slots that hold no token are padding.",
    ),
    wrong={
        "the tokens' share": WrongAnswer(_tokens_share, "This is the share of the tokens. Padding is the rest."),
        "padding per token": WrongAnswer(
            _padding_per_token, "This is padding over tokens. The share is that of all slots, padding included."
        ),
        "padding slots": WrongAnswer(
            _padding_slots, "This is how many slots are padding. Divide by all slots to have the share."
        ),
        "the first is the longest": WrongAnswer(
            _first_is_longest, "This is right only where the first prompt is the longest. Any prompt can be."
        ),
        "the last is the longest": WrongAnswer(
            _last_is_longest, "This is right only where the last prompt is the longest. Any prompt can be."
        ),
        "percent": WrongAnswer(_percent, "This is the share in percent. It is asked for from 0 to 1."),
        "rounded": WrongAnswer(_rounded, "This is the share, rounded to two digits. Return it as it is."),
    },
)


def slots_in_batches(lengths, batch_size):
    slots = 0
    for start in range(0, len(lengths), batch_size):
        batch = lengths[start : start + batch_size]
        slots += len(batch) * max(batch)
    return slots


def _judge_slots(returned: Any, expected: int, lengths: Sequence[int], batch_size: int) -> str | None:
    batches = _cut(range(len(lengths)), lengths, batch_size)
    named = ", ".join(f"{batch} with {len(batch)} × {max(batch)}" for batch in batches)
    return _with_reason(number(returned, expected), f"The batches, and their slots: {named}.")


def _cut(order: Sequence[int], lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    ordered = [lengths[prompt] for prompt in order]
    return [ordered[start : start + batch_size] for start in range(0, len(ordered), batch_size)]


def _full_last_batch(lengths, batch_size):
    return sum(
        batch_size * max(lengths[start : start + batch_size]) for start in range(0, len(lengths), batch_size)
    )  # fmt: skip


def _one_width(lengths, batch_size):
    return len(lengths) * max(lengths)


def _drops_the_rest(lengths, batch_size):
    whole = len(lengths) // batch_size * batch_size
    return sum(batch_size * max(lengths[start : start + batch_size]) for start in range(0, whole, batch_size))


def _tokens(lengths, batch_size):
    return sum(lengths)


def _padding_only(lengths, batch_size):
    return slots_in_batches(lengths, batch_size) - sum(lengths)


def _sorted_first(lengths, batch_size):
    return slots_in_batches(sorted(lengths), batch_size)


def _longest_first(lengths, batch_size):
    return slots_in_batches(sorted(lengths, reverse=True), batch_size)


def _first_batch_only(lengths, batch_size):
    return slots_in_batches(lengths[:batch_size], batch_size)


def _last_batch_only(lengths, batch_size):
    return slots_in_batches(lengths[(len(lengths) - 1) // batch_size * batch_size :], batch_size)


def _widths_only(lengths, batch_size):
    return sum(max(lengths[start : start + batch_size]) for start in range(0, len(lengths), batch_size))


def _longest_so_far(lengths, batch_size):
    starts = range(0, len(lengths), batch_size)
    return sum(
        len(lengths[start : start + batch_size]) * max(lengths[: start + batch_size]) for start in starts
    )  # fmt: skip


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
    judge=_judge_slots,
    hints=(
        "`range(0, len(lengths), batch_size)` gives the place where each batch begins.",
        "A batch is `lengths[start : start + batch_size]`. At the end a slice simply becomes shorter.",
        "Each batch computes `len(batch) * max(batch)` slots; add them up.",
    ),
    wrong={
        "the longest first": WrongAnswer(
            _longest_first, "These are the slots after sorting. Here the batches are cut in the order given."
        ),
        "the first batch": WrongAnswer(
            _first_batch_only, "These are the slots of the first batch. A return inside the loop ends it at once."
        ),
        "the last batch": WrongAnswer(
            _last_batch_only, "These are the slots of the last batch. Add up those of all batches."
        ),
        "widths": WrongAnswer(
            _widths_only, "This adds up one row of each batch. Each batch has a row for every prompt."
        ),
        "the longest so far": WrongAnswer(
            _longest_so_far, "This pads each batch to the longest prompt so far. Begin anew with each batch."
        ),
        "one width for all": WrongAnswer(
            _one_width, "This pads all batches to the longest prompt of all. Each batch has its own longest."
        ),
        "a full last batch": WrongAnswer(
            _full_last_batch, "This counts the last batch as if it were full. It holds what is left over."
        ),
        "no last batch": WrongAnswer(
            _drops_the_rest, "The last batch is missing where the batch size does not divide the prompts."
        ),
        "tokens": WrongAnswer(_tokens, "These are the tokens. Padding takes slots, too."),
        "padding": WrongAnswer(_padding_only, "These are the slots that are padding. Count those with tokens, too."),
        "sorted": WrongAnswer(
            _sorted_first, "These are the slots after sorting. Here the batches are cut in the order given."
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


def _from_one(lengths):
    return [prompt + 1 for prompt in best_order(lengths)]


def _judge_order(returned: Any, expected: list[int], lengths: Sequence[int]) -> str | None:
    if not isinstance(returned, list):
        return f"A list of prompt indices is asked for, and a {type(returned).__name__} came back."
    if sorted(returned) == sorted(lengths) != sorted(expected):
        return "These are the lengths, sorted. The order names prompts: 0 is the first prompt, whatever its length."
    for named in returned:
        if named not in expected:
            return f"{named!r} is not the index of a prompt: the last one has index {len(lengths) - 1}."
    for prompt, length in enumerate(lengths):
        if returned.count(prompt) != 1:
            return f"Prompt {prompt} of length {length} is there {returned.count(prompt)} times, and once is right."
    too_many = _more_slots(returned, expected, lengths)
    turned = [returned.index(prompt) for prompt in range(len(lengths))]
    if too_many is None or _more_slots(turned, expected, lengths):
        return too_many
    return f"{too_many}\nThese are ranks: at which place each prompt comes. The order says who comes at each place."


def _more_slots(order: Sequence[int], best: Sequence[int], lengths: Sequence[int]) -> str | None:
    for batch_size in range(1, len(lengths) + 1):
        if len(lengths) % batch_size == 0:
            batches = _cut(order, lengths, batch_size)
            slots, least = (slots_in_batches([lengths[p] for p in one], batch_size) for one in (order, best))
            if slots > least:
                mixed = max(batches, key=lambda batch: len(batch) * max(batch) - sum(batch))
                return (
                    f"In batches of {batch_size} this order computes {slots} slots, and {least} are possible. "
                    f"One of its batches holds prompts of {', '.join(map(str, mixed))} tokens."
                )
    return None


def _to_be_ordered(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield ([3],)
    yield ([1, 9, 2, 8],)
    yield from lengths_alone(draw)


BEST_ORDER = Exercise(
    key="01-order",
    title="An order that pads least",
    minutes=6,
    level="core",
    task="Now you may choose which prompts share a batch: the batches are cut from the prompts in your order. Given "
    "`lengths`, return the prompts' indices, each once, in an order that pads least: whatever batch size divides the "
    "number of prompts, no order computes fewer slots.",
    stub="""
        return list(range(len(lengths)))  # the order given: improve it
    """,
    reference=best_order,
    cases=_to_be_ordered,
    judge=_judge_order,
    related=False,
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
            _drops_equals,
            "This names the first of equal prompts again and again, as `lengths.index` does. The others vanish.",
        ),
        "counted from 1": WrongAnswer(_from_one, "This counts the prompts from 1. The first one has index 0."),
    },
)


def attention_pairs(lengths):
    computed = len(lengths) * max(lengths) ** 2
    needed = sum(length * (length + 1) // 2 for length in lengths)
    return computed / needed


def _judge_pairs(returned: Any, expected: float, lengths: Sequence[int]) -> str | None:
    rows, width = len(lengths), max(lengths)
    needed = " + ".join(str(length * (length + 1) // 2) for length in lengths)
    return _with_reason(
        number(returned, expected), f"Computed are {rows} × {width} × {width} scores, and needed are {needed}."
    )


def _from_three(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield ([3],)
    yield from lengths_alone(draw)


def _pairs_not_causal(lengths):
    return len(lengths) * max(lengths) ** 2 / sum(length**2 for length in lengths)


def _pairs_not_squared(lengths):
    return len(lengths) * max(lengths) / sum(lengths)


def _pairs_not_oneself(lengths):
    needed = sum(length * (length - 1) // 2 for length in lengths)
    return len(lengths) * max(lengths) ** 2 / needed


def _pairs_of_one_text(lengths):
    return len(lengths) * max(lengths) ** 2 / (sum(lengths) * (sum(lengths) + 1) // 2)


def _pairs_inverted(lengths):
    return 1 / attention_pairs(lengths)


def _pairs_half(lengths):
    return 2 * _pairs_not_causal(lengths)


def _pairs_in_vain(lengths):
    return attention_pairs(lengths) - 1


def _pairs_too_many(lengths):
    return len(lengths) * max(lengths) ** 2 - sum(length * (length + 1) // 2 for length in lengths)


def _pairs_per_token(lengths):
    return len(lengths) * max(lengths) ** 2 / sum(lengths)


def _pairs_computed_causal(lengths):
    needed = sum(length * (length + 1) // 2 for length in lengths)
    return len(lengths) * max(lengths) * (max(lengths) + 1) // 2 / needed


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
    cases=_from_three,
    judge=_judge_pairs,
    hints=(
        "Computed: `len(lengths) * max(lengths) ** 2`.",
        "Needed by a prompt of 3 tokens: 1 + 2 + 3.",
        "1 + 2 + … + n is n · (n + 1) / 2.",
    ),
    wrong={
        "half a square": WrongAnswer(
            _pairs_half, "This needs n · n / 2 scores of a prompt with n tokens. For 3 tokens, 1 + 2 + 3 are needed."
        ),
        "in vain": WrongAnswer(
            _pairs_in_vain,
            "This counts only the scores in vain. Divide all computed ones by the needed ones.",
        ),
        "how many more": WrongAnswer(
            _pairs_too_many, "This is how many scores are not needed. Divide the computed ones by the needed ones."
        ),
        "tokens": WrongAnswer(
            _pairs_per_token,
            "This divides by the tokens. A token needs more than one score: itself, and each earlier one.",
        ),
        "all pairs": WrongAnswer(
            _pairs_not_causal,
            "This needs all pairs of a prompt's tokens. A token looks at earlier ones and itself: about half.",
        ),
        "slots against tokens": WrongAnswer(
            _pairs_not_squared, "This is slots over tokens. Attention compares every slot with every slot of its row."
        ),
        "without oneself": WrongAnswer(_pairs_not_oneself, "This leaves out that a token looks at itself, too."),
        "one long text": WrongAnswer(
            _pairs_of_one_text, "This needs pairs across prompts as well. A token looks at its own prompt only."
        ),
        "the other way round": WrongAnswer(
            _pairs_inverted, "This is needed over computed. Asked for is computed over needed, 1 or more."
        ),
        "nothing after oneself is computed": WrongAnswer(
            _pairs_computed_causal,
            "This leaves out the later slots of each row. Here they are computed, too: width × width scores.",
        ),
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
