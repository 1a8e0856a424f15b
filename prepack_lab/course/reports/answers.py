"""The same answers by every method: prompts, seams, logits, continuations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from transformers import PreTrainedTokenizerBase

from prepack_lab.measuring.table import Table
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.prefilling import Prefill


def prompts_table(texts: Sequence[str], prompts: Sequence[Sequence[int]]) -> Table:
    """The prompts, and how many tokens each has."""
    rows = [(index, len(prompt), text) for index, (text, prompt) in enumerate(zip(texts, prompts, strict=True))]
    tokens = sum(len(prompt) for prompt in prompts)
    return Table(("prompt", "tokens", "text"), rows, f"{len(prompts)} prompts, {tokens:,} tokens")


def seam_table(batch: PackedBatch, tokenizer: PreTrainedTokenizerBase, around: int = 3) -> Table:
    """The slots around the first seam, where one prompt of a row ends and the next begins.

    Raises:
        ValueError: no row holds two prompts.
    """
    seams = [(row, ends[1]) for row, ends in enumerate(batch.cu_seqlens) if len(ends) > 2]
    if not seams:
        raise ValueError("no row holds two prompts, so there is no seam; pack shorter prompts beside longer ones")
    row, seam = seams[0]
    slots = range(max(seam - around, 0), min(seam + around, batch.packing.bin_lengths[row]))
    rows = [
        (
            slot,
            repr(tokenizer.decode([int(batch.input_ids[row, slot])])),
            int(batch.segment_ids[row, slot]),
            int(batch.position_ids[row, slot]),
        )
        for slot in slots
    ]
    caption = f"A seam in row {row}: at slot {seam} the next prompt begins, and so do its positions"
    return Table(("slot", "token", "prompt", "position"), rows, caption)


def agreement_table(results: Mapping[str, Prefill], reference: str = "one_by_one") -> Table:
    """How far each method's logits are from the reference's, and what it computed for them."""
    expected = results[reference].next_token_logits

    def row(method: str, result: Prefill) -> tuple[object, ...]:
        difference = (result.next_token_logits - expected).abs().max().item()
        same = torch.equal(result.next_token_logits.argmax(-1), expected.argmax(-1))
        return method, result.rows, f"{result.slots:,}", f"{difference:.6f}", "yes" if same else "no"

    headings = ("method", "rows", "slots computed", f"largest difference from {reference}", "same next tokens")
    caption = f"{expected.numel():,} logits by every method; the largest is {expected.max().item():.1f}"
    return Table(headings, [row(method, result) for method, result in results.items()], caption)


def continuations_table(
    prompts: Sequence[Sequence[int]],
    tokens: Mapping[str, Sequence[Sequence[int]]],
    tokenizer: PreTrainedTokenizerBase,
) -> Table:
    """What the last method named in `tokens` says after each prompt, and whether the first one says the same."""
    (reference, expected), *_, (method, found) = tokens.items()
    rows = [
        (index, f"…{tokenizer.decode([*prompt])[-30:]}", tokenizer.decode([*ids]), "yes" if ids == single else "no")
        for index, (prompt, single, ids) in enumerate(zip(prompts, expected, found, strict=True))
    ]
    same = sum(ids == single for ids, single in zip(found, expected, strict=True))
    caption = f"{same} of {len(rows)} continuations are the same as {reference}, token for token"
    return Table(("prompt", "ends with", f"the model goes on ({method})", "same"), rows, caption)
