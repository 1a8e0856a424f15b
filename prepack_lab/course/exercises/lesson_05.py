"""Lesson 05, live timing."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number
from prepack_lab.course.exercises.quiz import Answer, Quiz
from prepack_lab.packing import Packing, pack


class SlowDevice:
    """Work is launched at once and done later, one piece after another.

    Args:
        pending: seconds of work that it still has to do from before.
        work: seconds that a launch takes.
    """

    def __init__(self, pending: float, work: float) -> None:
        self._pending, self._work = pending, work
        self._now, self._done_at = 0.0, pending

    def clock(self) -> float:
        """Seconds."""
        return self._now

    def launch(self) -> None:
        """Begin a piece of work; returns long before it is done."""
        self._now += 0.001
        self._done_at = max(self._done_at, self._now) + self._work

    def synchronize(self) -> None:
        """Wait until all work is done."""
        self._now = max(self._now, self._done_at)

    def __repr__(self) -> str:
        return f"SlowDevice(pending={self._pending}, work={self._work})"


def median_seconds(seconds, warmup):
    counted = sorted(seconds[warmup:])
    middle = len(counted) // 2
    if len(counted) % 2:
        return counted[middle]
    return (counted[middle - 1] + counted[middle]) / 2


def _warm_up_counts(seconds, warmup):
    return median_seconds(seconds, 0)


def _mean(seconds, warmup):
    return sum(seconds[warmup:]) / len(seconds[warmup:])


def _fastest(seconds, warmup):
    return min(seconds[warmup:])


def _unsorted(seconds, warmup):
    return seconds[warmup:][len(seconds[warmup:]) // 2]


def _upper_of_two(seconds, warmup):
    counted = sorted(seconds[warmup:])
    return counted[len(counted) // 2]


def _runs(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [1.0], 0
    yield [9.0, 1.0], 1
    yield [9.0, 1.0, 2.0], 1
    yield [9.0, 3.0, 1.0, 2.0], 1
    for count in range(2, 9):
        warmup = draw.randint(0, 2)
        yield [9.0] * warmup + [round(draw.uniform(0.1, 3.0), 2) for _ in range(count)], warmup


MEDIAN_SECONDS = Exercise(
    key="05-median",
    title="One number out of several runs",
    minutes=4,
    level="warm-up",
    task="Given the `seconds` of several runs in the order they were taken, and how many of the first are `warmup` "
    "and do not count, return the median of those that count. Of an even number, take the mean of the two in "
    "the middle.",
    stub="""
        counted = ...
        return ...
    """,
    reference=median_seconds,
    cases=_runs,
    judge=number,
    hints=(
        "`seconds[warmup:]` are the runs that count.",
        "Sort them. The middle one is at `len(counted) // 2`, where their number is odd.",
        "`statistics.median` does the rest, if you like.",
    ),
    wrong={
        "warm-up counts": WrongAnswer(_warm_up_counts, "The warm-up is among your runs: drop it."),
        "mean": WrongAnswer(_mean, "This is the mean. One run that was disturbed moves it; the median stays."),
        "fastest": WrongAnswer(_fastest, "This is the fastest run. Nobody gets it every day; take the middle one."),
        "unsorted": WrongAnswer(_unsorted, "This is the run in the middle of the time. Sort first."),
        "upper of two": WrongAnswer(_upper_of_two, "Of an even number, take the mean of the two in the middle."),
    },
)


def time_work(device):
    device.synchronize()
    start = device.clock()
    device.launch()
    device.synchronize()
    return device.clock() - start


def _never(device):
    start = device.clock()
    device.launch()
    return device.clock() - start


def _only_after(device):
    start = device.clock()
    device.launch()
    device.synchronize()
    return device.clock() - start


def _clock_first(device):
    start = device.clock()
    device.synchronize()
    device.launch()
    device.synchronize()
    return device.clock() - start


def _twice(device):
    device.synchronize()
    start = device.clock()
    device.launch()
    device.launch()
    device.synchronize()
    return device.clock() - start


def _devices(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield (SlowDevice(0.0, 1.0),)
    yield (SlowDevice(2.0, 0.5),)
    for _ in range(8):
        yield (SlowDevice(round(draw.uniform(0, 3), 2), round(draw.uniform(0.05, 2), 2)),)


def _time_work_judge(returned: Any, expected: float, device: SlowDevice) -> str | None:
    if isinstance(returned, bool) or not isinstance(returned, int | float):
        return f"Seconds are asked for, and a {type(returned).__name__} came back."
    return None if abs(returned - expected) < 1e-9 else "These are not the seconds of the work."


TIME_WORK = Exercise(
    key="05-sync",
    title="A stopwatch for a GPU",
    minutes=6,
    level="core",
    task="`device.launch()` begins a piece of work and returns at once. `device.synchronize()` waits until all work "
    "is done, and `device.clock()` gives the seconds. Given a `device`, which may still be busy with something "
    "else, launch the work once and return how long it took. The device is simulated, so this works without a "
    "GPU.",
    stub="""
        start = device.clock()
        device.launch()
        return device.clock() - start  # is the work done?
    """,
    reference=time_work,
    cases=_devices,
    judge=_time_work_judge,
    hints=(
        "Read the clock before and after. But when is the work done?",
        "After the launch, wait with `synchronize()` before you read the clock.",
        "What was still running before would be counted, too. Wait for it first.",
    ),
    wrong={
        "never": WrongAnswer(_never, "You time the launch, not the work: wait before you stop the clock."),
        "only after": WrongAnswer(
            _only_after, "You count what was still running from before. Wait for it before you start the clock."
        ),
        "clock first": WrongAnswer(
            _clock_first, "You wait before the launch, but your clock is running already. Wait first, then read it."
        ),
        "twice": WrongAnswer(_twice, "You launch the work twice."),
    },
)


def speed_up(runs, method, baseline):
    def median(name):
        counted = sorted(seconds for run, seconds in runs if run == name)
        middle = len(counted) // 2
        return counted[middle] if len(counted) % 2 else (counted[middle - 1] + counted[middle]) / 2

    return median(baseline) / median(method)


def _inverted(runs, method, baseline):
    return 1 / speed_up(runs, method, baseline)


def _means(runs, method, baseline):
    def mean(name):
        counted = [seconds for run, seconds in runs if run == name]
        return sum(counted) / len(counted)

    return mean(baseline) / mean(method)


def _first(runs, method, baseline):
    first = {}
    for run, seconds in runs:
        first.setdefault(run, seconds)
    return first[baseline] / first[method]


def _best(runs, method, baseline):
    def best(name):
        return min(seconds for run, seconds in runs if run == name)

    return best(baseline) / best(method)


def _difference(runs, method, baseline):
    return speed_up(runs, method, baseline) - 1


def _speed_up_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [("padded", 2.0), ("packed", 1.0)], "packed", "padded"
    yield [("padded", 3.0), ("packed", 4.0), ("padded", 9.0), ("packed", 1.0)], "packed", "padded"
    for count in range(3, 8):
        runs = []
        for _ in range(count):
            runs += [("padded", round(draw.uniform(2, 3), 2)), ("packed", round(draw.uniform(0.5, 1), 2))]
        runs[0] = ("padded", 9.0)  # a run that was disturbed
        yield runs, "packed", "padded"


SPEED_UP = Exercise(
    key="05-speedup",
    title="How many times as fast",
    minutes=6,
    level="core",
    task="`runs` is a list of pairs, a name and its seconds, taken in turn. Return how many times as fast `method` "
    "is as `baseline`, by their medians. Above 1 means that `method` is faster.",
    reference=speed_up,
    cases=_speed_up_cases,
    judge=number,
    hints=(
        "Collect the seconds of each name, and take both medians.",
        "Twice as fast means half the seconds: the baseline's seconds stand above.",
    ),
    wrong={
        "inverted": WrongAnswer(_inverted, "It is upside down: fewer seconds are faster."),
        "means": WrongAnswer(_means, "You take means, and one disturbed run moves them. Take medians."),
        "the first runs": WrongAnswer(_first, "You compare the first runs only. Take the median of all."),
        "the best runs": WrongAnswer(_best, "You compare the fastest runs, which are luck. Take medians."),
        "minus one": WrongAnswer(_difference, "This is how much faster. Times as fast is asked for."),
    },
)


def time_to_first_token(pack, prefill, unpack, steps):
    return pack + prefill + unpack + steps[0]


def _prefill_only(pack, prefill, unpack, steps):
    return pack + prefill


def _without_unpacking(pack, prefill, unpack, steps):
    return pack + prefill + steps[0]


def _all_tokens(pack, prefill, unpack, steps):
    return pack + prefill + unpack + sum(steps)


def _without_the_step(pack, prefill, unpack, steps):
    return pack + prefill + unpack


def _time_to_first_token_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield 1.0, 2.0, 4.0, [8.0]
    yield 1.0, 2.0, 4.0, [8.0, 16.0]
    for _ in range(8):
        parts = [round(draw.uniform(0.01, 2), 2) for _ in range(3)]
        yield *parts, [round(draw.uniform(0.01, 1), 2) for _ in range(draw.randint(1, 4))]


TIME_TO_FIRST_TOKEN = Exercise(
    key="05-ttft",
    title="Until the first token",
    minutes=3,
    level="warm-up",
    task="The authors' way: a packed batch took `pack` seconds to pack, `prefill` for the packed pass, and `unpack` "
    "to give each prompt its cache. Then came `steps`, a list with the seconds of each step of decoding. The "
    "first step gives every prompt its first token. Return the time to first token, in seconds.",
    reference=time_to_first_token,
    cases=_time_to_first_token_cases,
    judge=number,
    hints=(
        "Whoever waits for an answer waits for everything that comes before its first token.",
        "Only the first step counts: `steps[0]`.",
    ),
    wrong={
        "prefill only": WrongAnswer(_prefill_only, "This is the prefill time. Unpacking and one step come on top."),
        "no unpacking": WrongAnswer(_without_unpacking, "Unpacking the cache takes time, too, before decoding begins."),
        "all tokens": WrongAnswer(_all_tokens, "You count all steps. The first token is there after the first one."),
        "no step": WrongAnswer(_without_the_step, "The first token comes with the first step of decoding: add it."),
    },
)


def losing_batch():
    return [10, 10, 10, 10], 40  # one row of 40: as many slots, and four times the attention


def _saves():
    return [40, 3, 9, 5], 40


def _draw():
    return [10, 10, 10, 10], 10


def _too_long():
    return [12, 10], 10


def _without_arguments(draw: Random) -> Iterator[tuple[()]]:
    yield ()


def _losing_batch_judge(returned: Any, expected: Any) -> str | None:
    lengths, capacity = returned
    if max(lengths) > capacity:
        return f"A prompt of {max(lengths)} tokens fits into no bin of {capacity}."
    packed, padded = pack(lengths, capacity), Packing.padded(lengths)
    if packed.slots < padded.slots:
        return f"Packed there are {packed.slots} slots, and padded {padded.slots}: packing still saves."
    ours, theirs = packed.num_bins * packed.width**2, padded.num_bins * padded.width**2
    if ours > theirs:
        return None
    return f"Attention computes {ours} cells packed, and {theirs} padded: that is no loss."


LOSING_BATCH = Exercise(
    key="05-lose",
    title="A batch for which packing loses",
    minutes=8,
    level="challenge",
    task="Find prompt lengths and a capacity for which packing loses: not fewer slots than the padded batch, and "
    "more cells of attention (rows × width × width). Write a function without arguments that returns `lengths, "
    "capacity`.",
    stub="""
        return [40, 3, 9, 5], 40  # change these numbers
    """,
    reference=losing_batch,
    cases=_without_arguments,
    judge=_losing_batch_judge,
    hints=(
        "When does packing save no slots? Think of prompts of one length.",
        "Attention grows with the square of the width. Which capacity makes rows wide?",
        "Four prompts of 10 tokens in one row of 40: 40 slots either way, but 1,600 cells against 400.",
    ),
    wrong={
        "it saves": WrongAnswer(_saves, "One long prompt among short ones is just what packing is good at."),
        "a draw": WrongAnswer(_draw, "A draw: the packed batch is the padded one. Make the rows wider."),
        "a prompt that fits nowhere": WrongAnswer(_too_long, "The capacity must hold the longest prompt."),
    },
)


QUIZZES = (
    Quiz(
        "05-sync",
        "Without waiting for the GPU, a prefill of any size seems to take a millisecond. What was timed?",
        (
            Answer("The GPU is that fast", False, "Then twice the prompts would take twice as long. They do not."),
            Answer("Only the launch of the work", True, "The call returns as soon as the work is queued."),
            Answer("The warm-up", False, "A first run is slower, not faster: it loads and allocates."),
        ),
    ),
    Quiz(
        "05-turn",
        "Why are the methods run in turn, A B C A B C, and not one after the other?",
        (
            Answer("It is faster", False, "It takes as many runs either way."),
            Answer(
                "A machine that slows down slows all of them",
                True,
                "Heat, other programs, a battery: what changes over time then hits every method alike.",
            ),
            Answer("To warm up the memory", False, "Warm-up runs do that, and they do not count."),
        ),
    ),
    Quiz(
        "05-small",
        "A large GPU prefills eight short prompts as fast as one. What does packing them gain there?",
        (
            Answer("k over r, as always", False, "Rows predict the time only where time follows slots."),
            Answer("Next to nothing", True, "The GPU is not full: slots that cost no time are not worth saving."),
            Answer("It loses, because of the mask", False, "For eight short prompts the mask is tiny."),
        ),
    ),
)
