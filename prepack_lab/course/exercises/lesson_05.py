"""Lesson 05, live timing."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from itertools import product
from operator import index
from random import Random
from statistics import mean, median
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number
from prepack_lab.course.exercises.quiz import Answer, Quiz
from prepack_lab.packing import Packing, pack


class SlowDevice:
    """A simulated device: work is launched at once and done later, one piece after another. Times are milliseconds.

    Args:
        busy: milliseconds of work that it still has to do from before.
        slower: how many milliseconds longer each piece of work takes than the one before, as it gets warm.
    """

    def __init__(self, busy: int = 0, slower: int = 0) -> None:
        self._busy, self._slower, self._begun = busy, slower, 0
        self._now, self._done_at = 1000, 1000 + busy

    def clock(self) -> int:
        """Milliseconds since some moment in the past."""
        return self._now

    def synchronize(self) -> None:
        """Wait until all work is done."""
        self._now = max(self._now, self._done_at)

    def begin(self, work: int) -> None:
        """Begin a piece of work that takes so long; returns after a millisecond."""
        self._now += 1
        self._done_at = max(self._done_at, self._now) + work + self._slower * self._begun
        self._begun += 1

    def __repr__(self) -> str:
        return f"SlowDevice(busy={self._busy}, slower={self._slower})"


class OneTask(SlowDevice):
    """A device with one piece of work, to be launched once.

    Args:
        busy: milliseconds of work that it still has to do from before.
        work: milliseconds that its piece of work takes.
    """

    def __init__(self, busy: int, work: int) -> None:
        super().__init__(busy)
        self.busy, self.work = busy, work

    def launch(self) -> None:
        """Begin the work; returns long before it is done."""
        if self._begun:
            raise RuntimeError("the work was launched a second time, and the task says once")
        self.begin(self.work)

    def __repr__(self) -> str:
        return f"OneTask(busy={self.busy}, work={self.work})"


class Work:
    """A function that launches work on a device.

    Args:
        device: where.
        calls: the milliseconds of its first call, its second, and so on; later ones take as long as the last.
    """

    def __init__(self, device: SlowDevice, *calls: int) -> None:
        self._device, self._calls, self._made = device, calls, 0

    def __call__(self) -> None:
        self._device.begin(self._calls[min(self._made, len(self._calls) - 1)])
        self._made += 1

    def __repr__(self) -> str:
        return f"Work({', '.join(map(str, self._calls))})"


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


def _lower_of_two(seconds, warmup):
    counted = sorted(seconds[warmup:])
    return counted[(len(counted) - 1) // 2]


def _drops_after_sorting(seconds, warmup):
    return median_seconds(sorted(seconds), warmup)


def _drops_the_slowest(seconds, warmup):
    return median_seconds(sorted(seconds)[: len(seconds) - warmup], 0)


def _drops_the_last(seconds, warmup):
    return median_seconds(seconds[: len(seconds) - warmup], 0)


def _runs(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [1.0], 0
    yield [9.0, 1.0], 1
    yield [9.0, 1.0, 2.0], 1
    yield [1.0, 9.0, 2.0, 4.0], 1  # the warm-up need not be the slowest
    yield [9.0, 3.0, 1.0, 2.0], 1
    yield [4.0, 1.0, 2.0, 9.0], 0
    for count in range(2, 9):
        warmup = draw.randint(0, 2)
        yield [round(draw.uniform(0.1, 3.0), 2) for _ in range(warmup + count)], warmup


def _median_seconds_judge(returned: Any, expected: float, seconds: list[float], warmup: int) -> str | None:
    wrong = number(returned, expected)
    return wrong and f"{wrong} The runs that count, sorted: {sorted(seconds[warmup:])}."


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
    judge=_median_seconds_judge,
    hints=(
        "`seconds[warmup:]` are the runs that count.",
        "Sort them. The middle one is at `len(counted) // 2`, where their number is odd.",
        "`statistics.median` does the rest, if you like.",
    ),
    wrong={
        "warm-up counts": WrongAnswer(
            _warm_up_counts, "This is the median of all runs. The first `warmup` of them do not count: drop them."
        ),
        "mean": WrongAnswer(_mean, "This is the mean. One run that was disturbed moves it; the median stays."),
        "fastest": WrongAnswer(_fastest, "This is the fastest run. Nobody gets it every day; take the middle one."),
        "unsorted": WrongAnswer(_unsorted, "This run was taken in the middle, but its time need not be. Sort first."),
        "upper of two": WrongAnswer(
            _upper_of_two, "This is the upper of the two in the middle, where their number is even: take their mean."
        ),
        "lower of two": WrongAnswer(
            _lower_of_two,
            "This is the lower of the two in the middle, as `torch.median` returns it where their number is even: "
            "take their mean.",
        ),
        "drops after sorting": WrongAnswer(
            _drops_after_sorting, "This leaves out the fastest runs. Drop the first `warmup` before you sort."
        ),
        "drops the slowest": WrongAnswer(
            _drops_the_slowest, "This leaves out the slowest runs. The warm-up came first, however long it took."
        ),
        "drops the last": WrongAnswer(
            _drops_the_last, "This leaves out the last runs. The warm-up came first: `seconds[warmup:]`."
        ),
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


def _without_a_start(device):
    device.synchronize()
    device.launch()
    device.synchronize()
    return device.clock()


def _devices(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield (OneTask(0, 9),)
    yield (OneTask(40, 9),)
    for _ in range(8):
        yield (OneTask(draw.randint(0, 3000), draw.randint(50, 2000)),)


def _time_work_judge(returned: Any, expected: int, device: OneTask) -> str | None:
    wrong = number(returned, expected)
    if wrong is None or isinstance(returned, bool) or not isinstance(returned, int | float):
        return wrong
    launch = expected - device.work
    if returned == -expected:
        return "The sign is turned round: take the start from the end."
    if returned == 0:
        return "No time passes between the two readings of the clock: launch between them, and wait."
    if returned == launch:
        return f"The launch alone takes {launch} ms, the work {device.work} ms more. The clock stopped too early."
    if returned == device.work:
        return f"The launch takes {launch} ms, which count as well: start the clock before it."
    if 0 < returned - expected <= device.busy:
        return f"These {returned} ms hold some of the {device.busy} ms that the device was busy with before."
    return f"The launch takes {launch} ms, the work {device.work} ms more; what was running before does not count."


TIME_WORK = Exercise(
    key="05-sync",
    title="A stopwatch for a GPU",
    minutes=6,
    level="core",
    task="`device.launch()` begins a piece of work and returns at once. `device.synchronize()` waits until all work "
    "is done, and `device.clock()` reads the time in milliseconds. Given a `device`, which may still be busy with "
    "something else, launch the work once. Return the milliseconds from just before the launch until the work is "
    "done, without what was running before. The device is simulated, so this needs no GPU.",
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
        "never": WrongAnswer(_never, "This is the time of the launch: wait for the work before you stop the clock."),
        "not before": WrongAnswer(
            _only_after,
            "What was running before is counted, wherever the device is busy: wait for it before you launch.",
        ),
        "clock first": WrongAnswer(
            _clock_first, "What was running before is counted in full: wait for it before you start the clock."
        ),
        "no start": WrongAnswer(
            _without_a_start, "This is what the clock shows at the end. Take from it what it showed before the launch."
        ),
    },
)


def measure_together(functions, device, warmup, repeats):
    from statistics import median

    taken = {name: [] for name in functions}
    for turn in range(warmup + repeats):
        for name, function in functions.items():
            device.synchronize()
            start = device.clock()
            function()
            device.synchronize()
            if turn >= warmup:
                taken[name].append(device.clock() - start)
    return {name: median(runs) for name, runs in taken.items()}


def _measure(functions, device, turns, wait_before=True, wait_after=True, clock_first=False, start_with=0):
    """The runs of each function that count: `turns` are names, in the order called; the first `start_with` do not."""
    taken = {name: [] for name in functions}
    for place, name in enumerate(turns):
        start = device.clock()
        if wait_before:
            device.synchronize()
        if not clock_first:
            start = device.clock()
        functions[name]()
        if wait_after:
            device.synchronize()
        if place >= start_with:
            taken[name].append(device.clock() - start)
    return taken


def _in_turn(functions, device, warmup, repeats, middle=median, **how):
    turns = [*functions] * (warmup + repeats)
    taken = _measure(functions, device, turns, start_with=warmup * len(functions), **how)
    return {name: middle(runs) for name, runs in taken.items()}


def _in_turn_with_warm_up(functions, device, warmup, repeats):
    return _in_turn(functions, device, 0, warmup + repeats)


def _in_turn_without_warm_up(functions, device, warmup, repeats):
    return _in_turn(functions, device, 0, repeats)


def _one_warm_up(functions, device, warmup, repeats):
    return _in_turn(functions, device, 1, repeats)


def _one_after_the_other(functions, device, warmup, repeats):
    taken = {}
    for name in functions:
        runs = _measure(functions, device, [name] * (warmup + repeats))[name]
        taken[name] = median(runs[warmup:])
    return taken


def _warm_up_then_one_after_the_other(functions, device, warmup, repeats):
    _measure(functions, device, [*functions] * warmup)
    return _one_after_the_other(functions, device, 0, repeats)


def _means_in_turn(functions, device, warmup, repeats):
    return _in_turn(functions, device, warmup, repeats, middle=mean)


def _fastest_in_turn(functions, device, warmup, repeats):
    return _in_turn(functions, device, warmup, repeats, middle=min)


def _never_waits(functions, device, warmup, repeats):
    return _in_turn(functions, device, warmup, repeats, wait_before=False, wait_after=False)


def _waits_after_only(functions, device, warmup, repeats):
    return _in_turn(functions, device, warmup, repeats, wait_before=False)


def _waits_with_the_clock_running(functions, device, warmup, repeats):
    return _in_turn(functions, device, warmup, repeats, clock_first=True)


def _all_runs(functions, device, warmup, repeats):
    return _in_turn(functions, device, warmup, repeats, middle=list)


def _functions_to_time(draw: Random) -> Iterator[tuple[Any, ...]]:
    device = SlowDevice()
    yield {"a": Work(device, 5)}, device, 0, 1
    device = SlowDevice()
    yield {"a": Work(device, 9, 5)}, device, 1, 1
    device = SlowDevice(busy=40)
    yield {"a": Work(device, 5), "b": Work(device, 7)}, device, 0, 1
    device = SlowDevice(busy=40, slower=2)
    yield {"a": Work(device, 9, 5), "b": Work(device, 9, 7)}, device, 1, 2
    device = SlowDevice(slower=1)
    yield {"a": Work(device, 70, 60, 50, 90, 51, 52), "b": Work(device, 80, 70, 60, 61, 62, 95)}, device, 2, 4
    for _ in range(6):
        device = SlowDevice(draw.randint(0, 90), draw.randint(1, 9))
        warmup, repeats, names = draw.randint(0, 2), draw.randint(3, 6), draw.sample("abcd", draw.randint(2, 3))
        calls = {
            name: [900] * warmup + [draw.choice([0, 0, 400]) + draw.randint(50, 99) for _ in range(repeats)]
            for name in names
        }
        yield {name: Work(device, *of) for name, of in calls.items()}, device, warmup, repeats


def _measure_together_judge(
    returned: Any, expected: dict[str, float], functions: dict[str, Work], device: SlowDevice, warmup: int, repeats: int
) -> str | None:
    if not isinstance(returned, dict):
        return f"A dict is asked for, with the median of each name, and a {type(returned).__name__} came back."
    for name, right in expected.items():
        if name not in returned:
            return f"There is no median for {name!r}: the names of `functions` are the keys."
        if number(returned[name], right) is not None:
            calls = _in_turn(*deepcopy((functions, device)), warmup, repeats, middle=list)[name]
            took = ", ".join(f"{milliseconds:g}" for milliseconds in calls)
            counted = (
                f"The call that counts takes {took} ms" if len(calls) == 1 else f"Its calls that count take {took} ms"
            )
            return f"For {name!r} {returned[name]!r} came back, and {right:g} ms are right. {counted}."
    extra = [name for name in returned if name not in expected]
    return f"There is no function called {extra[0]!r}." if extra else None


MEASURE_TOGETHER = Exercise(
    key="05-together",
    title="Several functions in turn",
    minutes=12,
    level="challenge",
    task="`functions` maps names to functions. Each launches work on `device`, which has `clock()` and `synchronize()` "
    "as above; it may be busy at first, and it gets slower as it gets warm. Call every function in turn, in the order "
    "given, and so round after round: `warmup` rounds that do not count, then `repeats` rounds that do. "
    "Measure each call as in the exercise before. Return a dict: for each name, the median of its milliseconds.",
    stub="""
        taken = {name: [] for name in functions}
        ...
        return ...
    """,
    reference=measure_together,
    cases=_functions_to_time,
    judge=_measure_together_judge,
    hints=(
        "Two loops: over the rounds, and within each over `functions.items()`.",
        "In the inner loop: wait, read the clock, call the function, wait, read the clock. As before.",
        "Keep the milliseconds only from round `warmup` on. `statistics.median` takes a list.",
    ),
    wrong={
        "warm-up counts": WrongAnswer(
            _in_turn_with_warm_up, "These are the medians of all rounds. The first `warmup` rounds do not count."
        ),
        "no warm-up": WrongAnswer(
            _in_turn_without_warm_up, "This is what comes out without a warm-up: `warmup` rounds come before."
        ),
        "one warm-up": WrongAnswer(_one_warm_up, "This is what a single round of warm-up gives: make `warmup` rounds."),
        "one after the other": WrongAnswer(
            _one_after_the_other,
            "This is what comes out one function after the other: the later ones meet a slower device. Take turns.",
        ),
        "in turn for the warm-up only": WrongAnswer(
            _warm_up_then_one_after_the_other,
            "The warm-up is in turn, and what counts is not: the later functions meet a slower device. Take turns.",
        ),
        "means": WrongAnswer(_means_in_turn, "These are means. One call that was disturbed moves them: take medians."),
        "fastest": WrongAnswer(_fastest_in_turn, "These are the fastest calls, which are luck. Take medians."),
        "never waits": WrongAnswer(
            _never_waits, "These are the times of the launches: wait for the work before you stop the clock."
        ),
        "does not wait before": WrongAnswer(
            _waits_after_only, "The first call is measured with what the device was busy with before: wait for that."
        ),
        "clock first": WrongAnswer(
            _waits_with_the_clock_running, "The clock starts while older work still runs: wait first, then read it."
        ),
        "all runs": WrongAnswer(_all_runs, "These are the milliseconds of every call. Return the median of each name."),
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


def _percent_saved(runs, method, baseline):
    return 1 - 1 / speed_up(runs, method, baseline)


def _median_of_ratios(runs, method, baseline):
    by_name = {name: [seconds for run, seconds in runs if run == name] for name in (method, baseline)}
    ratios = sorted(slow / fast for slow, fast in zip(by_name[baseline], by_name[method], strict=True))
    return (ratios[(len(ratios) - 1) // 2] + ratios[len(ratios) // 2]) / 2


def _by_place(runs, method, baseline):
    two = [(baseline, seconds) for _, seconds in runs[::2]] + [(method, seconds) for _, seconds in runs[1::2]]
    return speed_up(two, method, baseline)


def _by_order(runs, method, baseline):
    first, second = [*dict.fromkeys(name for name, _ in runs)][:2]
    return speed_up(runs, second, first)


def _all_others(runs, method, baseline):
    return speed_up([(method if name == method else baseline, seconds) for name, seconds in runs], method, baseline)


def _speed_up_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield [("padded", 2.0), ("packed", 1.0)], "packed", "padded"
    yield [("packed", 2.0), ("padded", 3.0)], "packed", "padded"
    yield [("padded", 2.0), ("packed", 1.0)], "padded", "packed"
    yield [("padded", 3.0), ("packed", 4.0), ("padded", 9.0), ("packed", 1.0)], "packed", "padded"
    yield [("alone", 5.0), ("padded", 3.0), ("packed", 2.0)], "packed", "padded"
    for count in range(3, 8):
        names = draw.sample(["alone", "padded", "packed", "free"], draw.randint(2, 4))
        runs = [(name, round(draw.uniform(0.5, 3), 2)) for _ in range(count) for name in names]
        runs[0] = (names[0], 9.0)  # a run that was disturbed
        yield runs, *draw.sample(names, 2)


def _speed_up_judge(
    returned: Any, expected: float, runs: list[tuple[str, float]], method: str, baseline: str
) -> str | None:
    wrong = number(returned, expected)
    medians = [f"{median(seconds for run, seconds in runs if run == name):g} s" for name in (method, baseline)]
    return wrong and f"{wrong} The median of {method!r} is {medians[0]}, that of {baseline!r} is {medians[1]}."


SPEED_UP = Exercise(
    key="05-speedup",
    title="How many times as fast",
    minutes=3,
    level="core",
    task="`runs` is a list of pairs, a name and its seconds. Two or more methods were run in turn, in any order. "
    "`method` and `baseline` are the names of two of them. Return how many times as fast `method` is as `baseline`: "
    "the ratio of their medians. Above 1 means that `method` is faster.",
    reference=speed_up,
    cases=_speed_up_cases,
    judge=_speed_up_judge,
    hints=(
        "Collect the seconds of each name, and take both medians.",
        "Twice as fast means half the seconds: the baseline's seconds stand above.",
    ),
    wrong={
        "inverted": WrongAnswer(_inverted, "It is upside down: fewer seconds are faster."),
        "means": WrongAnswer(_means, "This is the ratio of means, and one disturbed run moves a mean. Take medians."),
        "the first runs": WrongAnswer(_first, "This compares the first run of each only. Take the medians of all."),
        "the best runs": WrongAnswer(_best, "This compares the fastest runs, which are luck. Take medians."),
        "minus one": WrongAnswer(_difference, "This is how much faster. How many times as fast is one more."),
        "saved": WrongAnswer(
            _percent_saved, "This is the share of the time that is saved. Divide the medians instead."
        ),
        "median of ratios": WrongAnswer(
            _median_of_ratios, "This is the median of the ratios of each round. Take the ratio of the two medians."
        ),
        "by place": WrongAnswer(
            _by_place, "This takes the runs by their places. There may be other methods between: go by the names."
        ),
        "by order": WrongAnswer(
            _by_order, "This compares the first two names in `runs`. `method` and `baseline` say which are meant."
        ),
        "all others": WrongAnswer(
            _all_others, "This takes all other runs for the baseline. Only those named `baseline` belong to it."
        ),
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


def _last_step(pack, prefill, unpack, steps):
    return pack + prefill + unpack + steps[-1]


def _longest_step(pack, prefill, unpack, steps):
    return pack + prefill + unpack + max(steps)


def _mean_step(pack, prefill, unpack, steps):
    return pack + prefill + unpack + mean(steps)


def _shortest_step(pack, prefill, unpack, steps):
    return pack + prefill + unpack + min(steps)


def _without_the_step(pack, prefill, unpack, steps):
    return pack + prefill + unpack


def _without_packing(pack, prefill, unpack, steps):
    return prefill + unpack + steps[0]


def _time_to_first_token_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield 1.0, 2.0, 4.0, [8.0]
    yield 1.0, 2.0, 4.0, [8.0, 32.0]  # parts, and the mean step, that no other sum equals
    for _ in range(8):
        parts = [round(draw.uniform(0.01, 2), 2) for _ in range(3)]
        yield *parts, [round(draw.uniform(0.01, 1), 2) for _ in range(draw.randint(1, 4))]


def _time_to_first_token_judge(
    returned: Any, expected: float, pack: float, prefill: float, unpack: float, steps: list[float]
) -> str | None:
    wrong = number(returned, expected)
    parts = {"pack": pack, "prefill": prefill, "unpack": unpack, "steps[0]": steps[0]}
    missing = [name for name, part in parts.items() if number(returned, expected - part) is None]
    if wrong and missing:
        return f"{wrong} What is missing is as long as `{missing[0]}`."
    parts |= {f"steps[{place}]": step for place, step in enumerate(steps)}
    for taken in product((True, False), repeat=len(parts)):
        added = [name for name, one in zip(parts, taken, strict=True) if one]
        if wrong and number(returned, sum(parts[name] for name in added)) is None:
            return f"{wrong} It is as long as {' + '.join(f'`{name}`' for name in added) or 'nothing'}."
    return wrong


TIME_TO_FIRST_TOKEN = Exercise(
    key="05-ttft",
    title="Until the first token",
    minutes=1,
    level="warm-up",
    task="This is the authors' way, not the lab's. A packed batch took `pack` seconds to pack, `prefill` for the "
    "packed pass, and `unpack` to give each prompt its cache. Then came `steps`, a list with the seconds of each step "
    "of decoding. The first step gives every prompt its first token. Return the time to first token, in seconds.",
    reference=time_to_first_token,
    cases=_time_to_first_token_cases,
    judge=_time_to_first_token_judge,
    hints=(
        "Whoever waits for an answer waits for everything that comes before its first token.",
        "Only the first step counts: `steps[0]`.",
    ),
    wrong={
        "prefill only": WrongAnswer(_prefill_only, "This is the prefill time. Unpacking and one step come on top."),
        "no unpacking": WrongAnswer(_without_unpacking, "Unpacking the cache takes time, too, before decoding begins."),
        "all tokens": WrongAnswer(_all_tokens, "This counts every step. The first token is there after the first one."),
        "no step": WrongAnswer(_without_the_step, "The first token comes with the first step of decoding: add it."),
        "the longest step": WrongAnswer(
            _longest_step, "This takes the longest step of decoding. The first token needs the first one."
        ),
        "a mean step": WrongAnswer(
            _mean_step, "This takes the mean of the steps. The first token needs the first one."
        ),
        "the shortest step": WrongAnswer(
            _shortest_step, "This takes the shortest step of decoding. The first token needs the first one."
        ),
        "last step": WrongAnswer(
            _last_step, "This takes the last step of decoding. The first token needs the first one."
        ),
        "no packing": WrongAnswer(_without_packing, "Packing comes first, and takes time, too: add it."),
    },
)


def losing_batch():
    return [10, 10, 10, 10], 40  # one row of 40: as many slots, and four times the attention


def _saves():
    return [40, 3, 9, 5], 40


def _no_difference():
    return [10, 10, 10, 10], 10


def _too_long():
    return [12, 10], 10


def _without_arguments(draw: Random) -> Iterator[tuple[()]]:
    yield ()


def _losing_batch_judge(returned: Any, expected: Any) -> str | None:
    try:
        lengths, capacity = returned
        lengths, capacity = [*map(index, lengths)], index(capacity)
    except (TypeError, ValueError):
        return "Return two things: a list of lengths, which are whole numbers, and a capacity."
    if not lengths or min(lengths) < 1:
        return "A batch holds at least one prompt, and a prompt at least one token."
    if max(lengths) > capacity:
        return f"A prompt of {max(lengths)} tokens fits into no bin of {capacity}."
    packed, padded = pack(lengths, capacity), Packing.padded(lengths)
    rows = f"Packed: {_rows(packed)}. Padded: {_rows(padded)}."
    if packed.slots < padded.slots:
        return f"{rows} Packing still saves slots."
    ours, theirs = packed.num_bins * packed.width**2, padded.num_bins * padded.width**2
    if ours > theirs:
        return None
    return f"{rows} As many slots, but no more cells of attention: {ours:,} packed, and {theirs:,} padded."


def _rows(packing: Packing) -> str:
    rows = f"{packing.num_bins} row{'s' if packing.num_bins > 1 else ''}"
    return f"{rows} of {packing.width}, which are {packing.slots:,} slots"


LOSING_BATCH = Exercise(
    key="05-lose",
    title="A batch for which packing loses",
    minutes=3,
    level="core",
    task="Find prompt lengths and a capacity for which packing loses: not fewer slots than the padded batch, and "
    "more cells of attention (rows × width × width). A packed row is as wide as the fullest bin. Write a function "
    "without arguments that returns `lengths, capacity`.",
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
        "no difference": WrongAnswer(
            _no_difference, "The packed batch is the padded one here: nothing is won or lost. Make the rows wider."
        ),
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
