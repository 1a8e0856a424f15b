"""The positions that a model is given: each token's place in its own prompt, except for models that count as RoBERTa.

RoBERTa starts at the id of the padding token plus one, and gives padding tokens that id as their position: with
padding id 1, the prompt 7 9 1 4 has the positions 2 3 1 4.

Source: `create_position_ids_from_input_ids` of transformers.
"""

from __future__ import annotations

from inspect import signature

import torch
from transformers import PreTrainedModel

from prepack_lab.packed_batch import PackedBatch


def takes_positions(model: PreTrainedModel) -> bool:
    """Whether the model accepts positions; if not, it works them out by itself."""
    return "position_ids" in signature(model.forward).parameters


def counts_from_padding(model: PreTrainedModel) -> int | None:
    """The padding id, if the model counts its positions from there; None if it counts from 0."""
    table = getattr(getattr(model.base_model, "embeddings", None), "position_embeddings", None)
    return getattr(table, "padding_idx", None)


def max_positions(model: PreTrainedModel) -> int | None:
    """The longest prompt that the model was built for, in tokens; None where it names no limit."""
    config = model.config.get_text_config(decoder=True)
    limit = getattr(config, "max_position_embeddings", None) or getattr(config, "max_seq_len", None)
    padding = counts_from_padding(model)
    return limit if limit is None or padding is None else limit - padding - 1


def batch_positions(model: PreTrainedModel, batch: PackedBatch) -> torch.Tensor:
    """[R, W] the position of each token in these rows."""
    padding = counts_from_padding(model)
    if padding is None:
        return batch.position_ids
    counted = batch.attention_mask * (batch.input_ids != padding)  # [R, W]
    so_far = counted.cumsum(1)
    row, slot = batch.first_token.unbind(1)
    before = so_far[row, slot] - counted[row, slot]  # [b]
    return (so_far - before[batch.segment_ids]) * counted + padding


def next_positions(model: PreTrainedModel, tokens: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """The positions of new tokens at these places of their prompts; all three have the same shape."""
    padding = counts_from_padding(model)
    return places if padding is None else torch.where(tokens == padding, padding, places + padding + 1)
