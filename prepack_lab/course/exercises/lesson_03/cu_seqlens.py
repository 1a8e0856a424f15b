"""Exercise 03-cu-seqlens: the boundaries of segments."""

from __future__ import annotations

import torch

from prepack_lab.course.exercises.cases import lengths_alone
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import tensor


def cu_seqlens(lengths):
    ends = torch.tensor(lengths).cumsum(0)
    return torch.cat([torch.zeros(1, dtype=torch.long), ends])


def _without_zero(lengths):
    return torch.tensor(lengths).cumsum(0)


def _without_end(lengths):
    return cu_seqlens(lengths)[:-1]


def _lengths(lengths):
    return torch.tensor([0, *lengths])


def _last_slots(lengths):
    return torch.cat([torch.zeros(1, dtype=torch.long), torch.tensor(lengths).cumsum(0) - 1])


CU_SEQLENS = Exercise(
    key="03-cu-seqlens",
    title="Where segments end",
    minutes=3,
    level="warm-up",
    task="A row holds prompts of these `lengths`. Return the cumulative boundaries as a tensor of whole numbers, one "
    "more than there are prompts: 0 first, then where each prompt ends. Lengths 2, 4, 3 give 0, 2, 6, 9.",
    reference=cu_seqlens,
    cases=lengths_alone,
    judge=tensor,
    hints=(
        "`cumsum` adds up as it goes: 2, 4, 3 become 2, 6, 9.",
        "Put a 0 before it with `torch.cat`; both parts must be tensors.",
    ),
    wrong={
        "the 0 is missing": WrongAnswer(_without_zero, "The 0 is missing: the first prompt begins somewhere, too."),
        "the end is missing": WrongAnswer(_without_end, "The last prompt has no end. There is one more than prompts."),
        "lengths": WrongAnswer(_lengths, "These are lengths. Add them up as you go."),
        "last slots": WrongAnswer(_last_slots, "A boundary is the slot after the last, so that begin:end is a slice."),
    },
)
