"""Prompts → Prefill: the next token's logits and a cache for every prompt, by any method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.forward import left_padded_mask
from prepack_lab.kv_cache import join_caches
from prepack_lab.methods import METHODS, Plan, Step
from prepack_lab.prompts import check_prompts
from prepack_lab.support import require_support


@dataclass(frozen=True)
class Prefill:
    """What decoding needs, in the order of the prompts."""

    next_token_logits: torch.Tensor
    """[B, V] the logits after each prompt's last token."""
    cache: DynamicCache
    """Left-padded keys and values, [B, H, L, D] a layer, in the model's own kind of layers."""
    attention_mask: torch.Tensor
    """[B, L] 0 on padding, 1 on tokens."""
    rows: int
    """Rows computed, over all forward passes."""
    slots: int
    """Slots computed, tokens and padding, over all forward passes."""


def prefill(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], method: str = "prepacked", **plan: int | str | None
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
    prompts = check_prompts(prompts, model.get_input_embeddings().num_embeddings, max_positions(model))
    passes, parts = zip(*run(model, prompts, method, **plan), strict=True)
    order = torch.tensor([prompt for part in parts for prompt in part.prompts], device=model.device)
    return Prefill(
        next_token_logits=torch.cat([one.next_token_logits for one in passes])[order.argsort()],
        cache=join_caches(parts, model.config),
        attention_mask=left_padded_mask([len(prompt) for prompt in prompts], model.device),
        rows=sum(one.slots[0] for one in passes),
        slots=sum(one.slots[0] * one.slots[1] for one in passes),
    )


def run(model: PreTrainedModel, prompts: list[list[int]], method: str, **plan: int | str | None) -> list[Step]:
    """The forward passes of a method over checked prompts.

    Raises:
        UnsupportedModelError, ValueError: as for `prefill`.
    """
    chosen = Plan(**plan)
    chosen.check(method)
    require_support(model, method, max(map(len, prompts)))
    return [*METHODS[method](model, prompts, chosen)]


def max_positions(model: PreTrainedModel) -> int | None:
    """The longest prompt that the model was built for, in tokens; None where it names no limit."""
    return getattr(model.config.get_text_config(decoder=True), "max_position_embeddings", None)
