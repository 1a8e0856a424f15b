"""Exercise 03-positions: positions that begin again at every prompt."""

from __future__ import annotations

import torch

from prepack_lab.course.exercises.cases import lengths_alone
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import tensor


def restart_positions(lengths):
    return torch.cat([torch.arange(length) for length in lengths])


def _run_on(lengths):
    return torch.arange(sum(lengths))


def _from_one(lengths):
    return restart_positions(lengths) + 1


def _one_short(lengths):
    return torch.cat([torch.arange(length - 1) for length in lengths])


def _backwards(lengths):
    return torch.cat([torch.arange(length).flip(0) for length in lengths])


RESTART_POSITIONS = Exercise(
    key="03-positions",
    title="Restart positions in one expression",
    minutes=4,
    level="warm-up",
    task="A row holds prompts of these `lengths` one after the other. Return the position of each token in its own "
    "prompt, as a tensor of all tokens: 0, 1, 2, … and again from 0 for the next prompt.",
    reference=restart_positions,
    cases=lengths_alone,
    judge=tensor,
    hints=(
        "The positions of one prompt are `torch.arange(length)`.",
        "Make one for each prompt, and put them one behind the other: `torch.cat([… for length in lengths])`.",
    ),
    wrong={
        "positions run on": WrongAnswer(_run_on, "Your positions run on through the row. Begin again at every prompt."),
        "from one": WrongAnswer(_from_one, "The first token of a prompt is at position 0."),
        "the last token is lost": WrongAnswer(
            _one_short, "`torch.arange(n)` already stops before n; your prompts lose their last token."
        ),
        "backwards": WrongAnswer(_backwards, "Your positions count down. The first token of a prompt is at 0."),
    },
)
