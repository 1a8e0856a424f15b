"""Lesson 02, bin packing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from numbers import Real
from random import Random
from typing import Any

from prepack_lab.course.exercises.cases import lengths_and_capacity
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import bins_hold_all, number
from prepack_lab.course.exercises.quiz import Answer, Quiz
from prepack_lab.packing import pack


def _to_pack(draw: Random) -> Iterator[tuple[Any, ...]]:
    """Prompts that tell apart what chance may not: bins filled to the brim, bins with equal room, greed that fails."""
    yield [3], 3
    yield [5, 5], 10
    yield [6, 6, 4], 10
    yield [6, 5, 4, 2], 10
    yield [6, 6, 6, 3], 10
    yield [4, 4, 3, 3, 3, 3], 10
    yield from lengths_and_capacity(draw)


def _broken(returned: Any, lengths: Sequence[int], capacity: int) -> str | None:
    broken = bins_hold_all(returned, lengths, capacity)
    whole = isinstance(returned, list) and all(isinstance(members, list) for members in returned)
    placed = [prompt for members in returned for prompt in members] if whole else []
    if broken and all(isinstance(prompt, int) for prompt in placed) and {*placed} == {*range(1, len(lengths) + 1)}:
        return f"{broken}\nThis counts the prompts from 1. The first one has index 0."
    return broken


def _kept(bins: Iterable[Sequence[int]], prompts: Iterable[int]) -> list[list[int]]:
    """What the bins hold of some prompts, in an order of no meaning."""
    wanted = {*prompts}
    return sorted(kept for members in bins if (kept := sorted({*members} & wanted)))


def _judge_bins(returned: Any, expected: list[list[int]], lengths: Sequence[int], capacity: int) -> str | None:
    """The same prompts share bins, in whichever order bins and prompts are listed; else the first that is misplaced."""
    broken = _broken(returned, lengths, capacity)
    if broken is not None:
        return broken
    for prompt, length in enumerate(lengths):
        so_far = range(prompt + 1)
        if _kept(returned, so_far) != _kept(expected, so_far):
            yours, right = (_place_of(prompt, bins, lengths, capacity) for bins in (returned, expected))
            return f"Prompt {prompt} of length {length} goes {right}. Here it went {yours}."
    return None


def _place_of(prompt: int, bins: Iterable[Sequence[int]], lengths: Sequence[int], capacity: int) -> str:
    before = next(sorted(other for other in members if other < prompt) for members in bins if prompt in members)
    room = capacity - sum(lengths[other] for other in before)
    return f"into the bin of {_named(before)}, with room for {room}" if before else "into a new bin"


def _named(prompts: Sequence[int]) -> str:
    return f"prompt{'s' if len(prompts) > 1 else ''} {_listed(prompts)}"


def _listed(numbers: Iterable[float]) -> str:
    *others, last = map(str, numbers)
    return f"{', '.join(others)} and {last}" if others else last


def _with_rule(lengths, capacity, choose, order=None):
    """By any rule: `choose` takes the bins with room, and how much is free in each bin."""
    bins, free = [], []
    for prompt in range(len(lengths)) if order is None else order:
        fitting = [index for index, room in enumerate(free) if lengths[prompt] <= room]
        if not fitting:
            bins.append([])
            free.append(capacity)
        index = choose(fitting, free) if fitting else len(bins) - 1
        bins[index].append(prompt)
        free[index] -= lengths[prompt]
    return bins


def _first(fitting, free):
    return fitting[0]


def _fullest(fitting, free):
    return min(fitting, key=lambda index: free[index])


def _emptiest(fitting, free):
    return max(fitting, key=lambda index: free[index])


def _longest_first(lengths):
    return sorted(range(len(lengths)), key=lambda prompt: -lengths[prompt])


def first_fit(lengths, capacity):
    return _with_rule(lengths, capacity, _first)


def lower_bound(lengths, capacity):
    return -(-sum(lengths) // capacity)


def _rounded_down(lengths, capacity):
    return sum(lengths) // capacity


def _not_rounded(lengths, capacity):
    return sum(lengths) / capacity


def _one_more(lengths, capacity):
    return sum(lengths) // capacity + 1


def _a_bin_each(lengths, capacity):
    return len(lengths)


def _first_fit_needs(lengths, capacity):
    return len(first_fit(lengths, capacity))


def _judge_bound(returned: Any, expected: int, lengths: Sequence[int], capacity: int) -> str | None:
    """Any bound is right that is valid, and as high as that of the tokens."""
    if (not_equal := number(returned, expected)) is None:
        return None
    if isinstance(returned, bool) or not isinstance(returned, Real):
        return not_equal
    if returned % 1:
        return "A whole number of bins is asked for."
    if returned < expected:
        return (
            f"{_counted(float(returned))} can't hold them: that is room for {returned * capacity:g} tokens, "
            f"and there are {sum(lengths)}."
        )
    fewest = pack(lengths, capacity, "optimal")
    if returned <= fewest.num_bins:  # sharper than counting tokens, and valid
        return None
    return f"Fewer will do: all prompts fit into {_counted(fewest.num_bins)}, {[*map(list, fewest.bins)]}."


def _counted(bins: float) -> str:
    return f"{bins:g} bin{'' if bins == 1 else 's'}"


LOWER_BOUND = Exercise(
    key="02-bound",
    title="A lower bound",
    minutes=4,
    level="warm-up",
    task="Given `lengths` and the `capacity` of a bin, return a number of bins below which nobody can go, because all "
    "tokens must fit, and half a bin is a bin. A higher number passes as well, as long as no packing has fewer.",
    stub="""
        return ...  # your expression
    """,
    reference=lower_bound,
    cases=_to_pack,
    judge=_judge_bound,
    hints=(
        "How many tokens are there, and how many does a bin hold?",
        "Divide and round up: `math.ceil`, or `-(-a // b)`.",
    ),
    wrong={
        "rounded down": WrongAnswer(_rounded_down, "This is rounded down. Tokens that are left over need a bin, too."),
        "one more": WrongAnswer(_one_more, "This is one too many where the tokens fill the bins to the brim."),
        "not rounded": WrongAnswer(_not_rounded, "There are no broken bins: round up."),
        "a bin each": WrongAnswer(
            _a_bin_each, "This is a bin for each prompt: the most that are needed, not the least."
        ),
        "what first fit needs": WrongAnswer(
            _first_fit_needs, "This is what first fit needs. A better packing may need fewer."
        ),
    },
)


def next_fit(lengths, capacity):
    bins, free = [], 0
    for prompt, length in enumerate(lengths):
        if not bins or length > free:
            bins.append([])
            free = capacity
        bins[-1].append(prompt)
        free -= length
    return bins


def _next_fit_decreasing(lengths, capacity):
    order = _longest_first(lengths)
    return [[order[place] for place in members] for members in next_fit([lengths[p] for p in order], capacity)]


def _not_to_the_brim(lengths, capacity):
    bins, free = [], 0
    for prompt, length in enumerate(lengths):
        if not bins or length >= free:
            bins.append([])
            free = capacity
        bins[-1].append(prompt)
        free -= length
    return bins


def _never_a_new_one(lengths, capacity):
    return [[*range(len(lengths))]]


def _forgets_who_opens(lengths, capacity):
    bins, free = [[]], capacity
    for prompt, length in enumerate(lengths):
        if length > free:
            bins.append([])
            free = capacity
        else:
            bins[-1].append(prompt)
            free -= length
    return [members for members in bins if members]


def _last_bin_is_lost(lengths, capacity):
    return next_fit(lengths, capacity)[:-1]


def _holds_lengths(lengths, capacity):
    return [[lengths[prompt] for prompt in members] for members in next_fit(lengths, capacity)]


NEXT_FIT = Exercise(
    key="02-next-fit",
    own_work=("prepack_lab.packing", "prepack_lab.strategies"),
    title="Next fit",
    minutes=8,
    level="core",
    task="Take the prompts in the order given. Put each into the bin that was opened last, if it fits there, and "
    "else into a new bin. Given `lengths` and `capacity`, return the bins as lists of prompt indices: `[[0, 2], "
    "[1]]` are two bins, the first with prompts 0 and 2.",
    stub="""
        bins, free = [], 0
        for prompt, length in enumerate(lengths):
            ...  # open a bin where it is needed, and put the prompt into the last one
        return bins
    """,
    reference=next_fit,
    cases=_to_pack,
    judge=_judge_bins,
    related=False,
    hints=(
        "Keep two things: the bins, and how many tokens still fit into the last one.",
        "Before the first prompt there is no bin. Open one when there is none, or when the prompt does not fit.",
        "After placing a prompt, take its length from what is free.",
    ),
    wrong={
        "never to the brim": WrongAnswer(
            _not_to_the_brim, "A prompt that fills a bin to the brim fits. Here it opens a new one."
        ),
        "lengths in the bins": WrongAnswer(_holds_lengths, "Put the prompt's index into the bin, not its length."),
        "the last bin is lost": WrongAnswer(
            _last_bin_is_lost, "The last bin is missing: it is still being filled when the prompts run out."
        ),
        "one bin": WrongAnswer(
            _never_a_new_one, "Everything lands in one bin. Open a new one when a prompt does not fit."
        ),
        "who opens a bin is forgotten": WrongAnswer(
            _forgets_who_opens, "The prompt that opens a new bin is not put into it."
        ),
        "the longest first": WrongAnswer(
            _next_fit_decreasing,
            "This is next fit with the longest prompt first. Here the prompts come in the order given.",
        ),
        "first fit": WrongAnswer(
            first_fit, "This is what first fit gives: it looks into earlier bins, too. Next fit never looks back."
        ),
    },
)


def best_fit(lengths, capacity):
    bins, free = [], []
    for prompt, length in enumerate(lengths):
        fitting = [index for index, room in enumerate(free) if length <= room]
        if not fitting:
            bins.append([])
            free.append(capacity)
            fitting = [len(bins) - 1]
        index = min(fitting, key=lambda index: free[index])
        bins[index].append(prompt)
        free[index] -= length
    return bins


def _worst_fit(lengths, capacity):
    return _with_rule(lengths, capacity, _emptiest)


def _best_fit_decreasing(lengths, capacity):
    return _with_rule(lengths, capacity, _fullest, _longest_first(lengths))


def _worst_fit_decreasing(lengths, capacity):
    return _with_rule(lengths, capacity, _emptiest, _longest_first(lengths))


def _last_of_equals(lengths, capacity):
    return _with_rule(lengths, capacity, lambda fitting, free: min(fitting, key=lambda index: (free[index], -index)))


def _last_fit_decreasing(lengths, capacity):
    return _with_rule(lengths, capacity, lambda fitting, free: fitting[-1], _longest_first(lengths))


BEST_FIT = Exercise(
    key="02-best-fit",
    own_work=("prepack_lab.packing", "prepack_lab.strategies"),
    title="Best fit",
    minutes=12,
    level="core",
    task="Take the prompts in the order given. Put each into the bin where it leaves the least room, and into a new "
    "bin where it fits into none. Of bins with equal room, take the first. Given `lengths` and `capacity`, "
    "return the bins as lists of prompt indices.",
    stub="""
        bins, free = [], []  # free[i]: how many tokens still fit into bins[i]
        for prompt, length in enumerate(lengths):
            ...
        return bins
    """,
    reference=best_fit,
    cases=_to_pack,
    judge=_judge_bins,
    related=False,
    hints=(
        "Collect the bins with room: `[i for i, room in enumerate(free) if length <= room]`. Where there are none, "
        "open one.",
        "`min(fitting, key=lambda index: free[index])` is the fullest of them.",
    ),
    wrong={
        "worst fit": WrongAnswer(
            _worst_fit, "This is what worst fit gives: it takes the bin with the most room. Best fit takes the fullest."
        ),
        "first fit": WrongAnswer(
            first_fit, "This is what first fit gives: it takes the first bin with room, not the fullest."
        ),
        "next fit": WrongAnswer(
            next_fit, "This is what next fit gives: it looks into the last bin only. Best fit looks into all."
        ),
        "the longest first": WrongAnswer(
            _best_fit_decreasing, "This is best fit with the longest prompt first. Here they come in the order given."
        ),
        "the last of equals": WrongAnswer(
            _last_of_equals, "Of bins with equal room this takes the last. Asked for is the first."
        ),
    },
)


def first_fit_decreasing(lengths, capacity):
    longest_first = sorted(range(len(lengths)), key=lambda prompt: -lengths[prompt])
    bins, free = [], []
    for prompt in longest_first:
        index = next((place for place, room in enumerate(free) if lengths[prompt] <= room), len(bins))
        if index == len(bins):
            bins.append([])
            free.append(capacity)
        bins[index].append(prompt)
        free[index] -= lengths[prompt]
    return bins


def _increasing(lengths, capacity):
    order = sorted(range(len(lengths)), key=lambda prompt: lengths[prompt])
    return _with_rule(lengths, capacity, _first, order)


def _places_in_the_sorted(lengths, capacity):
    return first_fit(sorted(lengths, reverse=True), capacity)


def _judge_decreasing(returned: Any, expected: list[list[int]], lengths: Sequence[int], capacity: int) -> str | None:
    """Bins hold the same lengths; which of equally long prompts is which does not matter."""
    broken = _broken(returned, lengths, capacity)
    if broken is not None:
        return broken
    for shortest in sorted({*lengths}, reverse=True):
        yours, right = (_held(bins, lengths, shortest) for bins in (returned, expected))
        if yours != right:
            return (
                f"With all prompts down to length {shortest} placed, the bins hold these lengths: {right}. "
                f"Here they hold {yours}."
            )
    return None


def _held(bins: Iterable[Sequence[int]], lengths: Sequence[int], shortest: int) -> list[list[int]]:
    """The lengths in each bin, leaving out those below `shortest`; the longest first."""
    held = (sorted((lengths[prompt] for prompt in members), reverse=True) for members in bins)
    return sorted((kept for one in held if (kept := [n for n in one if n >= shortest])), reverse=True)


FIRST_FIT_DECREASING = Exercise(
    key="02-ffd",
    own_work=("prepack_lab.packing", "prepack_lab.strategies"),
    title="First-fit decreasing",
    minutes=12,
    level="core",
    task="This is the packing that the paper names. Take the longest prompt first, and so on down to the shortest. Put "
    "each into the first bin that has room, and else into a new bin. Given `lengths` and `capacity`, return the bins "
    "as lists of prompt indices. Which of equally long prompts comes first does not matter.",
    stub="""
        bins, free = [], []
        for prompt in range(len(lengths)):  # in which order?
            ...
        return bins
    """,
    reference=first_fit_decreasing,
    cases=_to_pack,
    judge=_judge_decreasing,
    related=False,
    hints=(
        "Sort the indices: `sorted(range(len(lengths)), key=lambda prompt: -lengths[prompt])`.",
        "Keep how much is free in every bin, in a list beside the bins.",
        "`next((i for i, room in enumerate(free) if lengths[prompt] <= room), len(bins))`: the first with "
        "room, or a new one.",
    ),
    wrong={
        "the order given": WrongAnswer(
            first_fit, "This is first fit in the order given. Sort first: the longest prompt goes first."
        ),
        "shortest first": WrongAnswer(
            _increasing, "This is first fit with the shortest prompt first. Begin with the longest."
        ),
        "next fit": WrongAnswer(
            _next_fit_decreasing,
            "This is what next fit gives: it looks into the last bin only. First fit tries every bin in turn.",
        ),
        "best fit": WrongAnswer(
            _best_fit_decreasing,
            "This is what best fit gives: it takes the fullest bin with room. First fit takes the first.",
        ),
        "worst fit": WrongAnswer(
            _worst_fit_decreasing,
            "This is what worst fit gives: it takes the emptiest bin with room. First fit takes the first.",
        ),
        "the last bin with room": WrongAnswer(
            _last_fit_decreasing, "This takes the last bin with room. First fit takes the first that was opened."
        ),
        "places in the sorted list": WrongAnswer(
            _places_in_the_sorted, "These are places in the sorted list. Name the prompts by their own index."
        ),
    },
)


def beats_first_fit_decreasing():
    return [4, 4, 3, 3, 3, 3], 10  # 4 + 3 + 3 twice; decreasing puts the two fours together


def _judge_beaten(returned: Any, expected: Any) -> str | None:
    if not isinstance(returned, list | tuple) or len(returned) != 2:
        return "Two things are asked for: `return lengths, capacity`."
    lengths, capacity = returned
    if not isinstance(lengths, list | tuple):
        return f"The first is a list of lengths, and {lengths!r} came back: `return lengths, capacity`."
    try:
        theirs = pack(lengths, capacity, "first_fit_decreasing")
    except (ValueError, TypeError) as error:
        said = str(error)
        return f"These can't be packed: {said}."
    best = pack(lengths, capacity, "optimal", time_limit=2.0)
    if best.num_bins < theirs.num_bins:
        return None
    needs = f"First-fit decreasing needs {_counted(theirs.num_bins)} here"
    if best.gap:
        return f"{needs}. Whether fewer would do was not found out in two seconds: try fewer prompts."
    return f"{needs}, and no packing has fewer. Its bins hold {_held(theirs.bins, lengths, 1)}. Try others."


def _nothing_to_beat():
    return [5, 5, 5, 5], 10


def _too_long():
    return [11, 3], 10


def _both_orders_alike():
    return [6, 4, 6, 4], 10


def _without_arguments(draw: Random) -> Iterator[tuple[()]]:
    yield ()


BEAT_IT = Exercise(
    key="02-beat-ffd",
    title="Where first-fit decreasing is not the best",
    minutes=8,
    level="challenge",
    task="First-fit decreasing is greedy: it never takes a decision back. Find prompt lengths and a capacity for which "
    "it needs more bins than necessary. Write a function without arguments that returns `lengths, capacity`: a list of "
    "whole numbers, and the most tokens in a bin.",
    stub="""
        return [5, 5, 5, 5], 10  # change these numbers
    """,
    reference=beats_first_fit_decreasing,
    cases=_without_arguments,
    judge=_judge_beaten,
    hints=(
        "It puts the two longest together where they fit, even if others would fill the bin better.",
        "Look for three numbers that fill a bin exactly, of which the largest fits twice with room to spare.",
        "With a capacity of 10: 4 + 3 + 3 is full, and 4 + 4 leaves two tokens that no 3 can use.",
    ),
    wrong={
        "nothing to beat": WrongAnswer(
            _nothing_to_beat, "Where the tokens fill all bins to the brim, nobody can be better."
        ),
        "sorted again": WrongAnswer(
            _both_orders_alike, "The order in which you list them changes nothing: they are sorted first."
        ),
        "a prompt that fits nowhere": WrongAnswer(_too_long, "Each prompt must fit into a bin by itself."),
    },
)


def k_over_r(packings):
    prompts = sum(len(members) for bins in packings for members in bins)
    rows = sum(len(bins) for bins in packings)
    return prompts / rows


def _mean_of_ratios(packings):
    ratios = [sum(map(len, bins)) / len(bins) for bins in packings]
    return sum(ratios) / len(ratios)


def _rows_left(packings):
    return 1 / k_over_r(packings)


def _mean_rows(packings):
    return sum(map(len, packings)) / len(packings)


def _of_the_first(packings):
    return k_over_r(packings[:1])


def _of_all_prompts(packings):
    return k_over_r(packings) * len(packings)


def _prompts_of_a_batch(packings):
    return sum(map(len, packings[0]))


def _bins_over_bins(packings):
    return len(packings[0]) * len(packings) / sum(map(len, packings))


def _all_rows(packings):
    return _prompts_of_a_batch(packings) / sum(map(len, packings))


def _judge_ratio(returned: Any, expected: float, packings: list[list[list[int]]]) -> str | None:
    wrong = number(returned, expected)
    if wrong is None:
        return None
    rows = [*map(len, packings)]
    on_average = f": {sum(rows) / len(rows):.4g} on average" if len(rows) > 1 else ""
    return f"{wrong}\nk is {_prompts_of_a_batch(packings)}, and r is {_listed(rows)}{on_average}."


def _packed_batches(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield ([[[0]]],)
    yield ([[[0, 1]], [[0], [1]]],)
    yield ([[[0, 2], [1]], [[0], [1], [2]]],)
    for size in range(3, 13):
        for batches in (1, 2, 3):
            several = [[draw.randint(1, 10) for _ in range(size)] for _ in range(batches)]
            yield ([first_fit_decreasing(lengths, max(lengths)) for lengths in several],)


K_OVER_R = Exercise(
    key="02-rows",
    title="How many times fewer rows",
    minutes=5,
    level="core",
    task="Several batches of k prompts each were packed. Given the `packings`, each a list of bins as your functions "
    "return it, return k over the mean of r: the prompts of a batch over the rows that are left of it on average.",
    stub="""
        k = ...
        rows = ...  # on average
        return k / rows
    """,
    reference=k_over_r,
    cases=_packed_batches,
    judge=_judge_ratio,
    hints=(
        "r of a packing is `len(bins)`, as each bin becomes a row.",
        "k is the same for all packings: count the prompts in the bins of the first.",
        "Take the mean of the rows first, and divide once.",
    ),
    wrong={
        "the mean of k/r": WrongAnswer(
            _mean_of_ratios,
            "This is the mean of k/r. Asked for is k over the mean of r: average the rows, and then divide.",
        ),
        "bins for k": WrongAnswer(
            _bins_over_bins, "This takes the bins of the first packing for k. k is how many prompts are in them."
        ),
        "all rows": WrongAnswer(
            _all_rows, "This divides k by the rows of all batches together. Divide it by their mean."
        ),
        "r/k": WrongAnswer(_rows_left, "This is r over k, the share of rows that are left. Turn it over."),
        "mean rows": WrongAnswer(_mean_rows, "This is the mean of r. Divide k by it."),
        "the first batch": WrongAnswer(_of_the_first, "This is k/r of the first batch. All of them count."),
        "all prompts": WrongAnswer(
            _of_all_prompts, "This divides the prompts of all batches by the rows of one. Take both of one, or of all."
        ),
        "prompts": WrongAnswer(_prompts_of_a_batch, "This is k. Divide it by the mean of the rows."),
    },
)


QUIZZES = (
    Quiz(
        "02-order",
        "Why does first fit pack better when the longest prompt comes first?",
        (
            Answer("Sorting makes it faster", False, "Sorting costs time. What it buys is fewer bins."),
            Answer(
                "Short prompts fill the gaps that long ones leave",
                True,
                "A long prompt that comes last finds no gap that is large enough, and opens a bin for itself.",
            ),
            Answer("Bins then hold equally many prompts", False, "The first bin may hold one, the last ten."),
        ),
    ),
    Quiz(
        "02-bound",
        "A packing has as many bins as the lower bound says. What follows?",
        (
            Answer("It can't be improved", True, "No packing has fewer bins than the bound, so this one is the best."),
            Answer("It was found by the exact solver", False, "A simple rule can hit the bound, too, and mostly does."),
            Answer("All bins are full", False, "They may have room: a bound is whole bins, and prompts have sizes."),
        ),
    ),
    Quiz(
        "02-time",
        "A packer looks at every open bin for every prompt. Twice as many prompts take about …",
        (
            Answer("twice as long", False, "There are twice as many prompts, and twice as many bins to look at."),
            Answer("four times as long", True, "Twice the prompts times twice the bins: its time is quadratic."),
            Answer("as long as before", False, "Every prompt must be looked at, at least once."),
        ),
    ),
)
