"""Lesson 06, memory and the largest batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from prepack_lab.course.exercises.cases import few_lengths
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import article, number
from prepack_lab.course.exercises.quiz import Answer, Quiz
from prepack_lab.packing import pack


def cache_bytes(slots, layers, heads, head_size, size):
    return 2 * slots * layers * heads * head_size * size


def _keys_only(slots, layers, heads, head_size, size):
    return slots * layers * heads * head_size * size


def _one_layer(slots, layers, heads, head_size, size):
    return 2 * slots * heads * head_size * size


def _numbers(slots, layers, heads, head_size, size):
    return 2 * slots * layers * heads * head_size


def _one_head(slots, layers, heads, head_size, size):
    return 2 * slots * layers * head_size * size


def _in_bits(slots, layers, heads, head_size, size):
    return 8 * cache_bytes(slots, layers, heads, head_size, size)


def _squared(slots, layers, heads, head_size, size):
    return 2 * slots**2 * layers * heads * head_size * size


def _cache_bytes_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield 3, 5, 7, 11, 4
    yield 10, 2, 3, 5, 2
    for _ in range(8):
        yield (
            draw.randint(2, 900),
            draw.randint(2, 40),
            draw.randint(2, 32),
            draw.choice([64, 128]),
            draw.choice([2, 4]),
        )


def _cache_bytes_judge(
    returned: Any, expected: int, slots: int, layers: int, heads: int, head_size: int, size: int
) -> str | None:
    wrong = number(returned, expected)
    return wrong and f"{wrong} One key here has {head_size} numbers, so {head_size * size} bytes, and a value as many."


CACHE_BYTES = Exercise(
    key="06-cache",
    title="What a cache takes",
    minutes=4,
    level="warm-up",
    task="Every slot leaves a key and a value in each of `layers` layers, in each of `heads` key-value heads, of "
    "`head_size` numbers each. A number takes `size` bytes. Return the bytes for `slots` slots.",
    reference=cache_bytes,
    cases=_cache_bytes_cases,
    judge=_cache_bytes_judge,
    hints=(
        "How many numbers does one slot leave in one layer? Heads times head size, for the key; and the value?",
        "2 · slots · layers · heads · head_size numbers, of `size` bytes each.",
    ),
    wrong={
        "keys only": WrongAnswer(_keys_only, "This counts the keys. The values take as much again."),
        "one layer": WrongAnswer(_one_layer, "This counts one layer. Each layer keeps keys and values of its own."),
        "one head": WrongAnswer(
            _one_head, "This counts one head. Each key-value head keeps keys and values of its own."
        ),
        "numbers": WrongAnswer(_numbers, "This is how many numbers there are. Each takes `size` bytes."),
        "bits": WrongAnswer(_in_bits, "These are bits. `size` counts bytes already."),
        "squared": WrongAnswer(_squared, "A cache grows with the slots, not with their square: that is attention."),
    },
)


def mask_bytes(rows, width, size):
    return rows * width**2 * size


def _one_line(rows, width, size):
    return rows * width * size


def _half(rows, width, size):
    return rows * width * (width + 1) // 2 * size


def _mask_numbers(rows, width, size):
    return rows * width**2


def _one_row(rows, width, size):
    return width**2 * size


def _as_one(rows, width, size):
    return (rows * width) ** 2 * size


def _mask_bytes_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield 2, 3, 4
    yield 3, 5, 2
    for _ in range(8):
        yield draw.randint(2, 64), draw.randint(2, 900), draw.choice([2, 4])


def _mask_bytes_judge(returned: Any, expected: int, rows: int, width: int, size: int) -> str | None:
    wrong = number(returned, expected)
    return wrong and f"{wrong} One row here has {width} queries and {width} keys, which make {width**2} pairs."


MASK_BYTES = Exercise(
    key="06-mask",
    title="What a mask takes",
    minutes=3,
    level="warm-up",
    task="A dense packed mask has a number for every query and every key of a row. There are `rows` rows of `width` "
    "slots, and a number takes `size` bytes. Return the bytes of the mask.",
    reference=mask_bytes,
    cases=_mask_bytes_cases,
    judge=_mask_bytes_judge,
    hints=(
        "In one row every slot looks at every slot: how many pairs are that?",
        "rows · width · width numbers, of `size` bytes each.",
    ),
    wrong={
        "not squared": WrongAnswer(_one_line, "This is one number per slot. The mask has one for every pair of slots."),
        "half": WrongAnswer(_half, "This leaves out the pairs above the diagonal. A dense mask holds them, too."),
        "numbers": WrongAnswer(_mask_numbers, "This is how many numbers there are. Each takes `size` bytes."),
        "one row": WrongAnswer(_one_row, "This is one row. Every row has a mask of its own."),
        "all rows as one": WrongAnswer(_as_one, "Slots of different rows never meet: the square is that of one row."),
    },
)


class Memory:
    """Says whether a batch fits; a try costs time, and after too many it gives up.

    Args:
        limit: the largest batch that fits.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._asked: list[int] = []

    def __call__(self, size: int) -> bool:
        self._asked.append(size)
        if len(self._asked) > TRIES:
            last = ", ".join(map(str, self._asked[-3:]))
            raise RuntimeError(f"{TRIES} tries are enough, and this was one more; the last three sizes were {last}")
        return size <= self.limit

    def __repr__(self) -> str:
        return f"Memory(limit={self.limit})"


