"""Splitting: one machine reads the prompts, another writes the answers, and the cache is sent from one to the other.

Where both share a machine, every prompt that is read makes those wait that write. Apart they can't disturb each other.
The price: the cache has to travel, and a machine that has nothing to do can't help the other.

Source: Zhong et al., DistServe, OSDI 2024; Patel et al., Splitwise, ISCA 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from prepack_lab.course.miniatures.iterations import Schedule, Seconds, Timeline, simulate
from prepack_lab.course.miniatures.requests import Request


def split(
    requests: Sequence[Request], reading: Schedule, writing: Schedule, seconds: Seconds, seconds_per_token: float = 0.0
) -> Timeline:
    """Read on one machine and write on another.

    Args:
        requests: in the order of arrival.
        reading, writing: the schedule of each machine.
        seconds: what a step takes, on either.
        seconds_per_token: what it takes to send the keys and values of a token.

    Returns:
        The token times of both; the steps are those of the machine that writes.
    """
    read = simulate([replace(one, output=1) for one in requests], reading, seconds)
    first = [times[0] for times in read.token_times]
    sent = {
        index: Request(one.prompt + 1, one.output - 1, first[index] + one.prompt * seconds_per_token, one.prompt)
        for index, one in enumerate(requests)
        if one.output > 1
    }
    order = sorted(sent, key=lambda index: sent[index].arrived)
    written = simulate([sent[index] for index in order], writing, seconds)
    rest = dict(zip(order, written.token_times, strict=True))
    times = [[begin, *rest.get(index, ())] for index, begin in enumerate(first)]
    return Timeline(requests, written.steps, times)


def side_by_side(requests: Sequence[Request], schedule: Schedule, seconds: Seconds, machines: int = 2) -> Timeline:
    """Deal the requests out to machines that each do both: what splitting has to be compared with."""
    dealt = [simulate(requests[first::machines], schedule, seconds) for first in range(machines)]
    times = [dealt[index % machines].token_times[index // machines] for index in range(len(requests))]
    return Timeline(requests, [step for one in dealt for step in one.steps], times)
