"""Lesson 10, beyond prepacking."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, islice, pairwise
from random import Random
from typing import Any

from prepack_lab.course.exercises.cases import few_lengths
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number, numbers
from prepack_lab.course.exercises.quiz import Answer, Quiz


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
    return steps(outputs, seats)[0], min(_free_from(outputs, seats))


def _one_at_a_time(outputs, seats):
    return sum(outputs), steps(outputs, seats)[1]


def _free_from(outputs: Sequence[int], seats: int) -> list[int]:
    """The step from which on each seat is free for good."""
    free_from = [0] * seats
    for output in outputs:
        free_from[free_from.index(min(free_from))] += output
    return free_from


def _judge_steps(returned: Any, expected: tuple[int, int], outputs: Sequence[int], seats: int) -> str | None:
    if (wrong := numbers(returned, expected)) is None or not _pair(returned):
        return wrong
    if returned[0] != expected[0]:
        longest = [max(outputs[start : start + seats]) for start in range(0, len(outputs), seats)]
        return f"Static: the batches take {', '.join(map(str, longest))} steps, and you have {returned[0]:g} in all."
    free = ", ".join(map(str, _free_from(outputs, seats)))
    return f"Static is right. Continuous: the seats are free for good after {free} steps, and you have {returned[1]:g}."


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
        continuous = ...  # keep for each seat the step from which on it is free
        return static, continuous
    """,
    reference=steps,
    cases=_steps_cases,
    judge=_judge_steps,
    hints=(
        "Static: a batch takes as many steps as its longest answer. Cut the list into batches, and add up.",
        "Continuous: keep for each seat the step from which on it is free, all 0 at first: `free_from = [0] * seats`.",
        "The next request takes the seat that is free first: `seat = free_from.index(min(free_from))`.",
        "It stays for its output: `free_from[seat] += output`. In the end, the latest seat counts.",
    ),
    wrong={
        "never an empty seat": WrongAnswer(
            _never_empty, "This divides all steps by the seats. Towards the end some seats stay empty: nobody waits."
        ),
        "all as the longest": WrongAnswer(
            _steps_all_as_the_longest,
            "Here all static batches take as long as the longest answer. Each has its own longest.",
        ),
        "dealt out": WrongAnswer(
            _dealt_out, "This is what dealing out beforehand gives. The next one takes whichever seat is free first."
        ),
        "longest first": WrongAnswer(
            _longest_first, "Here the longest go first. They come in the order given: nobody knows lengths ahead."
        ),
        "continuous first": WrongAnswer(_continuous_first, "Both are right, in the other order: static comes first."),
        "the first to be free": WrongAnswer(
            _first_to_be_free, "These continuous steps end when the first seat is free for good. All must be done."
        ),
        "one at a time": WrongAnswer(
            _one_at_a_time, "Here static computes one request after the other. A batch computes `seats` at a time."
        ),
    },
)


def chunks(prompt, writing, budget):
    room = budget - writing
    sizes = []
    while prompt > 0 and room > 0:
        sizes.append(min(room, prompt))
        prompt -= sizes[-1]
    return sizes


def _nobody_writes(prompt, writing, budget):
    return chunks(prompt, 0, budget)


def _last_is_full(prompt, writing, budget):
    return [budget - writing] * len(chunks(prompt, writing, budget))


