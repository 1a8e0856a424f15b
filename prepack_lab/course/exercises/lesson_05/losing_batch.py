"""Exercise 05-lose: a batch for which packing does more work, not less."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.packing import Packing, pack


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


def _judge(returned: Any, expected: Any) -> str | None:
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
    task="Find prompt lengths and a capacity for which packing loses: not fewer slots than the padded batch, and more "
    "cells of attention (rows × width × width). Write a function without arguments that returns `lengths, capacity`.",
    reference=losing_batch,
    cases=_without_arguments,
    judge=_judge,
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
