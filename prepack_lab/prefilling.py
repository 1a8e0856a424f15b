"""Prompts → Prefill: the next token's logits and a cache for every prompt, by any method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Unpack

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.cache import join_caches
from prepack_lab.forward import left_padded_mask
from prepack_lab.methods import METHODS, Plan, PlanOptions
from prepack_lab.passes import Step, run_passes
from prepack_lab.support import prompts_for, require_support


@dataclass(frozen=True)
class Prefill:
    """What decoding needs, in the order of the prompts."""

    prompts: tuple[int, ...]
    """The B prompts, as indices in the list given, rising; all of them, or a batch of a dataset."""
    next_token_logits: torch.Tensor
    """[B, V] the logits after each prompt's last token."""
    cache: DynamicCache | None
    """Left-padded keys and values, [B, H, L, D] a layer, in the model's own kind of layers; None if left out."""
    attention_mask: torch.Tensor
    """[B, L] 0 on padding, 1 on tokens."""
    rows: int
    """Rows computed, over all forward passes."""
    slots: int
    """Slots computed, tokens and padding, over all forward passes."""


def prefill(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], method: str = "prepacked", **plan: Unpack[PlanOptions]
) -> Prefill:
    """Run the prompts through the model once.

    Args:
        model: a causal language model of transformers.
        prompts: B lists of token ids.
        method: one of `METHODS`.
        plan: how the method shares the prompts out, see `Plan`: `capacity` and `strategy` for `prepacked`,
            `batch_size` for `length_ordered`, `token_budget` for `padding_free`.

    Raises:
        InvalidPromptsError: names the prompt that can't be run, and why.
        UnsupportedModelError: the method is not known to be exact for this model.
        ValueError: an unknown method or strategy, or a capacity that a prompt exceeds.
    """
    prompts = prompts_for(model, prompts)
    return gather(model, prompts, [*run(model, prompts, method, **plan)])


def gather(model: PreTrainedModel, prompts: list[list[int]], steps: Sequence[Step], cache: bool = True) -> Prefill:
    """What some forward passes gave, brought into the order of the prompts.

    Args:
        prompts: all of them; the steps may be about some.
        cache: whether to give each prompt its cache.
    """
    passes, parts = zip(*steps, strict=True)
    of = torch.tensor([prompt for part in parts for prompt in part.prompts], device=model.device)  # [B]
    rising, order = of.sort()
    chosen = tuple(rising.tolist())
    return Prefill(
        prompts=chosen,
        next_token_logits=torch.cat([out.next_token_logits for out in passes])[order],
        cache=join_caches(parts, model.config) if cache else None,
        attention_mask=left_padded_mask([len(prompts[index]) for index in chosen], model.device),
        rows=sum(out.slots[0] for out in passes),
        slots=sum(out.slots[0] * out.slots[1] for out in passes),
    )


def run(
    model: PreTrainedModel,
    prompts: list[list[int]],
    method: str,
    decoding: str = "unpacked",
    **plan: Unpack[PlanOptions],
) -> Iterator[Step]:
    """The forward passes of a method over checked prompts, which are to be decoded so; each is run as it is asked for.

    Raises:
        UnsupportedModelError, ValueError: as for `prefill`.
    """
    chosen = Plan(**plan)
    chosen.check(method)
    require_support(model, method, max(map(len, prompts)), decoding)
    return run_passes(model, prompts, METHODS[method]([len(prompt) for prompt in prompts], chosen))
