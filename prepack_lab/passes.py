"""Planned forward passes → what they leave behind, one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from transformers import PreTrainedModel

from prepack_lab.cache import CachePart
from prepack_lab.forward import ForwardPass, forward_alone, forward_packed, forward_padded
from prepack_lab.methods import METHODS, Pass, Plan
from prepack_lab.packed_batch import PackedBatch

Step = tuple[ForwardPass, CachePart]
"""A forward pass, and where in its cache each prompt lies."""


def run_passes(model: PreTrainedModel, prompts: list[list[int]], planned: Iterable[Pass]) -> Iterator[Step]:
    """Run passes as they are asked for; nothing of a pass is kept here once the next one runs."""
    return (_run(model, [prompts[prompt] for prompt in one.prompts], one) for one in planned)


def run_method(model: PreTrainedModel, prompts: list[list[int]], method: str, plan: Plan | None = None) -> list[Step]:
    """All passes of a method over one batch of prompts.

    Raises:
        ValueError: an unknown method, or one that does not read what the plan sets.
    """
    plan = plan or Plan()
    plan.check(method)
    planned = METHODS[method]([len(prompt) for prompt in prompts], plan)
    return [*run_passes(model, prompts, planned)]


def _run(model: PreTrainedModel, prompts: list[list[int]], one: Pass) -> Step:
    if one.attention in ("alone", "padded"):
        out = forward_padded(model, prompts) if one.attention == "padded" else forward_alone(model, *prompts)
        return out, CachePart.left_padded(out.cache, one.rows.lengths, one.prompts, model.device)
    batch = PackedBatch.from_prompts(prompts, one.rows, device=model.device)
    out = forward_packed(model, batch, segmented=one.attention == "segmented")
    return out, CachePart.packed(out.cache, batch, one.prompts)
