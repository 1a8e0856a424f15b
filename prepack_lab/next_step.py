"""One more token for every prompt, from a joined cache or each from its own; and how far two results are apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.forward import ForwardPass, left_padded_mask, takes_positions

Decode = Callable[[torch.Tensor], torch.Tensor]
"""One more token for every prompt: [B] ids → [B, V] the logits after them. The next call goes on from there."""


def decode_together(model: PreTrainedModel, cache: DynamicCache, lengths: Sequence[int]) -> Decode:
    """Decode from the left-padded cache of all prompts, as `model.generate` does.

    Args:
        cache: [B, H, L, D] a layer; it grows in place.
        lengths: tokens of each prompt, of which L is the longest.
    """
    mask = left_padded_mask(lengths, model.device)  # [B, L], and one more column a step
    position = torch.tensor(lengths, device=model.device)[:, None]  # [B, 1]

    @torch.no_grad()
    def decode(tokens: torch.Tensor) -> torch.Tensor:
        nonlocal mask, position
        mask = torch.nn.functional.pad(mask, (0, 1), value=1)
        positions = {"position_ids": position} if takes_positions(model) else {}
        position = position + 1
        out = model(tokens[:, None], attention_mask=mask, past_key_values=cache, use_cache=True, **positions)
        return out.logits[:, -1]

    return decode


def decode_alone(model: PreTrainedModel, alone: Sequence[ForwardPass], lengths: Sequence[int]) -> Decode:
    """The same, each prompt from the cache of its own forward pass."""
    place = [*lengths]

    @torch.no_grad()
    def decode(tokens: torch.Tensor) -> torch.Tensor:
        logits = []
        for index, (one, token) in enumerate(zip(alone, tokens, strict=True)):
            positions = {"position_ids": token.new_full((1, 1), place[index])} if takes_positions(model) else {}
            out = model(token.view(1, 1), past_key_values=one.cache, use_cache=True, **positions)
            logits.append(out.logits[:, -1])
            place[index] += 1
        return torch.cat(logits)

    return decode


def apart(found: torch.Tensor, expected: torch.Tensor) -> tuple[float, ...]:
    """[B] for each prompt the largest difference, as a share of how far the expected values spread: [B, …] both."""
    return tuple(((found - expected).abs().flatten(1).amax(-1) / expected.float().std()).tolist())


def most_apart(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest of these differences; NaN where there is one, which is like nothing."""
    return torch.tensor(apart(found, expected)).max().item()
