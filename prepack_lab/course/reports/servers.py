"""Servers and scripts against each other, simulated: how long people wait, and when the work is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean

import numpy as np

from prepack_lab.course.miniatures.continuous_batching import continuous, static_batches
from prepack_lab.course.miniatures.iterations import Timeline, simulate
from prepack_lab.course.miniatures.requests import Request
from prepack_lab.course.miniatures.step_seconds import plain_steps, ragged_steps
from prepack_lab.measuring.table import Table

SCRIPTS = {"padded": "full_batching", "prepacked": "prepacked", "padding-free": "padding_free"}


def waits_table(timelines: Mapping[str, Timeline]) -> Table:
    """How long requests wait for their first token, and how long for each further one.

    Args:
        timelines: of the same requests, each under the words for its server.
    """

    def row(words: str, one: Timeline) -> tuple[str, ...]:
        first, pauses = np.percentile(one.first_token, (50, 99)), np.percentile(one.pauses, (50, 99))
        return words, *(f"{at:.2f} s" for at in (*first, *pauses)), f"{one.end:,.0f} s"

    headings = (
        "server",
        "first token: half within",
        "99 % within",
        "next token: half within",
        "99 % within",
        "done at",
    )
    many = len(next(iter(timelines.values())).requests)
    return Table(headings, [row(*one) for one in timelines.items()], f"{many} requests, simulated")


def offline_table(workloads: Mapping[str, Sequence[Request]], seats: int = 16) -> Table:
    """Work that is all there from the start: by scripts that read their batches in different ways, and by a server.

    Args:
        workloads: requests, under words for them.
        seats: requests in a batch, and at once on the server.
    """

    def row(words: str, requests: Sequence[Request]) -> tuple[str, ...]:
        batches = {how: plain_steps(method) for how, method in SCRIPTS.items()}
        ends = [simulate(requests, static_batches(seats), seconds).end for seconds in batches.values()]
        ends.append(simulate(requests, continuous(seats), ragged_steps()).end)
        finished = [f"{end:,.1f} s ({ends[0] / end:.1f}×)" for end in ends]
        return (
            words,
            f"{mean(one.prompt for one in requests):,.0f}",
            f"{mean(one.output for one in requests):,.0f}",
            *finished,
        )

    headings = (
        "requests", "to read", "to write", *(f"script, {how}" for how in SCRIPTS), "server, continuous batching",
    )  # fmt: skip
    caption = f"Seconds until all is done, simulated, {seats} seats (and how many times as fast as the padded script)"
    return Table(headings, [row(*one) for one in workloads.items()], caption)
