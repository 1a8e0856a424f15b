"""Lesson 10, beyond prepacking."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from prepack_lab.course.exercises.cases import few_lengths
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number, numbers
from prepack_lab.course.exercises.quiz import Answer, Quiz


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


def _chunks_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
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
    task="A step computes `budget` tokens at most. In each step `writing` requests write a token each; what is left "
    "of the budget reads a prompt of `prompt` tokens, as much as fits. Return the list of its chunks: the "
    "tokens that are read in step 1, step 2, and so on, until it is read.",
    stub="""
        sizes = []
        ...  # while something is unread, append a chunk
        return sizes
    """,
    reference=chunks,
    cases=_chunks_cases,
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


def _blocks_all_as_the_longest(lengths, block_size):
    taken = len(lengths) * -(-max(lengths) // block_size)
    return taken, taken * block_size - sum(lengths)


def _empty_first(lengths, block_size):
    return blocks(lengths, block_size)[::-1]


def _blocks_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
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
    stub="""
        taken = ...
        empty = ...
        return taken, empty
    """,
    reference=blocks,
    cases=_blocks_cases,
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
            _blocks_all_as_the_longest, "All your prompts take as many blocks as the longest. That is padding again."
        ),
        "the empty ones first": WrongAnswer(_empty_first, "Both are right, in the other order: the blocks come first."),
    },
)


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


def _shared_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
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
    "has in common with *any* earlier one is in the cache already (token by token here, no blocks). But its "
    "last token is always computed, because the answer begins with its logits. Return how many tokens need no "
    "computing, over all prompts.",
    stub="""
        saved = 0
        for place, prompt in enumerate(prompts):
            known = 0
            for earlier in prompts[:place]:
                ...  # how long is the beginning that both have in common?
            saved += min(known, len(prompt) - 1)
        return saved
    """,
    reference=saved_tokens,
    cases=_shared_cases,
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


def steps(outputs, seats):
    static = sum(max(outputs[start : start + seats]) for start in range(0, len(outputs), seats))
    free_from = [0] * seats
    for output in outputs:
        seat = free_from.index(min(free_from))
        free_from[seat] += output
    return static, max(free_from)


def _never_empty(outputs, seats):
    return steps(outputs, seats)[0], -(-sum(outputs) // seats)


def _steps_all_as_the_longest(outputs, seats):
    return max(outputs) * -(-len(outputs) // seats), steps(outputs, seats)[1]


def _dealt_out(outputs, seats):
    return steps(outputs, seats)[0], max(sum(outputs[seat::seats]) for seat in range(seats))


def _longest_first(outputs, seats):
    return steps(outputs, seats)[0], steps(sorted(outputs, reverse=True), seats)[1]


def _continuous_first(outputs, seats):
    return steps(outputs, seats)[::-1]


def _first_to_be_free(outputs, seats):
    free_from = [0] * seats
    for output in outputs:
        free_from[free_from.index(min(free_from))] += output
    return steps(outputs, seats)[0], min(free_from)


def _steps_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    for outputs in few_lengths(draw):
        yield outputs, 2
        yield outputs, draw.randint(1, 4)


STEPS = Exercise(
    key="10-continuous",
    title="Static batches against continuous batching",
    minutes=10,
    level="challenge",
    task="Requests wait in this order; `outputs` are the steps that each needs. At most `seats` of them compute in a "
    "step. Static: batches of `seats` in order, and the next begins when all of a batch have finished. "
    "Continuous: whenever a seat is free, the next request takes it. Return (static, continuous): the steps "
    "until all are done.",
    stub="""
        static = ...
        free_from = [0] * seats  # the step from which on each seat is free
        for output in outputs:
            ...  # who takes which seat, and until when?
        return static, max(free_from)
    """,
    reference=steps,
    cases=_steps_cases,
    judge=numbers,
    hints=(
        "Static: a batch takes as many steps as its longest answer. Cut the list into batches, and add up.",
        "Continuous: keep for each seat the step from which on it is free, all 0 at first.",
        "The next request takes the seat that is free first: `seat = free_from.index(min(free_from))`.",
        "It stays for its output: `free_from[seat] += output`. In the end, the latest seat counts.",
    ),
    wrong={
        "never an empty seat": WrongAnswer(
            _never_empty, "You divide all steps by the seats. Towards the end some seats stay empty: nobody waits."
        ),
        "all as the longest": WrongAnswer(
            _steps_all_as_the_longest,
            "Your static batches all take as long as the longest answer. Each has its own longest.",
        ),
        "dealt out": WrongAnswer(
            _dealt_out, "You deal the requests out beforehand. The next one takes whichever seat is free first."
        ),
        "longest first": WrongAnswer(
            _longest_first, "You let the longest go first. They come in the order given: nobody knows lengths ahead."
        ),
        "continuous first": WrongAnswer(_continuous_first, "Both are right, in the other order: static comes first."),
        "the first to be free": WrongAnswer(
            _first_to_be_free, "Your continuous steps end when the first seat is free for good. All must be done."
        ),
    },
)


QUIZZES = (
    Quiz(
        "10-longer",
        "A workload has the same shape as another, but every prompt is ten times as long. Its k/r is …",
        (
            Answer("ten times as large", False, "Tokens and capacity both grow by ten: as many prompts share a row."),
            Answer("the same", True, "The longest prompt grows like the others. Rows only ask how unequal they are."),
            Answer("a tenth", False, "The prompts are longer, and so are the rows that hold them."),
        ),
    ),
    Quiz(
        "10-seats",
        "All requests are there from the start. When does continuous batching need as many steps as static batches?",
        (
            Answer(
                "When there are many seats", False, "More seats make it likelier that one of them has a long answer."
            ),
            Answer(
                "When all answers are equally long", True, "Then a batch ends all at once, and no seat stays empty."
            ),
            Answer("When all prompts are equally long", False, "Prompts decide about padding; answers about seats."),
        ),
    ),
    Quiz(
        "10-budget",
        "You halve the budget of chunked prefill. Who waits longer?",
        (
            Answer("Those who write", False, "Their steps become shorter, and so do their pauses."),
            Answer(
                "Those whose prompt is read",
                True,
                "It takes twice as many steps, and each one reads all weights, and the cache of the chunks before.",
            ),
            Answer("Nobody: it is the same work", False, "The tokens are the same. The weights are read once a step."),
        ),
    ),
    Quiz(
        "10-scores",
        "You score 100,000 exam questions, all there from the start, one token each, with a model in transformers. "
        "What helps most?",
        (
            Answer(
                "Continuous batching", False, "Every answer is one step, so all leave at once. No seat stays empty."
            ),
            Answer("A paged cache", False, "Nothing is written after the first token, so no cache grows."),
            Answer("Packing", True, "All of the work is prefill, and all of the waste is padding."),
        ),
    ),
)
