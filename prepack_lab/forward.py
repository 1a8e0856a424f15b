"""One forward pass, four ways: a prompt alone, prompts padded to the longest, prompts packed into rows, with a mask
or segment by segment.

Each returns the logits after every prompt's last token, and no others: logits at all slots can cost more than
packing saves. transformers picks those slots before the language-model head (`logits_to_keep`).
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.attention import Slots, packed_attention
from prepack_lab.packed_batch import PackedBatch


@dataclass(frozen=True)
class ForwardPass:
    """What a forward pass leaves behind."""

    next_token_logits: torch.Tensor
    """[B, V] the logits after each prompt's last token, in the order of the prompts."""
    cache: DynamicCache
    """Keys and values as the pass laid them out: [rows, H, W, D] a layer, all of them plain layers. The model's own
    kind would crop a row to its sliding window."""
    slots: tuple[int, int]
    """The rows and the slots in a row that the pass computed."""


@torch.no_grad()
def forward_alone(model: PreTrainedModel, prompt: Sequence[int]) -> ForwardPass:
    """Run one prompt by itself: what every other way has to equal."""
    input_ids = torch.tensor([prompt], device=model.device)  # [1, n]
    out = model(input_ids, past_key_values=DynamicCache(), use_cache=True, logits_to_keep=1)
    return ForwardPass(out.logits[:, -1], out.past_key_values, (input_ids.shape[0], input_ids.shape[1]))


@torch.no_grad()
def forward_padded(model: PreTrainedModel, prompts: Sequence[Sequence[int]]) -> ForwardPass:
    """Run the prompts as one batch, padded on the left to the longest: the usual way ("full batching")."""
    input_ids, attention_mask = left_pad(prompts, model.device)  # [B, L], [B, L]
    positions = {}
    if takes_positions(model):
        positions["position_ids"] = (attention_mask.cumsum(-1) - 1).clamp(min=0)
    out = model(
        input_ids,
        attention_mask=attention_mask,
        past_key_values=DynamicCache(),
        use_cache=True,
        logits_to_keep=1,
        **positions,
    )
    return ForwardPass(out.logits[:, -1], out.past_key_values, (input_ids.shape[0], input_ids.shape[1]))


@torch.no_grad()
def forward_packed(model: PreTrainedModel, batch: PackedBatch, segmented: bool = False) -> ForwardPass:
    """Run packed rows in one forward pass, with restart positions (the paper's section 3).

    Args:
        segmented: one attention a prompt, instead of one a row with a mask; the batch is a single row.
    """
    row, slot = batch.last_token.unbind(1)  # [B], [B]
    is_last = torch.zeros_like(batch.input_ids, dtype=torch.bool)  # [R, W]
    is_last[row, slot] = True
    slots = Slots(batch.segment_ids, batch.position_ids)
    with packed_attention(model, slots, spans=batch.spans if segmented else None):
        out = model(
            batch.input_ids,
            position_ids=batch.position_ids,
            past_key_values=DynamicCache(),
            use_cache=True,
            logits_to_keep=is_last,
        )
    prompt_of = batch.segment_ids[is_last]  # [B] the logits come row by row, so bring them into the prompts' order
    logits = out.logits[prompt_of.argsort()]  # [B, V]
    return ForwardPass(logits, out.past_key_values, batch.shape)


def left_pad(
    prompts: Sequence[Sequence[int]], device: torch.device | str | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The prompts as one batch, aligned at the right: ids (0 on padding) and `attention_mask`, both [B, L]."""
    attention_mask = left_padded_mask([len(prompt) for prompt in prompts], device)
    input_ids = torch.zeros_like(attention_mask)
    input_ids[attention_mask.bool()] = torch.tensor([token for prompt in prompts for token in prompt], device=device)
    return input_ids, attention_mask


def left_padded_mask(lengths: Sequence[int], device: torch.device | str | None = None) -> torch.Tensor:
    """[B, L] the `attention_mask` of left-padded prompts: 0 on padding, 1 on tokens."""
    longest = max(lengths)
    padding = longest - torch.tensor(lengths, device=device)  # [B]
    return (torch.arange(longest, device=device) >= padding[:, None]).long()


def vocabulary_size(model: PreTrainedModel) -> int:
    """V, the token ids that the model has an embedding for."""
    return cast(int, model.get_input_embeddings().num_embeddings)


def max_positions(model: PreTrainedModel) -> int | None:
    """The longest prompt that the model was built for, in tokens; None where it names no limit."""
    return getattr(model.config.get_text_config(decoder=True), "max_position_embeddings", None)


def takes_positions(model: PreTrainedModel) -> bool:
    """Whether positions can be given to the model, or it works them out by itself."""
    return "position_ids" in inspect.signature(model.forward).parameters