def _rest_is_lost(prompt, writing, budget):
    room = max(budget - writing, 0)
    return [room] * (prompt // room if room else 0)


def _empty_one_at_the_end(prompt, writing, budget):
    room = budget - writing
    return [room] * (prompt // room) + [prompt % room] if room > 0 else []


def _how_many(prompt, writing, budget):
    return len(chunks(prompt, writing, budget))


def _in_steps_of_nothing(prompt, writing, budget):
    room = budget - writing
    return [min(room, prompt - read) for read in range(0, prompt, room)]


def _at_once(prompt, writing, budget):
    return [prompt]


def _rest_first(prompt, writing, budget):
    return chunks(prompt, writing, budget)[::-1]


def _even(prompt, writing, budget):
    steps = len(chunks(prompt, writing, budget))
    return [prompt // steps + (step < prompt % steps) for step in range(steps)]


def _reads_anyway(prompt, writing, budget):
    return chunks(prompt, writing, max(budget, writing + 1))


def _judge_chunks(returned: Any, expected: list[int], prompt: int, writing: int, budget: int) -> str | None:
    if not isinstance(returned, list) or not all(_whole(size) for size in returned):
        return "A list of whole numbers is asked for: the sizes of the chunks."
    if returned == expected:
        return None
    if not expected:
        return f"The budget is {budget}, and {writing} write: nothing is ever read, so the list is empty."
    for step, size in enumerate(returned, start=1):
        if size < 1:
            return f"Chunk {step} is {size}: that step would read nothing."
        if size + writing > budget:
            return f"In step {step}, {writing} write and {size} are read: more than {budget} tokens."
    if sum(returned) != prompt:
        return f"The prompt has length {prompt}, and your chunks add up to {sum(returned)}."
    step = next(place for place, size in enumerate(returned) if size < expected[place])
    return f"Step {step + 1} reads {returned[step]}, and there is room for {expected[step]}."


def _whole(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)


def _chunks_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield 1, 0, 1
    yield 2, 0, 2
    yield 3, 1, 2
    yield 5, 1, 3
    yield 6, 1, 4
    yield 5, 3, 3
    yield 5, 4, 3
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
    "tokens that are read in step 1, step 2, and so on, until it is read. Where nothing is left, it is never read: "
    "return an empty list.",
    stub="""
        room = ...  # tokens of a step that are left for reading
        sizes = ...
        return sizes
    """,
    reference=chunks,
    cases=_chunks_cases,
    judge=_judge_chunks,
    hints=(
        "How many tokens of a step are left for reading? `budget - writing`. Is that more than 0?",
        "Go on while there is something to read: append a chunk, and take it from `prompt`.",
        "The last chunk is what is left: `min(budget - writing, prompt)`.",
    ),
    wrong={
        "nobody writes": WrongAnswer(
            _nobody_writes, "The whole budget is spent on the prompt. Each of those who write needs a token of it."
        ),
        "the last one full": WrongAnswer(
            _last_is_full, "The last chunk is as large as the others. It holds what is left of the prompt."
        ),
        "the rest is lost": WrongAnswer(
            _rest_is_lost, "The end of the prompt is missing, where its length is no multiple of a chunk."
        ),
        "an empty one at the end": WrongAnswer(
            _empty_one_at_the_end, "There is an empty chunk at the end, where the length is a multiple of a chunk."
        ),
        "in steps of nothing": WrongAnswer(
            _in_steps_of_nothing, "Where those who write take the whole budget, a chunk would hold 0: return [] there."
        ),
        "how many": WrongAnswer(_how_many, "This is how many chunks there are. Return the list of their sizes."),
        "at once": WrongAnswer(_at_once, "This reads the prompt at once: then all others wait for it."),
        "the rest first": WrongAnswer(_rest_first, "The short chunk comes last: each step reads as much as fits."),
        "even chunks": WrongAnswer(
            _even, "These chunks are even. Each step reads as much as fits, and the last the rest."
        ),
        "reads anyway": WrongAnswer(
            _reads_anyway,
            "Right, but where those who write leave no room: there nothing is read, and the list is empty.",
        ),
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


def _empty_blocks(lengths, block_size):
    taken, empty = blocks(lengths, block_size)
    return taken, empty / block_size


def _remainders(lengths, block_size):
    return blocks(lengths, block_size)[0], sum(length % block_size for length in lengths)


def _judge_blocks(returned: Any, expected: tuple[int, int], lengths: Sequence[int], block_size: int) -> str | None:
    if (wrong := numbers(returned, expected)) is None or not _pair(returned):
        return wrong
    taken, empty = expected
    if returned[0] != taken:
        each = ", ".join(f"a length of {length} takes {-(-length // block_size)}" for length in dict.fromkeys(lengths))
        return f"With this block size {each}: {taken} in all, and you have {returned[0]:g}."
    return f"The blocks are right. Slots: {taken * block_size}, tokens: {sum(lengths)}, so empty: {empty}."


def _pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(one, int | float) for one in value)


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
    judge=_judge_blocks,
    hints=(
        "Blocks are whole: divide each prompt's length by the block size, and round up.",
        "`-(-length // block_size)` rounds up. Add it up over the prompts.",
        "Empty is what all blocks hold, `taken * block_size`, less the tokens, `sum(lengths)`.",
    ),
    wrong={
        "rounded down": WrongAnswer(
            _rounded_down, "This is what rounding down gives. Tokens that are left over need a block, too."
        ),
        "one more": WrongAnswer(
            _one_more, "This is a block too many for a prompt that fills its last block to the brim."
        ),
        "shared blocks": WrongAnswer(
            _shared_blocks,
            "This rounds once, over all tokens together. Two prompts never share a block: round for each.",
        ),
        "all as the longest": WrongAnswer(
            _blocks_all_as_the_longest, "Here all prompts take as many blocks as the longest. That is padding again."
        ),
        "the empty ones first": WrongAnswer(_empty_first, "Both are right, in the other order: the blocks come first."),
        "empty blocks": WrongAnswer(_empty_blocks, "The second number is in blocks here. Count slots."),
        "remainders": WrongAnswer(
            _remainders,
            "The second number counts the tokens in last blocks that are not full. Count what they leave empty.",
        ),
    },
)


def flat_step(texts, computed, scheduled):
    tokens, positions, query_starts = [], [], [0]
    for text, done, more in zip(texts, computed, scheduled, strict=True):
        tokens += text[done : done + more]
        positions += range(done, done + more)
        query_starts.append(len(tokens))
    return tokens, positions, query_starts


def _positions_from_zero(texts, computed, scheduled):
    tokens, _, query_starts = flat_step(texts, computed, scheduled)
    return tokens, [place for more in scheduled for place in range(more)], query_starts


def _positions_of_the_row(texts, computed, scheduled):
    tokens, _, query_starts = flat_step(texts, computed, scheduled)
    return tokens, [*range(len(tokens))], query_starts


def _from_the_beginning(texts, computed, scheduled):
    _, positions, query_starts = flat_step(texts, computed, scheduled)
    return (
        [token for text, more in zip(texts, scheduled, strict=True) for token in text[:more]],
        positions,
        query_starts,
    )


def _all_that_is_left(texts, computed, scheduled):
    return flat_step(texts, computed, [len(text) - done for text, done in zip(texts, computed, strict=True)])


def _ends_at_the_size(texts, computed, scheduled):
    _, positions, query_starts = flat_step(texts, computed, scheduled)
    many = zip(texts, computed, scheduled, strict=True)
    return [token for text, done, more in many for token in text[done:more]], positions, query_starts


def _from_the_end(texts, computed, scheduled):
    _, positions, query_starts = flat_step(texts, computed, scheduled)
    return (
        [token for text, more in zip(texts, scheduled, strict=True) for token in text[-more:]],
        positions,
        query_starts,
    )


def _everything_again(texts, computed, scheduled):
    return flat_step(texts, [0] * len(texts), [done + more for done, more in zip(computed, scheduled, strict=True)])


def _no_zero(texts, computed, scheduled):
    tokens, positions, query_starts = flat_step(texts, computed, scheduled)
    return tokens, positions, query_starts[1:]


def _no_end(texts, computed, scheduled):
    tokens, positions, query_starts = flat_step(texts, computed, scheduled)
    return tokens, positions, query_starts[:-1]


def _sizes(texts, computed, scheduled):
    tokens, positions, _ = flat_step(texts, computed, scheduled)
    return tokens, positions, scheduled


def _key_starts(texts, computed, scheduled):
    tokens, positions, _ = flat_step(texts, computed, scheduled)
    return tokens, positions, [0, *accumulate(map(sum, zip(computed, scheduled, strict=True)))]


def _request_by_request(texts, computed, scheduled):
    flat = flat_step(texts, computed, scheduled)
    spans = [*pairwise(flat[2])]
    return *([one[begin:end] for begin, end in spans] for one in flat[:2]), flat[2]


def _positions_first(texts, computed, scheduled):
    tokens, positions, query_starts = flat_step(texts, computed, scheduled)
    return positions, tokens, query_starts


def _judge_flat(
    returned: Any, expected: tuple[list[int], ...], texts: Any, computed: Sequence[int], scheduled: Sequence[int]
) -> str | None:
    names = ("tokens", "positions", "query_starts")
    if not isinstance(returned, list | tuple) or len(returned) != len(names):
        return "Three lists are asked for: (tokens, positions, query_starts)."
    for name, own, right in zip(names, returned, expected, strict=True):
        if (wrong := _first_difference(name, own, right)) is not None:
            if not isinstance(own, list | tuple) or name == "query_starts" or len(own) != len(right):
                return f"{wrong} Tokens of each request in the row: {[*scheduled]}."
            place = next(place for place, (one, asked) in enumerate(zip(own, right, strict=True)) if one != asked)
            request = max(one for one, begin in enumerate(expected[2][:-1]) if begin <= place)
            first, last = computed[request], computed[request] + scheduled[request] - 1
            return f"{wrong} Of request {request} the step computes places {first} to {last}."
    return None


def _first_difference(name: str, own: Any, right: Sequence[int]) -> str | None:
    """What is wrong with a flat list of whole numbers, in words."""
    if not isinstance(own, list | tuple) or not all(isinstance(one, int | float) for one in own):
        return f"{name} is a flat list of numbers, with all requests end to end."
    for place, (given, asked) in enumerate(zip(own, right, strict=False)):
        if given != asked:
            return f"{name}[{place}] is {given}, and right is {asked}."
    if len(own) != len(right):
        return f"{name} has length {len(own)}, and right is {len(right)}."
    return None


def _flat_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [[7]], [0], [1]
    yield [[7, 8]], [1], [1]
    yield [[7, 8], [9]], [1, 0], [1, 1]
    yield [[1, 2, 3], [4, 5, 6, 7]], [2, 1], [1, 2]
    for requests in range(1, 6):
        for _ in range(7):
            texts = [[draw.randint(1, 99) for _ in range(draw.randint(1, 9))] for _ in range(requests)]
            computed = [draw.randint(0, len(text) - 1) for text in texts]
            yield (
                texts,
                computed,
                [draw.randint(1, len(text) - done) for text, done in zip(texts, computed, strict=True)],
            )


FLAT_STEP = Exercise(
    key="10-step-tokens",
    title="One step, end to end",
    minutes=6,
    level="core",
    task="`texts` holds the token ids of each request, read and written. `computed` says of each how many are in "
    "the cache, and `scheduled` how many this step computes next, 1 or more.\n\nReturn three flat lists (tokens, "
    "positions, query_starts). *tokens* and *positions* lie end to end, in the order of the requests; a position is "
    "the token's place in its own text, from 0. *query_starts* says where the tokens of each request begin in the "
    "row, from 0 on, and ends with the number of all.",
    stub="""
        tokens, positions, query_starts = ..., ..., ...
        return tokens, positions, query_starts
    """,
    reference=flat_step,
    cases=_flat_cases,
    judge=_judge_flat,
    hints=(
        "Begin with `tokens, positions, query_starts = [], [], [0]`, and go through the requests with `zip`.",
        "The tokens of a request are a slice of its text: from `done` to `done + more`.",
        "Their positions are the same numbers: `range(done, done + more)`.",
        "After each request, append how many tokens lie in the row by now.",
    ),
    wrong={
        "positions from 0": WrongAnswer(
            _positions_from_zero, "These positions begin at 0 for each request. What is in the cache came before."
        ),
        "positions of the row": WrongAnswer(
            _positions_of_the_row, "These positions are places in the row. Take the places in each text."
        ),
        "from the beginning": WrongAnswer(
            _from_the_beginning, "These are first tokens of the texts. The first ones are in the cache already."
        ),
        "ends at the size": WrongAnswer(
            _ends_at_the_size,
            "These slices end at place `scheduled` of the text. They should end that far behind `computed`.",
        ),
        "from the end": WrongAnswer(
            _from_the_end, "These are the last tokens of each text. The next ones follow what is in the cache."
        ),
        "all that is left": WrongAnswer(
            _all_that_is_left, "This computes each text to its end. The step has room for `scheduled` tokens only."
        ),
        "everything again": WrongAnswer(
            _everything_again, "This computes what is in the cache again. Only the scheduled tokens are in the row."
        ),
        "no 0": WrongAnswer(_no_zero, "These are the ends. The list begins with 0, where the first request begins."),
        "no end": WrongAnswer(_no_end, "The last number is missing: where the last request ends."),
        "sizes": WrongAnswer(_sizes, "These are the sizes. Add them up, one after the other, from 0."),
        "starts of the keys": WrongAnswer(
            _key_starts, "These starts count the cache, too. The row holds only what the step computes."
        ),
        "request by request": WrongAnswer(
            _request_by_request, "These are lists in a list. Lay the requests end to end in a single one."
        ),
        "positions first": WrongAnswer(_positions_first, "Both are right, in the other order: the tokens come first."),
    },
)


def grow_tables(tables, lengths, free, block_size):
    grown, taken = [], 0
    for table, length in zip(tables, lengths, strict=True):
        more = -(-length // block_size) - len(table)
        grown.append(table + free[taken : taken + more])
        taken += more
    return grown


def _rounded_tables(tables, lengths, free, block_size):
    return _grown(
        tables, [length // block_size - len(table) for table, length in zip(tables, lengths, strict=True)], free
    )


def _brimming_tables(tables, lengths, free, block_size):
    wanted = [length // block_size + 1 - len(table) for table, length in zip(tables, lengths, strict=True)]
    return _grown(tables, wanted, free)


def _anew(tables, lengths, free, block_size):
    return _grown([[] for _ in tables], [-(-length // block_size) for length in lengths], free)


def _on_top(tables, lengths, free, block_size):
    return _grown(tables, [-(-length // block_size) for length in lengths], free)


def _from_the_back(tables, lengths, free, block_size):
    return grow_tables(tables, lengths, free[::-1], block_size)


def _the_same_blocks(tables, lengths, free, block_size):
    return [grow_tables([table], [length], free, block_size)[0] for table, length in zip(tables, lengths, strict=True)]


def _only_the_new(tables, lengths, free, block_size):
    grown = grow_tables(tables, lengths, free, block_size)
    return [row[len(table) :] for row, table in zip(grown, tables, strict=True)]


def _in_front(tables, lengths, free, block_size):
    new = _only_the_new(tables, lengths, free, block_size)
    return [blocks + table for blocks, table in zip(new, tables, strict=True)]


def _sorted_tables(tables, lengths, free, block_size):
    return [sorted(table) for table in grow_tables(tables, lengths, free, block_size)]


def _one_each(tables, lengths, free, block_size):
    return _grown(tables, [1] * len(tables), free)


def _grown(tables: Sequence[list[int]], more: Sequence[int], free: Sequence[int]) -> list[list[int]]:
    """Tables with so many more blocks each, from the front of those that are free; fewer where they run out."""
    left = iter(free)
    return [[*table, *islice(left, max(many, 0))] for table, many in zip(tables, more, strict=True)]


def _judge_tables(
    returned: Any, expected: list[list[int]], tables: Any, lengths: Sequence[int], free: Sequence[int], block_size: int
) -> str | None:
    if not isinstance(returned, list | tuple) or not all(isinstance(table, list | tuple) for table in returned):
        return "A list of tables is asked for, and each is a list of block numbers."
    if len(returned) != len(expected):
        all_of_them = " Those that need no block have a table, too." if len(returned) < len(expected) else ""
        return f"Requests: {len(expected)}; tables that came back: {len(returned)}.{all_of_them}"
    for request, (own, right) in enumerate(zip(returned, expected, strict=True)):
        if [*own] != right:
            need = f"{len(right)} block{'s' * (len(right) > 1)}"
            held = f"request {request} has {lengths[request]} in its cache, which takes {need} of {block_size} slots"
            return f"After the step {held}: {right}, and not {[*own]}."
    return None


def _table_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [[]], [1], [0], 2
    yield [[0]], [2], [1, 2], 2
    yield [[1]], [3], [0, 2, 3], 2
    yield [[2], []], [3, 4], [0, 3, 1, 4, 5], 2
    yield [[0, 3], [1]], [5, 2], [4, 2, 6, 5], 2
    for requests in range(1, 6):
        for _ in range(7):
            block_size = draw.choice((1, 2, 4))
            before = [draw.choice((0, 0, draw.randint(1, 9))) for _ in range(requests)]
            lengths = [done + draw.randint(1, 7) for done in before]
            pool = draw.sample(range(100), 90)
            tables = _grown([[] for _ in before], [-(-done // block_size) for done in before], pool)
            yield tables, lengths, [one for one in pool if not any(one in table for table in tables)][:84], block_size


GROW_TABLES = Exercise(
    key="10-step-blocks",
    title="The block table",
    minutes=6,
    level="core",
    task="`tables` holds for each request the blocks that it has so far, in the order of its tokens, and `lengths` how "
    "many tokens its cache will hold after the step. A block has `block_size` slots. Request after request takes as "
    "many new blocks as it needs, from the front of the list `free`, which is long enough; some need none. Return "
    "the tables after the step.",
    stub="""
        grown = ...  # a table for each request
        return grown
    """,
    reference=grow_tables,
    cases=_table_cases,
    judge=_judge_tables,
    hints=(
        "How many blocks do `length` tokens take? Divide by the block size, and round up.",
        "It has `len(table)` of them already, so it needs the others only; sometimes none.",
        "What one request takes is gone for the next: keep count, or take from `free` with `free.pop(0)`.",
    ),
    wrong={
        "rounded down": WrongAnswer(
            _rounded_tables, "This is what rounding down gives. Tokens that are left over need a block, too."
        ),
        "one more": WrongAnswer(
            _brimming_tables, "This takes a block too many for a request that fills its last one to the brim."
        ),
        "all anew": WrongAnswer(_anew, "These tables are new throughout. What is in the old blocks is still needed."),
        "on top": WrongAnswer(_on_top, "This takes blocks for all tokens. Those that a request holds count, too."),
        "from the back": WrongAnswer(_from_the_back, "These blocks come from the back of the list. Take the front."),
        "the same blocks": WrongAnswer(
            _the_same_blocks, "Several requests get the same blocks here, and would overwrite each other's keys."
        ),
        "only the new": WrongAnswer(
            _only_the_new, "These are the new blocks only. A table has the old ones before them."
        ),
        "in front": WrongAnswer(_in_front, "The new blocks stand in front. A table follows the order of the tokens."),
        "sorted": WrongAnswer(_sorted_tables, "These tables are sorted. A table follows the order of the tokens."),
        "one each": WrongAnswer(_one_each, "Here each request takes one block. Some need none, and some several."),
    },
)


def slot_mapping(tables, positions, query_starts, block_size):
    slots = []
    for request, table in enumerate(tables):
        for position in positions[query_starts[request] : query_starts[request + 1]]:
            slots.append(table[position // block_size] * block_size + position % block_size)
    return slots


def _of_each(one: Callable[[list[int], int, int], int], tables, positions, query_starts) -> list[int]:
    """Apply a rule to the table, the place in the row and the position of each token."""
    spans = zip(tables, pairwise(query_starts), strict=True)
    return [one(table, place, positions[place]) for table, (begin, end) in spans for place in range(begin, end)]


def _blocks_alone(tables, positions, query_starts, block_size):
    return _of_each(lambda table, place, at: table[at // block_size], tables, positions, query_starts)


def _not_multiplied(tables, positions, query_starts, block_size):
    return _of_each(lambda table, place, at: table[at // block_size] + at % block_size, tables, positions, query_starts)


def _no_offset(tables, positions, query_starts, block_size):
    return _of_each(lambda table, place, at: table[at // block_size] * block_size, tables, positions, query_starts)


def _no_table(tables, positions, query_starts, block_size):
    return list(positions)


def _first_table(tables, positions, query_starts, block_size):
    blocks = [*tables[0], *(block for table in tables[1:] for block in table)]
    return [blocks[at // block_size % len(blocks)] * block_size + at % block_size for at in positions]


def _places_in_the_row(tables, positions, query_starts, block_size):
    return _of_each(
        lambda table, place, at: table[at // block_size] * block_size + place % block_size,
        tables,
        positions,
        query_starts,
    )


def _last_block(tables, positions, query_starts, block_size):
    return _of_each(lambda table, place, at: table[-1] * block_size + at % block_size, tables, positions, query_starts)


def _first_block(tables, positions, query_starts, block_size):
    return _of_each(lambda table, place, at: table[0] * block_size + at, tables, positions, query_starts)


def _from_one(tables, positions, query_starts, block_size):
    return [slot + 1 for slot in slot_mapping(tables, positions, query_starts, block_size)]


def _pairs(tables, positions, query_starts, block_size):
    return [divmod(slot, block_size) for slot in slot_mapping(tables, positions, query_starts, block_size)]


def _judge_slots(
    returned: Any, expected: list[int], tables: Any, positions: Any, query_starts: Sequence[int], block_size: int
) -> str | None:
    if not isinstance(returned, list | tuple) or not all(isinstance(slot, int | float) for slot in returned):
        return "A flat list of numbers is asked for: a slot for each token of the row."
    if len(returned) != len(expected):
        return f"Tokens in the row: {len(expected)}; slots that came back: {len(returned)}."
    for place, (slot, right) in enumerate(zip(returned, expected, strict=True)):
        if slot != right:
            request = max(one for one, begin in enumerate(query_starts[:-1]) if begin <= place)
            block, offset = divmod(right, block_size)
            at = f"position {positions[place]} of request {request}"
            return f"Token {place} is {at}: place {offset} of block {block}, so slot {right}, and not {slot}."
    return None


def _slot_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [[0]], [0], [0, 1], 2
    yield [[1]], [1], [0, 1], 2
    yield [[1, 0]], [2], [0, 1], 2
    yield [[1, 0]], [1, 2], [0, 2], 2
    yield [[3, 0], [2]], [3, 0, 1], [0, 1, 3], 2
    yield [[3, 0], [1, 5], [2]], [6, 4, 5, 6, 0, 1], [0, 1, 4, 6], 4
    for requests in range(1, 6):
        for _ in range(7):
            block_size, pool = draw.choice((1, 2, 4, 8)), draw.sample(range(80), 80)
            before = [draw.choice((0, draw.randint(1, 9))) for _ in range(requests)]
            more = [draw.randint(1, 6) for _ in range(requests)]
            wanted = [-(-(done + many) // block_size) for done, many in zip(before, more, strict=True)]
            positions = [at for done, many in zip(before, more, strict=True) for at in range(done, done + many)]
            yield _grown([[]] * requests, wanted, pool), positions, [0, *accumulate(more)], block_size


SLOT_MAPPING = Exercise(
    key="10-step-slots",
    title="The slot mapping",
    minutes=6,
    level="core",
    task="Where does each token of the row write its keys and values? Slots are numbered from 0 through all blocks: "
    "block 0 has the first `block_size` of them, block 1 the next.\n\n`tables` holds for each request its blocks, in "
    "the order of its tokens. `query_starts` says where its tokens begin in the row, and ends with the number of all; "
    "`positions` gives the place of each token of the row in its own text. Return the slots, a flat list.",
    stub="""
        slots = ...
        return slots
    """,
    reference=slot_mapping,
    cases=_slot_cases,
    judge=_judge_slots,
    hints=(
        "The positions of request i are `positions[query_starts[i] : query_starts[i + 1]]`.",
        "A token at `position` lies in entry `position // block_size` of its table.",
        "Within the block it is at place `position % block_size`.",
        "Slot = block · block size + place in the block.",
    ),
    wrong={
        "blocks alone": WrongAnswer(
            _blocks_alone, "These are blocks, and each has several slots. Say which slot of the block it is."
        ),
        "not multiplied": WrongAnswer(
            _not_multiplied, "The number of a block is added as it is. Each block before it has `block_size` slots."
        ),
        "no offset": WrongAnswer(_no_offset, "These are the first slots of blocks. Add the place within the block."),
        "no table": WrongAnswer(_no_table, "These are the positions. The block table says where they lie in memory."),
        "one table for all": WrongAnswer(
            _first_table, "This looks positions up in all tables joined. Each request has a table of its own."
        ),
        "places in the row": WrongAnswer(
            _places_in_the_row, "The place in the block comes from the row here. Take it from the position."
        ),
        "the last block": WrongAnswer(
            _last_block, "Here all tokens go into the last block of their request. A chunk may span several."
        ),
        "the first block": WrongAnswer(
            _first_block, "This counts on from the first block. The blocks of a request need not be neighbours."
        ),
        "from 1": WrongAnswer(_from_one, "All slots are one too high: they are numbered from 0."),
        "pairs": WrongAnswer(_pairs, "These are pairs of block and place. Make one number of each."),
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


def _earlier_lack_their_last(prompts):
    return _summed(prompts, lambda before, prompt: max(_common(prompt, one[:-1]) for one in before))


def _later_ones_too(prompts):
    others = [[*prompts[:place], *prompts[place + 1 :]] for place in range(len(prompts))]
    return sum(
        min(max((_common(prompt, one) for one in before), default=0), len(prompt) - 1)
        for before, prompt in zip(others, prompts, strict=True)
    )


def _all_of_it(prompts):
    return _summed(prompts, lambda before, prompt: max(_common(prompt, one) for one in before) and len(prompt))


def _nothing_before_the_first(prompts):
    known = [max(_common(prompt, one) for one in prompts[:place]) for place, prompt in enumerate(prompts)]
    return sum(known)


def _beyond_the_end(prompts):
    def common(one, other):
        place = 0
        while one[place] == other[place]:
            place += 1
        return place

    return _summed(prompts, lambda before, prompt: max(common(prompt, one) for one in before))


def _shares(prompts: Sequence[Sequence[int]]) -> list[int]:
    """What each prompt saves."""
    totals = [saved_tokens(prompts[: place + 1]) for place in range(len(prompts))]
    return [total - before for total, before in zip(totals, [0, *totals], strict=False)]


def _judge_saved(returned: Any, expected: int, prompts: Sequence[Sequence[int]]) -> str | None:
    if (wrong := number(returned, expected)) is None or isinstance(returned, list | tuple | dict | str):
        return wrong
    each = ", ".join(map(str, _shares(prompts)))
    return f"Prompt by prompt, the tokens that need no computing are {each}."


def _shared_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield ([[1]],)
    yield ([[1], [1]],)
    yield ([[1, 2], [1, 3]],)
    yield ([[1, 2], [1, 2]],)
    yield ([[1, 2], [3, 2]],)
    yield ([[1, 2], [1, 2, 3]],)
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
            known = ...  # the longest beginning in common with one of prompts[:place]
            saved = ...
        return saved
    """,
    reference=saved_tokens,
    cases=_shared_cases,
    judge=_judge_saved,
    hints=(
        "For two prompts: count up from the first token while both have the same there.",
        "For one prompt: the longest such beginning with any of `prompts[:place]`; 0 where there is none.",
        "Of a prompt of n tokens at most n - 1 are saved: `min(known, len(prompt) - 1)`.",
    ),
    wrong={
        "the last token, too": WrongAnswer(
            _last_one_too, "This saves all tokens of a prompt that came before. Its last one must be computed."
        ),
        "only the first prompt": WrongAnswer(
            _only_the_first, "This is what comparing with the first prompt gives. Any earlier one may begin alike."
        ),
        "only the one before": WrongAnswer(
            _only_the_one_before,
            "This is what comparing with the prompt just before gives. Any earlier one may begin alike.",
        ),
        "equal places": WrongAnswer(
            _anywhere,
            "This counts equal tokens after a difference, too. What a token leaves depends on those before it.",
        ),
        "known words": WrongAnswer(
            _known_words, "This counts tokens that came up anywhere before. Only a common beginning is in the cache."
        ),
        "each earlier one": WrongAnswer(
            _each_earlier_one, "This adds up over the earlier prompts. Take the longest of the common beginnings."
        ),
        "what all have in common": WrongAnswer(
            _in_all_of_them, "This is what all prompts have in common. Two of them may share more."
        ),
        "earlier ones lack their last": WrongAnswer(
            _earlier_lack_their_last,
            "This leaves out the last token of the earlier prompt. That one was computed, and is in the cache.",
        ),
        "nothing before the first": WrongAnswer(
            _nothing_before_the_first,
            "Nothing comes before the first prompt: none of its tokens are known.",
        ),
        "beyond the end": WrongAnswer(
            _beyond_the_end,
            "One prompt may end where both are still alike: compare as far as the shorter one goes, and no further.",
        ),
        "later ones, too": WrongAnswer(
            _later_ones_too, "This looks at later prompts, too. Only earlier ones have been read."
        ),
        "all of it": WrongAnswer(
            _all_of_it, "This saves a whole prompt where only its beginning is known. The rest has to be computed."
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
        "You score 100,000 exam questions in plain transformers, one token each. All are there from the start, each "
        "behind the same 600 tokens of examples. What saves most?",
        (
            Answer(
                "Continuous batching", False, "Every answer is one step, so all leave at once. No seat stays empty."
            ),
            Answer(
                "Packing", False, "Behind 600 tokens all prompts are about equally long: hardly two fit into a row."
            ),
            Answer(
                "Reading the examples once",
                True,
                "They are most of each prompt. Packing comes after it, for the questions that are left.",
            ),
        ),
    ),
)