TRIES = 24
"""For up to 1,000 sizes: halving takes 10, and doubling until it is too much, then halving, takes 20."""


def largest_that_fits(fits, most):
    low, high = 0, most + 1  # low fits, high does not
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def _one_by_one(fits, most):
    size = 0
    while size < most and fits(size + 1):
        size += 1
    return size


def _first_too_large(fits, most):
    return largest_that_fits(fits, most) + 1


def _never_the_most(fits, most):
    return largest_that_fits(fits, most - 1)


def _doubling(fits, most):
    size = 1
    while size * 2 <= most and fits(size * 2):
        size *= 2
    return size


def _never_the_first(fits, most):
    return max(1, largest_that_fits(fits, most))


def _beyond_the_most(fits, most):
    return largest_that_fits(fits, 2 * most)


def _largest_that_fits_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    for limit, most in ((1, 3), (0, 3), (3, 3), (5, 3), (5, 9), (6, 9)):
        yield Memory(limit), most
    for _ in range(6):
        most = draw.randint(200, 1000)
        yield Memory(draw.randint(100, most)), most


def _judge(returned: Any, expected: int, fits: Memory, most: int) -> str | None:
    if isinstance(returned, bool) or not isinstance(returned, int):
        halves = " Halve with //, which keeps numbers whole." if isinstance(returned, float) else ""
        return f"A whole number of prompts is asked for, and {article(returned)} came back.{halves}"
    if returned == expected:
        return None
    if not 0 <= returned <= most:
        return f"{returned} lies outside of 0 to {most}, which `most` is here."
    return f"A batch of {returned} does not fit." if returned > expected else f"A batch of {returned + 1} fits, too."


LARGEST_THAT_FITS = Exercise(
    key="06-largest",
    title="The largest batch that fits",
    minutes=10,
    level="core",
    task="`fits` is a function: `fits(size)` runs a batch and says whether it fitted. If a batch fits, every smaller "
    "one does. Return the largest size from 1 to `most` that fits, and 0 where none does. Every try costs time, "
    f"so `fits` answers {TRIES} times at most, for up to 1,000 sizes: halve the gap each time.",
    stub="""
        low, high = 0, most + 1  # low fits, high does not
        ...
        return low
    """,
    reference=largest_that_fits,
    cases=_largest_that_fits_cases,
    judge=_judge,
    hints=(
        "Keep two sizes: one that fits (0 to begin with), and one that does not (`most + 1`).",
        "Try the size in the middle. Whatever it says, the gap is half as large.",
        "Stop when they are neighbours. The one that fits is the answer.",
    ),
    wrong={
        "one by one": WrongAnswer(_one_by_one, "Size after size takes too many tries. Halve the gap each time."),
        "the first too large": WrongAnswer(_first_too_large, "This is the first that does not fit: one less."),
        "never the most": WrongAnswer(_never_the_most, "The size `most` itself may fit: it has to be tried."),
        "never none": WrongAnswer(_never_the_first, "Not even one prompt may fit: then 0 is right."),
        "beyond the most": WrongAnswer(_beyond_the_most, "Only sizes up to `most` are asked for, though more may fit."),
        "powers of two": WrongAnswer(_doubling, "This is a power of two. Close the gap above it by halving."),
    },
)


