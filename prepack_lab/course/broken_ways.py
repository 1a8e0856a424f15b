"""Five broken ways to prefill packed prompts, each with one mistake, hidden behind a colour.

`symptoms` runs one and compares it with each prompt alone. The learner is to find out which mistake it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.cache import unpack_cache
from prepack_lab.course.ablation import run_rows
from prepack_lab.decoding import decode_alone, decode_together
from prepack_lab.exactness.differences import apart
from prepack_lab.forward import forward_alone
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import pack

CAUSES = {
    "leak": "the mask does not keep the prompts of a row apart",
    "positions": "positions run on through the row",
    "slot": "the logits are taken one slot before the last token",
    "order": "the logits come in the order of the rows",
    "cache": "the cache of each prompt begins one slot late",
}
"""The mistakes, by name."""

SYMPTOMS = {
    "leak": "spoils logits and decoding, and spares the first prompt of each row",
    "positions": "leaves the logits of a rotary model right, and spares the first prompt of each row",
    "slot": "spoils the logits of every prompt, and leaves decoding right",
    "order": "spoils the logits of prompts that change places, and leaves decoding right",
    "cache": "leaves the logits right, and spoils the decoding of every prompt",
}
"""What each mistake does to a rotary model."""


@dataclass(frozen=True)
class _Way:
    apart: bool = True
    restart: bool = True
    logits_at: int = 0
    in_order: bool = True
    cache_from: int = 0


_WAYS = {
    "amber": _Way(in_order=False),
    "blue": _Way(restart=False),
    "coral": _Way(logits_at=-1),
    "denim": _Way(cache_from=1),
    "ebony": _Way(apart=False),
}
COLOURS = tuple(_WAYS)


@torch.no_grad()
def symptoms(model: PreTrainedModel, prompts: Sequence[Sequence[int]], colour: str) -> dict[str, tuple[float, ...]]:
    """Run a broken way, and return how far its logits, and those after one more token, are from each prompt alone.

    Args:
        model: with rotary positions.
        prompts: B lists of token ids.
        colour: the way, one of `COLOURS`.

    Returns:
        For "logits" and "decoding", [B] the largest difference per prompt, as a share of the spread of the logits.
    """
    way = _WAYS[colour]
    batch = PackedBatch.from_prompts(prompts, pack([len(prompt) for prompt in prompts]), device=model.device)
    logits, cache = _prefill(model, batch, way)
    alone = [forward_alone(model, prompt) for prompt in prompts]
    expected = torch.cat([one.next_token_logits for one in alone])  # [B, V]
    tokens, lengths = expected.argmax(-1), batch.packing.lengths  # [B] both
    after = decode_together(model, cache, lengths)(tokens)
    return {
        "logits": apart(logits, expected),
        "decoding": apart(after, decode_alone(model, alone)(tokens)),
    }


def places_in_rows(prompts: Sequence[Sequence[int]]) -> list[str]:
    """For each prompt its row, and whether it comes first there: "3, first in row 1" for prompt 3."""
    words = {
        prompt: f"{prompt}, {'later' if place else 'first'} in row {row}"
        for row, members in enumerate(pack([len(prompt) for prompt in prompts]).bins)
        for place, prompt in enumerate(members)
    }
    return [words[prompt] for prompt in range(len(prompts))]


def _prefill(model: PreTrainedModel, batch: PackedBatch, way: _Way) -> tuple[torch.Tensor, DynamicCache]:
    everywhere, rows = run_rows(model, batch, way.apart, way.restart)
    row, slot = batch.last_token.unbind(1)
    logits = everywhere[row, (slot + way.logits_at).clamp(min=0)]
    cache = unpack_cache(rows, batch, model.config)
    if way.cache_from:
        for layer in cache.layers:  # the last token is there twice, the first is gone
            for name in ("keys", "values"):
                states = getattr(layer, name)
                setattr(layer, name, torch.cat([states[:, :, 1:], states[:, :, -1:]], dim=2))
    if not way.in_order:
        by_row = (row * batch.shape[1] + slot).argsort()
        logits = logits[by_row]
    return logits, cache
