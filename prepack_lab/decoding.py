"""One more token for every prompt: from a cache that holds them all, or each from a cache of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.forward import ForwardPass, call, input_device, left_padded_mask
from prepack_lab.positions import next_positions, takes_positions

Decode = Callable[[torch.Tensor], torch.Tensor]
"""One more token for every prompt: [B] ids → [B, V] the logits after them. The next call goes on from there."""


def decode_together(model: PreTrainedModel, cache: DynamicCache, lengths: Sequence[int]) -> Decode:
    """Decode from the left-padded cache of all prompts, as `model.generate` does.

    Args:
        model: the one that made the cache.
        cache: [B, H, L, D] per layer; it grows in place.
        lengths: tokens of each prompt, of which L is the longest.
    """
    device = input_device(model)
    mask = left_padded_mask(lengths, device)  # [B, L], and one more column per step
    place = torch.tensor(lengths, device=device)[:, None]  # [B, 1]

    def decode(tokens: torch.Tensor) -> torch.Tensor:
        nonlocal mask, place
        mask = torch.nn.functional.pad(mask, (0, 1), value=1)
        positions = {"position_ids": next_positions(model, tokens[:, None], place)} if takes_positions(model) else {}
        place = place + 1
        return call(model, tokens[:, None], cache, attention_mask=mask, **positions).logits[:, -1]

    return decode


def decode_alone(model: PreTrainedModel, alone: Sequence[ForwardPass]) -> Decode:
    """The same, each prompt from the cache of its own forward pass."""
    places = [one.batch.packing.width for one in alone]

    def decode(tokens: torch.Tensor) -> torch.Tensor:
        logits = []
        for index, (one, token) in enumerate(zip(alone, tokens, strict=True)):
            token, place = token.view(1, 1), token.new_full((1, 1), places[index])
            positions = {"position_ids": next_positions(model, token, place)} if takes_positions(model) else {}
            logits.append(call(model, token, one.cache, **positions).logits[:, -1])
            places[index] += 1
        return torch.cat(logits)

    return decode
