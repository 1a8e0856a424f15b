"""The miniatures against each prompt alone, and what they compute."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from prepack_lab.course.miniatures.chunked_prefill import prefill_in_chunks
from prepack_lab.course.miniatures.prefix_sharing import prefill_sharing
from prepack_lab.forward import forward_alone
from prepack_lab.measuring.table import Table


def chunks_table(model: PreTrainedModel, prompt: Sequence[int], chunks: Sequence[int]) -> Table:
    """The logits after a prompt that was read in chunks, against those of the prompt read at once."""
    whole = forward_alone(model, prompt).next_token_logits

    def row(chunk: int) -> tuple[object, ...]:
        logits, _ = prefill_in_chunks(model, prompt, chunk)
        same = "yes" if torch.equal(logits.argmax(-1), whole.argmax(-1)) else "no"
        return chunk, -(-len(prompt) // chunk), f"{(logits - whole).abs().max().item():.6f}", same

    headings = ("tokens in a chunk", "passes", "largest difference of a logit", "same next token")
    caption = f"A prompt of {len(prompt)} tokens, read in chunks; the largest logit is {whole.max().item():.1f}"
    return Table(headings, [row(chunk) for chunk in chunks], caption)


def sharing_table(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], alone: torch.Tensor, block_size: int = 16
) -> Table:
    """What prefix sharing finds and computes, prompt by prompt, and whether the logits are those of each alone.

    Args:
        prompts: in the order in which they come.
        alone: [B, V] the logits that each prompt should have.
    """
    logits, computed = prefill_sharing(model, prompts, block_size)
    off = (logits - alone).abs().amax(-1).tolist()
    rows = [
        (index, len(prompt), len(prompt) - many, many, f"{difference:.6f}")
        for index, (prompt, many, difference) in enumerate(zip(prompts, computed, off, strict=True))
    ]
    tokens = sum(map(len, prompts))
    caption = f"{sum(computed):,} of {tokens:,} tokens computed, {sum(computed) / tokens:.0%}; blocks of {block_size}"
    headings = ("prompt", "tokens", "found in the cache", "computed", "largest difference of a logit")
    return Table(headings, rows, caption)
