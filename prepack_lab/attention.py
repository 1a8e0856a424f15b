"""Attention over packed rows, plugged into transformers: every layer keeps to its own rule inside each prompt.

transformers asks a registered function for a mask, once for each kind of layer, and passes it the layer's rule: may
a query see a key, given their places? A 4-D mask from outside would replace that rule, and silently drop a sliding
window. Here the rule is kept: `masks.visible` applies it to positions, which restart for each prompt, and adds "only
in the same prompt".

Attention is then computed in one of two ways:

    masked      one attention per row, with a dense mask: the paper
    segmented   one attention per segment, with no mask where the rule is simply causal: no hidden pair is computed

A model attends like this only as a twin (`packable`), and only inside `packed_attention`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, cached_property
from inspect import signature
from typing import Any, cast

import torch
import torch.nn.functional as F
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import causal_mask_function

from prepack_lab.masks import Rule, Slots, additive, visible
from prepack_lab.twin import twin_of

varlen_attn: Callable[..., Any] | None = None
with suppress(ImportError):  # an older torch has no such kernel
    from torch.nn.attention.varlen import varlen_attn

CAUSAL = cast(Rule, causal_mask_function)
"""The rule that transformers passes for plain layers; `masks.causal` is the same rule."""

IMPLEMENTATION = "prepack"
"""The name under which transformers knows these functions."""

HARMLESS = {
    "sliding_window", "dropout", "is_causal", "position_ids", "use_cache", "cache_position",
    "output_attentions", "output_hidden_states", "output_router_logits",
}  # fmt: skip
"""Arguments that change nothing here: a window is part of the rule, and a model in eval mode has no dropout."""


Span = tuple[int, int]
"""The first of some slots in a row, and the one after the last."""


@dataclass(frozen=True)
class Run:
    """The packed rows that this thread is running."""

    queries: Slots
    """[R, Q] the slots that are computed."""
    keys: Slots
    """[R, W] the slots that may be seen, in the order of the cache."""
    spans: Sequence[Span] | None
    """The queries of each segment of a single row, from left to right; None for one attention per row."""
    seen: Sequence[Sequence[Span]]
    """The keys that each segment sees: those of the segments that it goes on from, and its own."""
    layers: list[str] = field(default_factory=list)
    """The class of each layer that has computed attention so far."""

    @cached_property
    def lengths(self) -> list[int]:
        """The keys of each segment of a single row."""
        return [sum(end - start for start, end in spans) for spans in self.seen]

    @cached_property
    def cu_seqlens(self) -> torch.Tensor:
        """[S + 1] the cumulative boundaries of the segments of a single row, from 0."""
        ends = [0, *(end for _, end in self.spans or ())]
        return torch.tensor(ends, dtype=torch.int32, device=self.queries.segment_ids.device)

    def keys_of(self, states: torch.Tensor, segment: int) -> torch.Tensor:
        """What a segment sees of keys or values: [1, heads, W, D] → [1, heads, L, D], where L is its `lengths`."""
        parts = [states[:, :, start:end] for start, end in self.seen[segment]]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)


@dataclass(frozen=True)
class _Scoring:
    """What a layer does to its attention scores besides masking them."""

    scaling: float | None
    softcap: float | None
    sinks: torch.Tensor | None

    @property
    def plain(self) -> bool:
        """Whether torch's own attention can do it."""
        return self.softcap is None and self.sinks is None


_running: ContextVar[Run] = ContextVar("prepack_lab_running")


def packable(model: PreTrainedModel) -> PreTrainedModel:
    """A twin of the model, to be called inside `packed_attention`."""
    return twin_of(model, IMPLEMENTATION)


@contextmanager
def packed_attention(
    queries: Slots,
    keys: Slots | None = None,
    spans: Sequence[Span] | None = None,
    seen: Sequence[Sequence[Span]] | None = None,
) -> Iterator[Run]:
    """Inside this block, and in this thread, the layers of a twin attend over these packed rows.

    Args:
        queries: [R, Q] the slots that are computed.
        keys: [R, W] the slots that may be seen, in the order of the cache; left out, the queries themselves.
        spans: the queries of each segment of a single row, from left to right: one attention per segment. Left out,
            one attention per row, with a mask.
        seen: the keys that each segment sees, in the order of their positions; left out, its own.
    """
    run = Run(queries, keys or queries, spans, seen or [[span] for span in spans or ()])
    token = _running.set(run)
    try:
        yield run
    finally:
        _running.reset(token)


def _mask(*, mask_function: Rule = CAUSAL, dtype: torch.dtype = torch.float32, **asked: Any) -> torch.Tensor | None:
    """The mask that transformers asks for: [R, 1, Q, W] for rows; [1, 1, L, L] for segments, None where causal."""
    run = _running.get()
    if run.spans is None:
        return additive(visible(run.queries, run.keys, mask_function), dtype)
    if mask_function is CAUSAL:
        return None
    places = torch.arange(max(run.lengths), device=run.queries.position_ids.device)[None]  # [1, L]
    longest = Slots(torch.zeros_like(places), places)
    return additive(visible(longest, longest, mask_function), dtype)


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,  # [R, H, Q, D]
    key: torch.Tensor,  # [R, H_kv, W, D]
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **asked: Any,
) -> tuple[torch.Tensor, None]:
    """The attention of one layer: [R, Q, H, D]."""
    run = _running.get()
    run.layers.append(type(module).__name__)
    scoring = _Scoring(scaling, asked.pop("softcap", None), asked.pop("s_aux", None))
    bias = asked.pop("position_bias", None)
    unknown = sorted(name for name, given in asked.items() if given is not None and name not in HARMLESS)
    sizes = run.queries.segment_ids.shape[1], run.keys.segment_ids.shape[1]
    if unknown or not getattr(module, "is_causal", True) or (query.shape[2], key.shape[2]) != sizes:
        raise NotImplementedError(f"an attention with {', '.join(unknown) or 'keys of its own'}")
    if run.spans is None:
        return _attend(query, key, value, _add(attention_mask, bias), scoring).transpose(1, 2), None
    own_keys = run.keys is run.queries  # for others, torch doesn't say where a causal window of its kernel ends
    if attention_mask is None and bias is None and own_keys and _kernel_takes(query, value, scoring):
        return _one_kernel(query, key, value, run, scaling), None
    return _prompt_by_prompt(query, key, value, attention_mask, bias, run, scoring), None


