"""Exercise 10-blocks: the blocks of a paged cache, and what stays empty in them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.cases import few_lengths
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import numbers


def blocks(lengths, block_size):
    taken = sum(-(-length // block_size) for length in lengths)
    return taken, taken * block_size - sum(lengths)


def _rounded_down(lengths, block_size):
    taken = sum(length // block_size for length in lengths)
    return taken, taken * block_size - sum(lengths)


def _one_more(lengths, block_size):
    taken = sum(length // block_size + 1 for length in lengths)
    return taken, taken * block_size - sum(lengths)


def _shared_blocks(lengths, block_size):
    taken = -(-sum(lengths) // block_size)
    return taken, taken * block_size - sum(lengths)


def _all_as_the_longest(lengths, block_size):
    taken = len(lengths) * -(-max(lengths) // block_size)
    return taken, taken * block_size - sum(lengths)


def _empty_first(lengths, block_size):
    return blocks(lengths, block_size)[::-1]


def _cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    for lengths in few_lengths(draw):
        yield lengths, 2
        yield lengths, draw.choice((1, 3, 4, 8))


BLOCKS = Exercise(
    key="10-blocks",
    title="Blocks of a paged cache",
    minutes=4,
    level="warm-up",
    task="A paged cache holds prompts of these `lengths` in blocks of `block_size` slots. A block belongs to one "
    "prompt. Return (blocks, empty): how many blocks are taken, and how many of their slots stay empty.",
    reference=blocks,
    cases=_cases,
    judge=numbers,
    hints=(
        "Blocks are whole: divide each prompt's length by the block size, and round up.",
        "`-(-length // block_size)` rounds up. Add it up over the prompts.",
        "Empty is what all blocks hold, `taken * block_size`, less the tokens, `sum(lengths)`.",
    ),
    wrong={
        "rounded down": WrongAnswer(_rounded_down, "You round down. Tokens that are left over need a block, too."),
        "one more": WrongAnswer(_one_more, "One block too many for a prompt that fills its last block to the brim."),
        "shared blocks": WrongAnswer(
            _shared_blocks, "You round once, over all tokens together. Two prompts never share a block: round for each."
        ),
        "all as the longest": WrongAnswer(
            _all_as_the_longest, "All your prompts take as many blocks as the longest. That is padding again."
        ),
        "the empty ones first": WrongAnswer(_empty_first, "Both are right, in the other order: the blocks come first."),
    },
)