def unpacking(lengths, rows, width):
    return len(lengths) * max(lengths) / (rows * width)


def _tokens(lengths, rows, width):
    return sum(lengths) / (rows * width)


def _inverted(lengths, rows, width):
    return rows * width / (len(lengths) * max(lengths))


def _rows_only(lengths, rows, width):
    return len(lengths) / rows


def _longest_only(lengths, rows, width):
    return max(lengths) / width


def _slots(lengths, rows, width):
    return len(lengths) * max(lengths)


def _unpacking_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    for lengths in few_lengths(draw):
        packing = pack(lengths, max(lengths) + draw.randint(0, 3))
        yield lengths, packing.num_bins, packing.width


def _unpacking_judge(returned: Any, expected: float, lengths: Sequence[int], rows: int, width: int) -> str | None:
    wrong = number(returned, expected)
    return wrong and f"{wrong} Slots: {rows * width} packed, {len(lengths) * max(lengths)} unpacked."


UNPACKING = Exercise(
    key="06-unpack",
    title="The price of unpacking",
    minutes=4,
    level="core",
    task="Prompts of these `lengths` were packed into `rows` rows of `width` slots. Unpacked, each prompt has a row "
    "of its own, as long as the longest. Return how many times as large the cache becomes.",
    reference=unpacking,
    cases=_unpacking_cases,
    judge=_unpacking_judge,
    hints=(
        "A cache is as large as its slots are many. How many are there packed, and how many unpacked?",
        "Unpacked: one row per prompt, `len(lengths) * max(lengths)` slots.",
    ),
    wrong={
        "tokens": WrongAnswer(
            _tokens,
            "This counts tokens. Unpacked caches are padded again: each prompt has as many slots as the longest.",
        ),
        "inverted": WrongAnswer(_inverted, "It is upside down: divide the unpacked slots by the packed ones."),
        "rows only": WrongAnswer(_rows_only, "This compares the rows only. Their width counts, too."),
        "width only": WrongAnswer(_longest_only, "This compares the widths only. How many rows there are counts, too."),
        "slots": WrongAnswer(_slots, "These are the slots afterwards. Divide by those before."),
    },
)


QUIZZES = (
    Quiz(
        "06-logits",
        "A script keeps the logits of all slots, and uses those after each prompt. What does it waste?",
        (
            Answer("Nothing, they are computed anyway", False, "The head can take the last slots only."),
            Answer("Memory for a whole vocabulary at every slot", True, "All but one per prompt are thrown away."),
            Answer("Only time", False, "Time as well, but a vocabulary of numbers at every slot is mostly memory."),
        ),
    ),
    Quiz(
        "06-wall",
        "Full batching fits 300 prompts. One more has ten thousand tokens. How many does it fit now?",
        (
            Answer("301", False, "All others are padded to ten thousand tokens as well."),
            Answer("Far fewer than 300", True, "The longest prompt sets the width of every row."),
            Answer("300, and one left over", False, "The one that is left over is just the one that must be run."),
        ),
    ),
    Quiz(
        "06-free",
        "Which part of the memory does packing not touch?",
        (
            Answer("The weights", True, "They are the same whatever is run; they are a floor under every method."),
            Answer("The cache", False, "It holds the slots that were computed: fewer of them when packed."),
            Answer("The activations", False, "They grow with the slots of a pass, too."),
        ),
    ),
)