def _prompt_by_prompt(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,  # [1, 1, L, L]
    bias: torch.Tensor | None,  # [1, H, Q, W]
    run: Run,
    scoring: _Scoring,
) -> torch.Tensor:
    """One attention for each segment of a single row: [1, Q, H, D]."""
    attended = []
    for segment, (start, end) in enumerate(run.spans or ()):
        last = run.lengths[segment]
        own = None if mask is None else mask[..., last - (end - start) : last, :last]
        own = _add(own, None if bias is None else run.keys_of(bias[..., start:end, :].mT, segment).mT)
        states = query[:, :, start:end], run.keys_of(key, segment), run.keys_of(value, segment)
        attended.append(_attend(*states, own, scoring).transpose(1, 2))
    return torch.cat(attended, dim=1)


def _kernel_takes(query: torch.Tensor, value: torch.Tensor, scoring: _Scoring) -> bool:
    """Whether torch has one kernel for prompts of different lengths here: only on CUDA, and only in half precision."""
    return (
        "window_size" in _kernel_parameters()
        and query.is_cuda
        and torch.cuda.get_device_capability(query.device) >= (8, 0)
        and query.dtype in (torch.bfloat16, torch.float16)
        and query.shape[-1] == value.shape[-1] <= 256
        and query.shape[-1] % 8 == 0
        and scoring.plain
    )


@cache
def _kernel_parameters() -> frozenset[str]:
    """What torch's kernel takes: `enable_gqa` since torch 2.12, for example; nothing if there is no kernel."""
    return frozenset() if varlen_attn is None else frozenset(signature(varlen_attn).parameters)


def _one_kernel(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, run: Run, scaling: float | None
) -> torch.Tensor:
    """The causal attention of all segments of a single row by one kernel: [1, Q, H, D]."""
    shared = {"enable_gqa": query.shape[1] != key.shape[1]}
    if "enable_gqa" not in _kernel_parameters():
        key, value, shared = *_repeat_heads(query, key, value), {}
    query, key, value = (states[0].transpose(0, 1) for states in (query, key, value))  # [W, heads, D]
    ends, longest = run.cu_seqlens, max(run.lengths)
    assert varlen_attn is not None
    out = varlen_attn(query, key, value, ends, ends, longest, longest, scale=scaling, window_size=(-1, 0), **shared)
    return out[None]


def _add(mask: torch.Tensor | None, bias: torch.Tensor | None) -> torch.Tensor | None:
    """Mask and bias as one; a bias without a mask gets the causal mask, since `_attend` is causal only without both."""
    if bias is None:
        return mask
    return bias + (_causal_mask(bias.shape[-2], bias.shape[-1], bias) if mask is None else mask)


def _causal_mask(Q: int, W: int, like: torch.Tensor) -> torch.Tensor:
    """[Q, W] additive, in the dtype and on the device of `like`: the last query sees all keys."""
    return additive(torch.ones(Q, W, dtype=torch.bool, device=like.device).tril(W - Q), like.dtype)


def _shares_heads(device: torch.device, mask: torch.Tensor | None) -> bool:
    """Whether torch lets several query heads share a key head without falling back to its slowest kernel.

    On a GPU its fast kernels do so only without a mask (the docstring of `scaled_dot_product_attention`).
    """
    return device.type == "cpu" or (device.type == "cuda" and mask is None)


def _repeat_heads(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys and values with as many heads as the query."""
    groups = query.shape[1] // key.shape[1]
    return key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)


def _attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None, scoring: _Scoring
) -> torch.Tensor:
    """Softmax attention, causal where there is no mask: [R, H, Q, D]."""
    if mask is None and query.shape[2] != key.shape[2]:
        mask = _causal_mask(query.shape[2], key.shape[2], query)
    if not scoring.plain or not _shares_heads(query.device, mask):
        key, value = _repeat_heads(query, key, value)
    if scoring.plain:
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, is_causal=mask is None, scale=scoring.scaling, enable_gqa=True
        )
    scores = query @ key.transpose(2, 3) * (query.shape[-1] ** -0.5 if scoring.scaling is None else scoring.scaling)
    if scoring.softcap is not None:
        scores = scoring.softcap * torch.tanh(scores / scoring.softcap)
    scores = scores + (_causal_mask(scores.shape[2], scores.shape[3], scores) if mask is None else mask)  # [R, H, Q, W]
    if scoring.sinks is not None:  # one more key per head, which takes part in the softmax and carries no value
        sink = scoring.sinks.reshape(1, -1, 1, 1).expand(*scores.shape[:3], 1).to(scores.dtype)
        scores = torch.cat([scores, sink], dim=-1)
    weights = scores.softmax(dim=-1, dtype=torch.float32)[..., : key.shape[2]]
    return weights.to(value.dtype) @ value


AttentionInterface.register(IMPLEMENTATION, _attention)
AttentionMaskInterface.register(IMPLEMENTATION, _mask)
