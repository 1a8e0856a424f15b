"""Exercise 05-sync: a stopwatch for a device that works on after the call has returned."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.lesson_05.slow_device import SlowDevice


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


def _judge(returned: Any, expected: float, device: SlowDevice) -> str | None:
    if isinstance(returned, bool) or not isinstance(returned, int | float):
        return f"Seconds are asked for, and a {type(returned).__name__} came back."
    return None if abs(returned - expected) < 1e-9 else "These are not the seconds of the work."


TIME_WORK = Exercise(
    key="05-sync",
    title="A stopwatch for a GPU",
    minutes=6,
    level="core",
    task="`device.launch()` begins a piece of work and returns at once. `device.synchronize()` waits until all work is "
    "done, and `device.clock()` gives the seconds. Given a `device`, which may still be busy with something else, "
    "launch the work once and return how long it took.",
    reference=time_work,
    cases=_devices,
    judge=_judge,
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
