"""Exercise 04-same: what counts as equal."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import torch

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer


def same_results(ours, theirs, tolerance):
    off = (ours - theirs).abs().max() / theirs.std()
    return bool(off <= tolerance)


def _to_the_bit(ours, theirs, tolerance):
    return bool(torch.equal(ours, theirs))


def _signed(ours, theirs, tolerance):
    return bool((ours - theirs).max() / theirs.std() <= tolerance)


def _mean(ours, theirs, tolerance):
    return bool((ours - theirs).abs().mean() / theirs.std() <= tolerance)


def _not_a_share(ours, theirs, tolerance):
    return bool((ours - theirs).abs().max() <= tolerance)


def _nan_passes(ours, theirs, tolerance):
    return not bool((ours - theirs).abs().max() / theirs.std() > tolerance)


def _pairs(draw: Random) -> Iterator[tuple[Any, ...]]:
    for top, off in ((1.0, 0.0), (9.0, 5.0), (9.0, -5.0), (80.0, 0.02), (80.0, -0.02), (80.0, torch.nan)):
        theirs = torch.tensor([[0.0, top]])
        yield theirs + torch.tensor([[0.0, off]]), theirs, 0.001
    for seed in range(12):
        scale = draw.choice([0.01, 1.0, 100.0])
        theirs = scale * torch.randn(2, 3, generator=torch.Generator().manual_seed(seed))
        ours = theirs.clone()
        ours[draw.randrange(2), draw.randrange(3)] += scale * draw.choice([1e-4, -1e-4, 2e-3, -2e-3, 3.0, -3.0])
        yield ours, theirs, 0.001


def _judge(returned: Any, expected: bool, ours: torch.Tensor, *arguments: Any) -> str | None:
    if not isinstance(returned, bool):
        return f"True or False is asked for, and a {type(returned).__name__} came back."
    if returned == expected:
        return None
    if ours.isnan().any():
        return "NaN is never the same as anything."
    return "These differ by rounding only." if expected else "These are not the same."


SAME_RESULTS = Exercise(
    key="04-same",
    title="What counts as equal",
    minutes=6,
    level="core",
    task="Given the logits `ours` and `theirs` and a `tolerance`, return whether they are the same up to rounding: the "
    "largest difference, as a share of the standard deviation of `theirs`, is at most the tolerance. NaN is never the "
    "same.",
    reference=same_results,
    cases=_pairs,
    judge=_judge,
    hints=(
        "The largest difference is `(ours - theirs).abs().max()`.",
        "Divide by `theirs.std()`, so that large numbers may differ by more.",
        "Every comparison with NaN is False. Ask `off <= tolerance`, not whether it is above. End with `bool(…)`.",
    ),
    wrong={
        "to the bit": WrongAnswer(_to_the_bit, "You ask for the same bits. Sums in another order round differently."),
        "signed": WrongAnswer(_signed, "You forget the sign: where ours is far below theirs, nothing is noticed."),
        "mean": WrongAnswer(_mean, "You take the mean. One logit that is far off is enough for another answer."),
        "no share": WrongAnswer(_not_a_share, "You take the difference as it is. Take it as a share of the spread."),
        "NaN passes": WrongAnswer(_nan_passes, "Ask whether it is within the tolerance, not whether it is above it."),
    },
)
