"""Lesson 07, whole datasets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random
from typing import Any

from prepack_lab.course.exercises.cases import few_lengths
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import article, number
from prepack_lab.course.exercises.quiz import Answer, Quiz


def back_in_order(order, results):
    back = [None] * len(order)
    for prompt, result in zip(order, results, strict=True):
        back[prompt] = result
    return back


def _as_they_came(order, results):
    return list(results)


def _the_other_way(order, results):
    return [results[prompt] for prompt in order]


def _sorted_results(order, results):
    return sorted(results)


def _reversed(order, results):
    return list(reversed(results))


def _back_in_order_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [0], ["a"]
    yield [1, 0], ["b", "a"]
    yield [2, 0, 1], ["c", "a", "b"]
    yield [1, 2, 0], ["b", "c", "a"]
    for size in range(4, 10):
        order = draw.sample(range(size), size)
        yield order, [draw.randint(100, 999) for _ in order]


def _back_in_order_judge(
    returned: Any, expected: list[Any], order: Sequence[int], results: Sequence[Any]
) -> str | None:
    if not isinstance(returned, list):
        return f"A list is asked for, and {article(returned)} came back."
    if len(returned) != len(expected):
        return f"Every prompt has one result. Prompts: {len(expected)}; results that came back: {len(returned)}."
    if returned == expected:
        return None
    place = next(place for place, (one, right) in enumerate(zip(returned, expected, strict=True)) if one != right)
    came = order.index(place)
    return (
        f"At place {place} there is {returned[place]!r}. The result of prompt {place} is {expected[place]!r}: "
        f"order[{came}] is {place}, so it is results[{came}]."
    )


BACK_IN_ORDER = Exercise(
    key="07-back",
    title="Back in order",
    minutes=4,
    level="warm-up",
    task="Prompts were run in the order `order`: first prompt `order[0]`, then `order[1]`, and so on. `results` "
    "holds their results as they came. Return a list of the results in the order of the prompts: that of prompt "
    "0 first.",
    stub="""
        back = [None] * len(order)
        ...
        return back
    """,
    reference=back_in_order,
    cases=_back_in_order_cases,
    judge=_back_in_order_judge,
    hints=(
        "The first result belongs to prompt `order[0]`. Where in the answer does it go?",
        "Make a list of the right length, go through `order` and `results` together, and set `back[prompt] = result`.",
    ),
    wrong={
        "as they came": WrongAnswer(_as_they_came, "These are the results as they came. Put each in its place."),
        "the other way round": WrongAnswer(
            _the_other_way,
            "This is `results[order[i]]` at place i. It is the other way: result i has place `order[i]`.",
        ),
        "sorted results": WrongAnswer(
            _sorted_results, "These are the results sorted by themselves. The numbers of their prompts decide."
        ),
        "reversed": WrongAnswer(
            _reversed, "This is the list turned round. Each result has a place of its own, by `order`."
        ),
    },
)


def delivered(batches):
    done, turn, handed_out = set(), 0, []
    for prompts in batches:
        done.update(prompts)
        while turn in done:
            turn += 1
        handed_out.append(turn)
    return handed_out


def _all_that_are_done(batches):
    done, handed_out = 0, []
    for prompts in batches:
        done += len(prompts)
        handed_out.append(done)
    return handed_out


def _one_at_a_time(batches):
    done, turn, handed_out = set(), 0, []
    for prompts in batches:
        done.update(prompts)
        if turn in done:
            turn += 1
        handed_out.append(turn)
    return handed_out


def _forgets_who_waits(batches):
    turn, handed_out = 0, []
    for prompts in batches:
        while turn in prompts:
            turn += 1
        handed_out.append(turn)
    return handed_out


def _each_batch_alone(batches):
    counts = [0, *delivered(batches)]
    return [after - before for before, after in zip(counts, counts[1:], strict=False)]


def _whose_turn(batches):
    return [count - 1 for count in delivered(batches)]


def _which(batches):
    return [[*range(count)] for count in delivered(batches)]


def _only_at_the_end(batches):
    return delivered(batches)[-1:]


def _delivered_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield ([[0]],)
    yield ([[1], [0]],)
    yield ([[0, 1], [2]],)
    yield ([[2, 3], [0, 1]],)
    yield ([[1, 3], [0, 4], [2]],)
    for size in (6, 8, 9, 12, 15):
        order = draw.sample(range(size), size)
        take = draw.randint(2, 4)
        yield ([order[start : start + take] for start in range(0, size, take)],)


def _delivered_judge(returned: Any, expected: list[int], batches: Sequence[Sequence[int]]) -> str | None:
    if not isinstance(returned, list) or len(returned) != len(expected):
        came = f"a list of {len(returned)}" if isinstance(returned, list) else f"this {type(returned).__name__}"
        return f"A list with one number per batch is asked for, so {len(expected)} in all, and {came} came back."
    for place, (one, right) in enumerate(zip(returned, expected, strict=True)):
        if one != right:
            done = sorted(prompt for batch in batches[: place + 1] for prompt in batch)
            waits = "no answer waits" if len(done) == right else f"prompt {right} is still missing"
            return f"After batch {place}: {one!r} came back, and {right} is right. Done are {done}; {waits}."
    return None


DELIVERED = Exercise(
    key="07-deliver",
    title="Answers in order",
    minutes=8,
    level="core",
    task="`batches` lists the prompts of each batch, in the order in which the batches are done. An answer is handed "
    "out when its prompt is done and all prompts before it are. Return a list: after each batch, how many "
    "answers have been handed out in all.",
    stub="""
        done, turn, handed_out = set(), 0, []
        for prompts in batches:
            ...
            handed_out.append(turn)
        return handed_out
    """,
    reference=delivered,
    cases=_delivered_cases,
    judge=_delivered_judge,
    hints=(
        "Keep a set of the prompts that are done, and `turn`, the prompt whose answer goes out next.",
        "After each batch: while `turn` is among those that are done, hand it out, and `turn += 1`.",
        "How many have been handed out is just `turn`.",
    ),
    wrong={
        "all that are done": WrongAnswer(
            _all_that_are_done, "This counts all that are done. An answer waits while one before it is missing."
        ),
        "one at a time": WrongAnswer(
            _one_at_a_time, "At most one more is handed out after each batch. A batch may free many answers at once."
        ),
        "forgets who waits": WrongAnswer(
            _forgets_who_waits, "Answers of earlier batches that still wait are forgotten. Keep all that are done."
        ),
        "each batch alone": WrongAnswer(
            _each_batch_alone, "This is how many each batch adds. How many there are in all is asked for: add them up."
        ),
        "whose turn": WrongAnswer(
            _whose_turn, "This is the number of the last one handed out. Prompts count from 0: one more."
        ),
        "which": WrongAnswer(_which, "These are the answers that were handed out. Return how many there are."),
        "at the end": WrongAnswer(
            _only_at_the_end, "This is the number after the last batch only. Return one number for each batch."
        ),
    },
)


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


def _goes_back(lengths, budget):
    passes, used = [], []
    for prompt, length in enumerate(lengths):
        place = next((place for place, held in enumerate(used) if held + length <= budget), len(passes))
        if place == len(passes):
            passes.append([])
            used.append(0)
        passes[place].append(prompt)
        used[place] += length
    return passes


def _longest_first(lengths, budget):
    order = sorted(range(len(lengths)), key=lambda prompt: -lengths[prompt])
    return [[order[place] for place in one] for one in token_budget([lengths[prompt] for prompt in order], budget)]


def _padded_slots(lengths, budget):
    passes = []
    for prompt, length in enumerate(lengths):
        now = [lengths[other] for other in passes[-1]] if passes else []
        if not now or (len(now) + 1) * max(*now, length) > budget:
            passes.append([])
        passes[-1].append(prompt)
    return passes


def _without_the_last(lengths, budget):
    return token_budget(lengths, budget)[:-1]


def _as_lengths(lengths, budget):
    return [[lengths[prompt] for prompt in one] for one in token_budget(lengths, budget)]


def _no_pass_to_begin_with(lengths, budget):
    passes, used = [], 0
    for prompt, length in enumerate(lengths):
        if used + length > budget:
            passes.append([])
            used = 0
        passes[-1].append(prompt)
        used += length
    return passes


def _token_budget_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [3], 9
    yield [5], 2
    yield [3, 5], 8
    yield [9, 3], 8
    yield [3, 12, 4], 10
    for lengths in few_lengths(draw):
        yield lengths, draw.randint(8, 40)


def _token_budget_judge(returned: Any, expected: list[list[int]], lengths: Sequence[int], budget: int) -> str | None:
    if not isinstance(returned, list) or not all(isinstance(one, list) for one in returned):
        return "A list of passes is asked for, and each pass is a list of prompt indices."
    if returned == expected:
        return None
    placed = [prompt for one in returned for prompt in one]
    if not all(prompt in range(len(lengths)) for prompt in placed):
        return f"Prompts have the indices 0 to {len(lengths) - 1}, whatever their lengths. Others came back."
    for prompt, length in enumerate(lengths):
        if placed.count(prompt) != 1:
            times = f"{placed.count(prompt)} times" if prompt in placed else "in no pass"
            return f"Prompt {prompt} of length {length} is {times}. Each prompt is in one pass."
    if [] in returned:
        return f"Pass {returned.index([])} is empty: open a pass only when a prompt goes into it."
    for before, after in pairwise(placed):
        if after != before + 1:
            return f"Prompt {after} comes after prompt {before}: keep the order given, and fill the last pass only."
    place, one, right = next(
        (place, *both) for place, both in enumerate(zip(returned, expected, strict=False)) if both[0] != both[1]
    )
    held = sum(lengths[prompt] for prompt in one)
    if len(one) > len(right):
        return f"Pass {place} holds prompts {one}, which are {held} tokens. The budget is {budget}."
    joins = one[-1] + 1
    return (
        f"Pass {place} holds prompts {one}, which are {held} tokens. Prompt {joins} of length {lengths[joins]} "
        f"still fits into the budget of {budget}."
    )


TOKEN_BUDGET = Exercise(
    key="07-budget",
    title="A token budget",
    minutes=8,
    level="core",
    task="Divide prompts of these `lengths` among forward passes, in the order given. A pass holds at most `budget` "
    "tokens. Where the next prompt still fits into the last pass, it joins it; otherwise it opens a new one. A "
    "prompt that is longer than the budget has a pass to itself. Return the passes, each a list of prompt indices.",
    stub="""
        passes, used = [], 0
        for prompt, length in enumerate(lengths):
            ...  # open a new pass?
            passes[-1].append(prompt)
            used += length
        return passes
    """,
    reference=token_budget,
    cases=_token_budget_cases,
    judge=_token_budget_judge,
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
            _forgets_to_start_again, "This is what counting all tokens since the start gives. A new pass begins at 0."
        ),
        "one too many": WrongAnswer(
            _one_too_many, "A pass is closed too late here. See whether the prompt fits before it goes in."
        ),
        "never exactly full": WrongAnswer(
            _never_exactly_full, "A pass may hold exactly `budget` tokens: compare with >, not with >=."
        ),
        "drops the long": WrongAnswer(
            _drops_the_long, "Prompts longer than the budget are missing. They have a pass to themselves."
        ),
        "goes back": WrongAnswer(
            _goes_back, "This goes back to earlier passes, as first fit does. Only the last pass takes another prompt."
        ),
        "longest first": WrongAnswer(_longest_first, "This takes the longest prompts first. Take them as they come."),
        "padded slots": WrongAnswer(
            _padded_slots, "This counts each prompt as long as the longest of its pass. Tokens count, not padded slots."
        ),
        "without the last": WrongAnswer(
            _without_the_last, "The last pass is missing: it counts, too, though nothing comes after it."
        ),
        "no pass to begin with": WrongAnswer(
            _no_pass_to_begin_with,
            "Before the first prompt there is no pass yet, so `passes[-1]` does not exist. Open one there, too.",
        ),
        "lengths": WrongAnswer(_as_lengths, "These are lengths. A pass holds the indices of its prompts."),
    },
)


def slots_in_windows(lengths, batch_size, window):
    slots = 0
    for first in range(0, len(lengths), window):
        near = sorted(lengths[first : first + window])
        for start in range(0, len(near), batch_size):
            batch = near[start : start + batch_size]
            slots += len(batch) * max(batch)
    return slots


def _sorts_all(lengths, batch_size, window):
    return slots_in_windows(lengths, batch_size, len(lengths))


def _sorts_nothing(lengths, batch_size, window):
    return slots_in_windows(lengths, batch_size, batch_size)


def _sorts_batches_only(lengths, batch_size, window):
    slots = 0
    for first in range(0, len(lengths), window):
        near = lengths[first : first + window]
        for start in range(0, len(near), batch_size):
            batch = sorted(near[start : start + batch_size])
            slots += len(batch) * batch[-1]
    return slots


def _full_batches(lengths, batch_size, window):
    slots = 0
    for first in range(0, len(lengths), window):
        near = sorted(lengths[first : first + window])
        for start in range(0, len(near), batch_size):
            slots += batch_size * max(near[start : start + batch_size])
    return slots


def _longest_first_in_windows(lengths, batch_size, window):
    slots = 0
    for first in range(0, len(lengths), window):
        near = sorted(lengths[first : first + window], reverse=True)
        for start in range(0, len(near), batch_size):
            slots += len(near[start : start + batch_size]) * near[start]
    return slots


def _only_whole_windows(lengths, batch_size, window):
    return slots_in_windows(lengths[: len(lengths) // window * window], batch_size, window)


def _padding_in_windows(lengths, batch_size, window):
    return slots_in_windows(lengths, batch_size, window) - sum(lengths)


def _shortest_of_each(lengths, batch_size, window):
    slots = 0
    for first in range(0, len(lengths), window):
        near = sorted(lengths[first : first + window])
        for start in range(0, len(near), batch_size):
            slots += len(near[start : start + batch_size]) * near[start]
    return slots


def _longest_of_the_window(lengths, batch_size, window):
    near = [lengths[first : first + window] for first in range(0, len(lengths), window)]
    return sum(len(one) * max(one) for one in near)


def _slots_in_windows_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [1], 1, 1
    yield [2, 9, 3], 2, 3
    yield [9, 1, 8, 2], 2, 4
    yield [9, 1, 8, 2, 7, 3], 2, 4
    for lengths in few_lengths(draw):
        batch_size = draw.randint(1, 3)
        yield lengths, batch_size, batch_size * draw.randint(1, 3) + draw.randint(0, 1)


def _slots_in_windows_judge(
    returned: Any, expected: int, lengths: list[int], batch_size: int, window: int
) -> str | None:
    wrong = number(returned, expected)
    windows = [sorted(lengths[first : first + window]) for first in range(0, len(lengths), window)]
    batches = [near[start : start + batch_size] for near in windows for start in range(0, len(near), batch_size)]
    shown = ", ".join(map(str, batches))
    slots = " + ".join(str(len(batch) * batch[-1]) for batch in batches)
    return wrong and f"{wrong} Batches: {shown}. Slots: {slots}."


SLOTS_IN_WINDOWS = Exercise(
    key="07-windows",
    title="Sorted within windows",
    minutes=8,
    level="challenge",
    task="Prompts of these `lengths` come one after another. Take `window` of them at a time, sort them from the "
    "shortest to the longest, cut what you sorted into batches of `batch_size`, and pad each batch to its own longest. "
    "A batch never crosses a window; the last batch of a window and the last window may be smaller. Return the slots "
    "in all.",
    stub="""
        slots = 0
        for first in range(0, len(lengths), window):
            near = sorted(lengths[first : first + window])
            ...  # cut `near` into batches, and count their slots
        return slots
    """,
    reference=slots_in_windows,
    cases=_slots_in_windows_cases,
    judge=_slots_in_windows_judge,
    hints=(
        "Two loops: over windows, `range(0, len(lengths), window)`, and within each over its batches.",
        "Sort the slice of a window: `near = sorted(lengths[first : first + window])`, then cut `near`.",
        "A batch computes `len(batch) * max(batch)` slots.",
    ),
    wrong={
        "sorts all": WrongAnswer(
            _sorts_all, "This is what sorting all prompts gives. Only those of one window are known at a time."
        ),
        "sorts nothing": WrongAnswer(
            _sorts_nothing, "This is what batches of the prompts as they came give. Sort each window before you cut it."
        ),
        "one batch per window": WrongAnswer(
            _longest_of_the_window, "This pads a whole window to its longest. Cut it into batches of `batch_size`."
        ),
        "unsorted windows": WrongAnswer(
            _sorts_batches_only,
            "This is what windows give that are cut unsorted; sorting within a batch changes nothing. Sort the window, "
            "then cut it.",
        ),
        "full batches": WrongAnswer(
            _full_batches, "This counts every batch as full. The last one of a window may be smaller."
        ),
        "longest first": WrongAnswer(
            _longest_first_in_windows,
            "This is what comes out from the longest to the shortest: where the last batch is smaller, it is other "
            "prompts that are left over.",
        ),
        "whole windows": WrongAnswer(
            _only_whole_windows, "The last window is missing where it is smaller than the others. It counts, too."
        ),
        "padding only": WrongAnswer(
            _padding_in_windows, "This is the padding. All slots are asked for, tokens as well."
        ),
        "shortest": WrongAnswer(
            _shortest_of_each,
            "This is the shortest prompt of each batch, times its prompts. The longest sets the width.",
        ),
    },
)


QUIZZES = (
    Quiz(
        "07-longest",
        "An evaluation program sorts its prompts and begins with the longest. What is that good for?",
        (
            Answer("It pads less than beginning with the shortest", False, "The batches are the same, turned round."),
            Answer(
                "If a batch does not fit the memory, it fails at once",
                True,
                "The first batch is the largest. And the time that is left is never underestimated.",
            ),
            Answer("The first answers come sooner", False, "They come later: the longest batch takes the longest."),
        ),
    ),
    Quiz(
        "07-tail",
        "One prompt of a dataset has 1,000 tokens, all others about 100. You pack all of them first. What is lost?",
        (
            Answer(
                "Nothing: there is hardly any padding", False, "Slots are few, but look at attention: rows are long."
            ),
            Answer(
                "Attention computes 1,000 × 1,000 pairs in every row, and hides most of them",
                True,
                "The longest prompt of all sets the width of all rows. A smaller batch keeps that to its own rows.",
            ),
            Answer("The other prompts get wrong answers", False, "The mask keeps them apart, however long the row is."),
        ),
    ),
    Quiz(
        "07-chat",
        "Which method can a chat service use that must answer in the order in which prompts come, without delay?",
        (
            Answer("Length-ordered batching", False, "It has to know all lengths before it can sort them."),
            Answer("Dataset prepacking", False, "It packs all prompts first, so it waits for the last one."),
            Answer(
                "Prepacking or padding-free, on what waits just now",
                True,
                "Both take a batch as it comes, and pad little whatever is in it.",
            ),
        ),
    ),
)
