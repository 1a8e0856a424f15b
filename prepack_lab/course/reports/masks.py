"""What a mask does and does not do: next words with and without it, and two kinds of mask under two attentions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prepack_lab.exactness.differences import most_apart
from prepack_lab.forward import forward_alone
from prepack_lab.masks import may_see, packed_mask
from prepack_lab.measuring.table import Table
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import Packing
from prepack_lab.prompts import tokenize
from prepack_lab.twin import twin_of

ROUNDING = 1e-3
"""Up to this share of their spread, logits differ by rounding."""


@torch.no_grad()
def leak_table(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Table:
    """The next word of each prompt: alone, and in one row of all prompts with and without the packed mask."""
    prompts = tokenize(tokenizer, texts)
    batch = PackedBatch.from_prompts(prompts, Packing.concatenated([*map(len, prompts)]), device=model.device)
    alone = torch.cat([forward_alone(model, prompt).next_token_logits for prompt in prompts])
    masks = {"packed mask": packed_mask(batch.segment_ids, model.dtype), "causal only": None}
    packed = {words: _last_logits(model, batch, mask) for words, mask in masks.items()}

    def row(index: int) -> tuple[object, ...]:
        words = [repr(tokenizer.decode([int(one[index].argmax())])) for one in (alone, *packed.values())]
        return index, texts[index], *words, "yes" if words[0] == words[2] else "no"

    caption = "The next word of each prompt. In the row, prompt 0 comes first"
    headings = ("prompt", "text", "alone", *packed, "same without the mask")
    return Table(headings, [row(index) for index in range(len(texts))], caption)


@torch.no_grad()
def mask_kinds_table(model: PreTrainedModel, batch: PackedBatch, prompts: Sequence[Sequence[int]]) -> Table:
    """How far the packed logits are from each prompt alone, for an additive and a boolean mask, by two attentions.

    Args:
        model: of full attention; its own attention is left alone.
        batch: the prompts as packed rows.
        prompts: the same, one by one.
    """
    expected = torch.cat([forward_alone(model, prompt).next_token_logits for prompt in prompts])  # [B, V]
    masks = {"additive": packed_mask(batch.segment_ids, model.dtype), "boolean": may_see(batch.segment_ids)}
    rows = []
    for attention in ("sdpa", "eager"):
        twin = twin_of(model, attention)
        for kind, mask in masks.items():
            off = most_apart(_last_logits(twin, batch, mask), expected)
            rows.append((kind, attention, f"{off:.1e}", "✓ the same" if off < ROUNDING else "✗ silently wrong"))
    caption = "The largest difference of a logit from each prompt alone, as a share of how far the logits spread"
    return Table(("mask", "attention", "off by", "verdict"), rows, caption)


def _last_logits(model: PreTrainedModel, batch: PackedBatch, mask: torch.Tensor | None) -> torch.Tensor:
    """[B, V] after each prompt's last token. Without a mask the row is one text, with positions that run on."""
    positions = batch.position_ids if mask is not None else None
    out = model(batch.input_ids, attention_mask=mask, position_ids=positions, use_cache=False)
    row, slot = batch.last_token.unbind(1)
    return out.logits[row, slot]
