"""Exercise 04-places: what each slot of a left-padded cache holds."""

from __future__ import annotations

import torch

from prepack_lab.course.exercises.cases import lengths_alone
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import tensor


def places(lengths):
    longest = max(lengths)
    padding = longest - torch.tensor(lengths)  # [B]
    return torch.arange(longest) - padding[:, None]


def _right_padded(lengths):
    return torch.arange(max(lengths)).expand(len(lengths), -1).clone()


def _off_by_one(lengths):
    return places(lengths) + 1


def _clamped(lengths):
    return places(lengths).clamp(min=0)


def _transposed(lengths):
    return places(lengths).T.contiguous()


PLACES = Exercise(
    key="04-places",
    title="Which token a slot of the cache holds",
    minutes=5,
    level="warm-up",
    task="Caches are aligned at the right: the last tokens of all prompts stand below each other. For prompts of these "
    "`lengths`, return a tensor of shape [B, L], with L the longest. It gives the place of each slot's token in its "
    "own prompt. Padding gets a number below 0. Lengths 3 and 1 give [[0, 1, 2], [-2, -1, 0]].",
    reference=places,
    cases=lengths_alone,
    judge=tensor,
    hints=(
        "Without padding a row counts 0, 1, 2, …: `torch.arange(L)`.",
        "A prompt that is shorter by p begins p slots later: subtract p from its row.",
        "`padding[:, None]` has the shape [B, 1], and is subtracted from every slot of its row.",
    ),
    wrong={
        "right-padded": WrongAnswer(_right_padded, "Your prompts begin at the left. They must end at the right."),
        "off by one": WrongAnswer(_off_by_one, "One too many: the first token of a prompt has place 0."),
        "padding is token 0": WrongAnswer(_clamped, "Your padding is place 0, which is a token. Keep it below 0."),
        "columns": WrongAnswer(_transposed, "Rows and columns are exchanged: a row for each prompt."),
    },
)
