"""One more token for every prompt, from a joined cache or each from its own; and how far two results are apart."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.engine.forward import ForwardPass, left_padded_mask


@torch.no_grad()
def step_together(
    model: PreTrainedModel, cache: DynamicCache, lengths: Sequence[int], tokens: torch.Tensor
) -> torch.Tensor:
    """The logits after one more token, from the left-padded cache of all prompts: [B] ids → [B, V]."""
    seen = torch.nn.functional.pad(left_padded_mask(lengths, model.device), (0, 1), value=1)  # [B, L + 1]
    positions = torch.tensor(lengths, device=model.device)[:, None]  # [B, 1]
    out = model(tokens[:, None], attention_mask=seen, position_ids=positions, past_key_values=cache)
    return out.logits[:, -1]


@torch.no_grad()
def step_alone(
    model: PreTrainedModel, alone: Sequence[ForwardPass], lengths: Sequence[int], tokens: torch.Tensor
) -> torch.Tensor:
    """The same, each prompt from the cache of its own pass: [B] ids → [B, V]."""
    steps = zip(alone, lengths, tokens, strict=True)
    return torch.cat(
        [
            model(token.view(1, 1), position_ids=token.new_tensor([[length]]), past_key_values=one.cache).logits[:, -1]
            for one, length, token in steps
        ]
    )


def apart(found: torch.Tensor, expected: torch.Tensor) -> tuple[float, ...]:
    """[B] for each prompt the largest difference, as a share of how far the expected values spread: [B, …] both."""
    return tuple(((found - expected).abs().flatten(1).amax(-1) / expected.float().std()).tolist())
