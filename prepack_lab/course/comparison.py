"""Packed compared with alone, prompt by prompt: logits, hidden states, keys, values, and one more token's logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.attention import packable, packed_attention
from prepack_lab.cache import unpack_cache
from prepack_lab.decoding import decode_alone, decode_together
from prepack_lab.exactness.differences import apart
from prepack_lab.forward import call, forward_alone
from prepack_lab.gate import admit
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import pack


@dataclass(frozen=True)
class _Traces:
    """Everything that a pass leaves behind for one prompt of n tokens."""

    logits: torch.Tensor
    """[n, V] after every token."""
    hidden_states: torch.Tensor
    """[layers + 1, n, hidden]"""
    keys: torch.Tensor
    """[layers, H, n, D]"""
    values: torch.Tensor
    """[layers, H, n, D]"""


@torch.no_grad()
def compare_with_alone(model: PreTrainedModel, prompts: Sequence[Sequence[int]]) -> dict[str, tuple[float, ...]]:
    """Run prompts packed, and each alone, and return how far apart the results are that they leave behind.

    Args:
        model: with full attention in every layer.
        prompts: B lists of token ids.

    Returns:
        What is compared → [B] the largest difference per prompt, as a share of the spread of the values.

    Raises:
        InvalidPromptsError, UnsupportedModelError: as for `prefill`.
    """
    prompts = admit(model, prompts, "prepacked").prompts
    lengths = [len(prompt) for prompt in prompts]
    batch = PackedBatch.from_prompts(prompts, pack(lengths), device=model.device)
    packed, cache = _run_packed(model, batch)
    alone = [_run_alone(model, prompt) for prompt in prompts]
    passes = [forward_alone(model, prompt) for prompt in prompts]

    errors = {
        name.replace("_", " "): tuple(
            apart(getattr(ours, name)[None], getattr(theirs, name)[None])[0]
            for ours, theirs in zip(packed, alone, strict=True)
        )
        for name in vars(alone[0])
    }
    tokens = torch.cat([one.next_token_logits for one in passes]).argmax(-1)  # [B]
    after = decode_together(model, cache, lengths)(tokens)
    return errors | {"next step": apart(after, decode_alone(model, passes)(tokens))}


def _run_packed(model: PreTrainedModel, batch: PackedBatch) -> tuple[list[_Traces], DynamicCache]:
    rows = DynamicCache()
    with packed_attention(batch.slots):
        out = call(packable(model), batch.input_ids, rows, position_ids=batch.position_ids, output_hidden_states=True)
    cache = unpack_cache(rows, batch, model.config)
    hidden = torch.stack(out.hidden_states)  # [layers + 1, R, W, hidden]
    traces = []
    for index, length in enumerate(batch.packing.lengths):
        place = batch.segment_ids == index  # [R, W]
        keys, values = (states[:, index, :, -length:] for states in _states(cache))
        traces.append(_Traces(out.logits[place], hidden[:, place], keys, values))
    return traces, cache


def _run_alone(model: PreTrainedModel, prompt: Sequence[int]) -> _Traces:
    cache = DynamicCache()
    out = call(model, torch.tensor([prompt], device=model.device), cache, output_hidden_states=True)
    keys, values = (states[:, 0] for states in _states(cache))
    return _Traces(out.logits[0], torch.stack(out.hidden_states)[:, 0], keys, values)


def _states(cache: DynamicCache) -> list[torch.Tensor]:
    """The keys of all layers, and the values: [layers, rows, H, W, D] each."""
    return [torch.stack([getattr(layer, name) for layer in cache.layers]) for name in ("keys", "values")]
