"""One forward pass, three ways: a prompt alone, prompts padded to the longest, prompts packed into rows.

Each returns the logits after every prompt's last token, and no others: logits at all slots can cost more than
packing saves. transformers picks those slots before the language-model head (`logits_to_keep`).
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.masks import packed_mask
from prepack_lab.packed_batch import PackedBatch


@dataclass(frozen=True)
class ForwardPass:
    """What a forward pass leaves behind."""

    next_token_logits: torch.Tensor
    """[B, V] the logits after each prompt's last token, in the order of the prompts."""
    cache: DynamicCache
    """Keys and values as the pass laid them out: [rows, H, W, D] a layer."""
    slots: tuple[int, int]
    """The rows and the slots in a row that the pass computed."""


@torch.no_grad()
def forward_alone(model: PreTrainedModel, prompt: Sequence[int]) -> ForwardPass:
    """Run one prompt by itself: what every other way has to equal."""
    input_ids = torch.tensor([prompt], device=model.device)  # [1, n]
    out = model(input_ids, use_cache=True, logits_to_keep=1)
    return ForwardPass(out.logits[:, -1], out.past_key_values, tuple(input_ids.shape))


@torch.no_grad()
def forward_padded(model: PreTrainedModel, prompts: Sequence[Sequence[int]], pad_id: int = 0) -> ForwardPass:
    """Run the prompts as one batch, padded on the left to the longest: the usual way ("full batching")."""
    lengths = [len(prompt) for prompt in prompts]
    attention_mask = left_padded_mask(lengths, model.device)  # [B, L]
    input_ids = torch.full_like(attention_mask, pad_id)
    input_ids[attention_mask.bool()] = torch.tensor([i for prompt in prompts for i in prompt], device=model.device)
    positions = {}
    if takes_positions(model):
        positions["position_ids"] = (attention_mask.cumsum(-1) - 1).clamp(min=0)
    out = model(input_ids, attention_mask=attention_mask, use_cache=True, logits_to_keep=1, **positions)
    return ForwardPass(out.logits[:, -1], out.past_key_values, tuple(input_ids.shape))


@torch.no_grad()
def forward_packed(model: PreTrainedModel, batch: PackedBatch) -> ForwardPass:
    """Run packed rows, as the paper does (section 3): independent mask, restart positions, one forward pass."""
    row, slot = batch.last_token.unbind(1)  # [B], [B]
    is_last = torch.zeros_like(batch.input_ids, dtype=torch.bool)  # [R, W]
    is_last[row, slot] = True
    out = model(
        batch.input_ids,
        attention_mask=packed_mask(batch.segment_ids, model.dtype),
        position_ids=batch.position_ids,
        # One plain layer each: the model's own kind would crop a whole row to its sliding window.
        past_key_values=DynamicCache(),
        use_cache=True,
        logits_to_keep=is_last,
    )
    prompt_of = batch.segment_ids[is_last]  # [B] the logits come row by row, so bring them into the prompts' order
    logits = out.logits[prompt_of.argsort()]  # [B, V]
    return ForwardPass(logits, out.past_key_values, tuple(batch.input_ids.shape))


def left_padded_mask(lengths: Sequence[int], device: torch.device | str | None = None) -> torch.Tensor:
    """[B, L] the `attention_mask` of left-padded prompts: 0 on padding, 1 on tokens."""
    lengths = torch.tensor(lengths, device=device)
    place = torch.arange(int(lengths.max()), device=device)
    return (place >= lengths.max() - lengths[:, None]).long()


def takes_positions(model: PreTrainedModel) -> bool:
    """Whether positions can be given to the model, or it works them out by itself."""
    return "position_ids" in inspect.signature(model.forward).parameters
