"""Prompts → Prefill: the next token's logits and a cache for every prompt, by one of several methods.

    one_by_one      each prompt alone: no padding, and no batch
    full_batching   one batch, padded to the longest prompt: the default of Hugging Face
    prepacked       few rows, each holding several prompts: the paper

All give the same logits and the same cache. They differ in how many slots they compute.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.forward import ForwardPass, forward_alone, forward_packed, forward_padded, left_padded_mask
from prepack_lab.kv_cache import stack_caches, unpack_cache
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import DEFAULT_STRATEGY, pack
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
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    method: str = "prepacked",
    *,
    capacity: int | None = None,
    strategy: str = DEFAULT_STRATEGY,
) -> Prefill:
    """Run the prompts through the model once.

    Args:
        model: a causal language model of transformers.
        prompts: B lists of token ids.
        method: one of `METHODS`.
        capacity: for `prepacked`, the most tokens in a row; the longest prompt where left out.
        strategy: for `prepacked`, how prompts share rows (see `pack`).

    Raises:
        InvalidPromptsError: names the prompt that can't be run, and why.
        UnsupportedModelError: packing is not known to be exact for this model.
        ValueError: an unknown method, strategy, or a capacity that a prompt exceeds.
    """
    check_method(method, capacity, strategy)
    prompts = check_prompts(prompts, model.get_input_embeddings().num_embeddings, max_positions(model))
    if method == "prepacked":
        return _prepacked(model, prompts, capacity, strategy)
    return METHODS[method](model, prompts)


def check_method(method: str, capacity: int | None, strategy: str) -> None:
    """Refuse an unknown method, and packing arguments for a method that packs nothing.

    Raises:
        ValueError: says which methods there are, or what to leave out.
    """
    if method not in METHODS:
        raise ValueError(f"there is no method {method!r}; there are: {', '.join(METHODS)}")
    if method != "prepacked" and (capacity, strategy) != (None, DEFAULT_STRATEGY):
        raise ValueError(f"method {method!r} packs nothing; leave capacity and strategy out")


def max_positions(model: PreTrainedModel) -> int | None:
    """The longest prompt that the model was built for, in tokens; None where it names no limit."""
    return getattr(model.config.get_text_config(decoder=True), "max_position_embeddings", None)


def _one_by_one(model: PreTrainedModel, prompts: list[list[int]]) -> Prefill:
    passes = [forward_alone(model, prompt) for prompt in prompts]
    return Prefill(
        torch.cat([one.next_token_logits for one in passes]),
        stack_caches([one.cache for one in passes], model.config),
        left_padded_mask([len(prompt) for prompt in prompts], model.device),
        rows=len(prompts),
        slots=sum(len(prompt) for prompt in prompts),
    )


def _full_batching(model: PreTrainedModel, prompts: list[list[int]]) -> Prefill:
    out = forward_padded(model, prompts)
    rows, width = out.slots
    mask = left_padded_mask([len(prompt) for prompt in prompts], model.device)
    return Prefill(out.next_token_logits, out.cache, mask, rows, rows * width)


def _prepacked(
    model: PreTrainedModel,
    prompts: list[list[int]],
    capacity: int | None = None,
    strategy: str = DEFAULT_STRATEGY,
) -> Prefill:
    batch, out = run_packed(model, prompts, capacity, strategy)
    rows, width = out.slots
    cache = unpack_cache(out.cache, batch, model.config)
    mask = left_padded_mask(batch.packing.lengths, model.device)
    return Prefill(out.next_token_logits, cache, mask, rows, rows * width)


def run_packed(
    model: PreTrainedModel, prompts: list[list[int]], capacity: int | None, strategy: str
) -> tuple[PackedBatch, ForwardPass]:
    """Pack checked prompts and run the rows, with the cache still packed.

    Raises:
        UnsupportedModelError: packing is not known to be exact for this model.
        ValueError: a prompt exceeds the capacity, or the strategy is unknown.
    """
    lengths = [len(prompt) for prompt in prompts]
    require_support(model, max(lengths))
    batch = PackedBatch.from_prompts(prompts, pack(lengths, capacity, strategy), device=model.device)
    return batch, forward_packed(model, batch)


METHODS: dict[str, Callable[..., Prefill]] = {
    "one_by_one": _one_by_one,
    "full_batching": _full_batching,
    "prepacked": _prepacked,
}
