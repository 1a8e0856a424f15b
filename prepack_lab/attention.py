"""Attention over packed rows, plugged into transformers: every layer keeps to its own rule inside each prompt.

transformers asks a registered function for a mask, once for each kind of layer, and hands it the layer's rule: may
a query see a key, given their places? A 4-D mask from outside would replace that rule, and a sliding window would be
lost without a word. Here the rule is kept. It is asked about positions, which restart for each prompt, instead of
slots, and joined with "only the same prompt".

Two ways lead from there:

    masked      one attention a row, with a dense mask: the paper
    segmented   one attention a prompt, without a mask where the rule is plainly causal: nothing is computed twice

While no packed batch is being run, the registered functions are transformers' own `sdpa`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import RLock
from typing import Any

import torch
import torch.nn.functional as F
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import causal_mask_function, sdpa_mask

from prepack_lab.masks import packed_mask
from prepack_lab.packed_batch import PackedBatch

IMPLEMENTATION = "prepack"
"""The name under which transformers knows these functions."""

HARMLESS = {
    "sliding_window", "dropout", "is_causal", "position_ids", "use_cache", "cache_position",
    "output_attentions", "output_hidden_states", "output_router_logits",
}  # fmt: skip
"""Arguments that change nothing here: a window comes with the rule, and nothing is dropped."""


@dataclass(frozen=True)
class _Run:
    """The packed batch that is being run in this thread."""

    batch: PackedBatch
    segmented: bool


_running: ContextVar[_Run | None] = ContextVar("prepack_lab_running", default=None)
_switch = RLock()


@contextmanager
def packed_attention(model: PreTrainedModel, batch: PackedBatch, segmented: bool) -> Iterator[None]:
    """Run `model` on `batch` inside this block: one attention a prompt if `segmented`, else one a row."""
    with _switch:  # the model's configuration is shared by all threads
        before = model.config._attn_implementation
        token = _running.set(_Run(batch, segmented))
        model.config._attn_implementation = IMPLEMENTATION
        try:
            yield
        finally:
            model.config._attn_implementation = before
            _running.reset(token)


def _mask(
    *, mask_function: Callable = causal_mask_function, dtype: torch.dtype = torch.float32, **asked: Any
) -> torch.Tensor | None:
    """The mask that transformers asks for: [R, 1, W, W] for rows; [1, 1, L, L] for segments, None where causal."""
    run = _running.get()
    if run is None:
        return sdpa_mask(mask_function=mask_function, dtype=dtype, **asked)
    plain = mask_function is causal_mask_function
    if run.segmented:
        if plain:
            return None
        positions = torch.arange(max(run.batch.packing.lengths), device=asked["device"])[None]
        mask = torch.zeros(1, 1, positions.shape[1], positions.shape[1], dtype=dtype, device=positions.device)
    else:
        positions = run.batch.position_ids
        mask = packed_mask(run.batch.segment_ids, dtype)
    return mask if plain else mask.masked_fill_(~_ask(mask_function, positions), torch.finfo(dtype).min)


def _ask(mask_function: Callable, positions: torch.Tensor) -> torch.Tensor:
    """The layer's rule for every query and key of a row: [R, W] positions → [R, 1, W, W]."""
    row = torch.arange(positions.shape[0], device=positions.device)[:, None, None, None]
    head = torch.zeros_like(row)
    return mask_function(row, head, positions[:, None, :, None], positions[:, None, None, :])


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,  # [R, H, W, D]
    key: torch.Tensor,  # [R, H_kv, W, D]
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **asked: Any,
) -> tuple[torch.Tensor, None]:
    """What a layer asks for. Returns [R, W, H, D]."""
    run = _running.get()
    if run is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **asked)
    known = {"softcap": asked.pop("softcap", None), "sinks": asked.pop("s_aux", None)}
    bias = asked.pop("position_bias", None)
    strange = sorted(name for name, what in asked.items() if what is not None and name not in HARMLESS)
    if strange or not getattr(module, "is_causal", True) or query.shape[2] != key.shape[2]:
        raise NotImplementedError(f"an attention with {', '.join(strange) or 'keys that are not the queries'}")
    if not run.segmented:
        return _attend(query, key, value, _add(attention_mask, bias), scaling, **known).transpose(1, 2), None
    out = query.new_empty(query.shape[0], query.shape[2], query.shape[1], value.shape[3])  # [1, W, H, D]
    for start, end in run.batch.spans:
        length = end - start
        mask = _add(
            None if attention_mask is None else attention_mask[..., :length, :length],
            None if bias is None else bias[..., start:end, start:end],
        )
        part = slice(start, end)
        attended = _attend(query[:, :, part], key[:, :, part], value[:, :, part], mask, scaling, **known)
        out[:, part] = attended.transpose(1, 2)
    return out, None


def _add(mask: torch.Tensor | None, bias: torch.Tensor | None) -> torch.Tensor | None:
    if mask is None and bias is not None:
        length = bias.shape[-1]
        hidden = torch.ones(length, length, dtype=torch.bool, device=bias.device).triu(1)
        return bias.masked_fill(hidden, torch.finfo(bias.dtype).min)
    return mask if bias is None else mask + bias


def _attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    scaling: float | None,
    softcap: float | None,
    sinks: torch.Tensor | None,
) -> torch.Tensor:
    """Softmax attention, causal where there is no mask: [R, H, W, D]."""
    if softcap is None and sinks is None:
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, is_causal=mask is None, scale=scaling, enable_gqa=True
        )
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    scores = query @ key.transpose(2, 3) * (query.shape[-1] ** -0.5 if scaling is None else scaling)  # [R, H, W, W]
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if mask is None:
        mask = torch.full(scores.shape[-2:], torch.finfo(scores.dtype).min, device=scores.device).triu(1)
    scores = scores + mask
    if sinks is not None:  # one more key a head, which takes part in the softmax and carries no value
        sink = sinks.reshape(1, -1, 1, 1).expand(*scores.shape[:3], 1).to(scores.dtype)
        scores = torch.cat([scores, sink], dim=-1)
    weights = scores.softmax(dim=-1, dtype=torch.float32)[..., : key.shape[2]]
    return weights.to(value.dtype) @ value


AttentionInterface.register(IMPLEMENTATION, _attention)
AttentionMaskInterface.register(IMPLEMENTATION, _mask)
