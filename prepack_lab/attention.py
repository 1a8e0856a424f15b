"""Attention over packed rows, plugged into transformers: every layer keeps to its own rule inside each prompt.

transformers asks a registered function for a mask, once for each kind of layer, and hands it the layer's rule: may
a query see a key, given their places? A 4-D mask from outside would replace that rule, and a sliding window would be
lost without a word. Here the rule is kept: `masks.visible` asks it about positions, which restart for each prompt, and
joins it with "only the same prompt".

Two ways lead from there:

    masked      one attention per row, with a dense mask: the paper
    segmented   one attention per prompt, without a mask where the rule is plainly causal: nothing is computed twice

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
"""The rule that transformers hands over for plain layers; `masks.causal` says the same."""

IMPLEMENTATION = "prepack"
"""The name under which transformers knows these functions."""

HARMLESS = {
    "sliding_window", "dropout", "is_causal", "position_ids", "use_cache", "cache_position",
    "output_attentions", "output_hidden_states", "output_router_logits",
}  # fmt: skip
"""Arguments that change nothing here: a window comes with the rule, and nothing is dropped."""


@dataclass(frozen=True)
class Run:
    """What is being run in this thread."""

    queries: Slots
    """[R, Q] the slots that are computed."""
    keys: Slots
    """[R, W] the slots that they look at, in the order of the cache."""
    spans: Sequence[tuple[int, int]] | None
    """First slot and slot after the last of each prompt of a single row, where each has an attention of its own."""
    layers: list[str] = field(default_factory=list)
    """The layers that have asked for an attention so far."""

    @property
    def shape(self) -> tuple[int, int]:
        """Q and W: the slots in a row that are computed, and those that they look at."""
        return self.queries.segment_ids.shape[1], self.keys.segment_ids.shape[1]

    @property
    def lengths(self) -> list[int]:
        """Tokens of each prompt of a single row."""
        return [end - start for start, end in self.spans or ()]

    @cached_property
    def cu_seqlens(self) -> torch.Tensor:
        """[B + 1] where each prompt of a single row ends, from 0."""
        ends = [0, *(end for _, end in self.spans or ())]
        return torch.tensor(ends, dtype=torch.int32, device=self.queries.segment_ids.device)


@dataclass(frozen=True)
class _Scores:
    """What a layer does to its scores, beside the mask."""

    scaling: float | None
    softcap: float | None
    sinks: torch.Tensor | None

    @property
    def plain(self) -> bool:
        """Whether torch's own attention computes them."""
        return self.softcap is None and self.sinks is None


_running: ContextVar[Run] = ContextVar("prepack_lab_running")


def packable(model: PreTrainedModel) -> PreTrainedModel:
    """A twin of the model, to be called inside `packed_attention`."""
    return twin_of(model, IMPLEMENTATION)


@contextmanager
def packed_attention(
    queries: Slots, keys: Slots | None = None, spans: Sequence[tuple[int, int]] | None = None
) -> Iterator[Run]:
    """Let the layers of a twin attend over these packed rows inside this block, in this thread.

    Args:
        queries: [R, Q] the slots that are computed.
        keys: [R, W] the slots that they look at, in the order of the cache; the queries themselves where left out.
        spans: first slot and slot after the last of each prompt of a single row: one attention per prompt. Left out,
            one attention per row, with a mask.
    """
    run = Run(queries, keys or queries, spans)
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
    """What a layer asks for. Returns [R, Q, H, D]."""
    run = _running.get()
    run.layers.append(type(module).__name__)
    scores = _Scores(scaling, asked.pop("softcap", None), asked.pop("s_aux", None))
    bias = asked.pop("position_bias", None)
    strange = sorted(name for name, what in asked.items() if what is not None and name not in HARMLESS)
    if strange or not getattr(module, "is_causal", True) or (query.shape[2], key.shape[2]) != run.shape:
        raise NotImplementedError(f"an attention with {', '.join(strange) or 'keys of its own'}")
    if run.spans is None:
        return _attend(query, key, value, _add(attention_mask, bias), scores).transpose(1, 2), None
    if attention_mask is None and bias is None and _kernel_takes(query, value, scores):
        return _one_kernel(query, key, value, run, scaling), None
    return _prompt_by_prompt(query, key, value, attention_mask, bias, run, scores), None


def _prompt_by_prompt(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,  # [1, 1, L, L]
    bias: torch.Tensor | None,  # [1, H, W, W]
    run: Run,
    scores: _Scores,
) -> torch.Tensor:
    """One attention for each prompt of a single row: [1, W, H, D]."""
    attended = []
    queries, keys, values = (states.split(run.lengths, dim=2) for states in (query, key, value))
    for place, (start, end) in enumerate(run.spans or ()):
        hidden = None if mask is None else mask[..., : end - start, : end - start]
        hidden = _add(hidden, None if bias is None else bias[..., start:end, start:end])
        attended.append(_attend(queries[place], keys[place], values[place], hidden, scores).transpose(1, 2))
    return torch.cat(attended, dim=1)


def _kernel_takes(query: torch.Tensor, value: torch.Tensor, scores: _Scores) -> bool:
    """Whether torch has one kernel for prompts of different lengths here: on CUDA, and in half precision only."""
    return (
        "window_size" in _kernel_parameters()
        and query.is_cuda
        and torch.cuda.get_device_capability(query.device) >= (8, 0)
        and query.dtype in (torch.bfloat16, torch.float16)
        and query.shape[-1] == value.shape[-1] <= 256
        and query.shape[-1] % 8 == 0
        and scores.plain
    )


@cache
def _kernel_parameters() -> frozenset[str]:
    """What torch's kernel takes: torch 2.12 knows `enable_gqa`, and 2.11 does not; nothing where there is no kernel."""
    return frozenset() if varlen_attn is None else frozenset(signature(varlen_attn).parameters)


def _one_kernel(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, run: Run, scaling: float | None
) -> torch.Tensor:
    """The causal attention of all prompts of a single row by one kernel: [1, W, H, D]."""
    shared = {"enable_gqa": query.shape[1] != key.shape[1]}
    if "enable_gqa" not in _kernel_parameters():
        key, value, shared = *_repeat_heads(query, key, value), {}
    query, key, value = (states[0].transpose(0, 1) for states in (query, key, value))  # [W, heads, D]
    ends, longest = run.cu_seqlens, max(run.lengths)
    assert varlen_attn is not None
    out = varlen_attn(query, key, value, ends, ends, longest, longest, scale=scaling, window_size=(-1, 0), **shared)
    return out[None]


def _add(mask: torch.Tensor | None, bias: torch.Tensor | None) -> torch.Tensor | None:
    """A causal mask where there is a bias and no mask."""
    if bias is None:
        return mask
    return bias + (_causal_mask(bias) if mask is None else mask)


def _causal_mask(like: torch.Tensor) -> torch.Tensor:
    """[Q, W] for scores of this shape, additive."""
    return additive(torch.ones(like.shape[-2:], dtype=torch.bool, device=like.device).tril(), like.dtype)


def _shares_heads(device: torch.device, mask: torch.Tensor | None) -> bool:
    """Whether torch lets several query heads share a key head without falling back to its slowest way.

    On a GPU its fast kernels do so without a mask only (the docstring of `scaled_dot_product_attention`).
    """
    return device.type == "cpu" or (device.type == "cuda" and mask is None)


def _repeat_heads(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys and values with a head for each head of the query."""
    groups = query.shape[1] // key.shape[1]
    return key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)


def _attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None, scores: _Scores
) -> torch.Tensor:
    """Softmax attention, causal where there is no mask: [R, H, Q, D]."""
    if not scores.plain or not _shares_heads(query.device, mask):
        key, value = _repeat_heads(query, key, value)
    if scores.plain:
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, is_causal=mask is None, scale=scores.scaling, enable_gqa=True
        )
    found = query @ key.transpose(2, 3) * (query.shape[-1] ** -0.5 if scores.scaling is None else scores.scaling)
    if scores.softcap is not None:
        found = scores.softcap * torch.tanh(found / scores.softcap)
    found = found + (_causal_mask(found) if mask is None else mask)  # [R, H, Q, W]
    if scores.sinks is not None:  # one more key per head, which takes part in the softmax and carries no value
        sink = scores.sinks.reshape(1, -1, 1, 1).expand(*found.shape[:3], 1).to(found.dtype)
        found = torch.cat([found, sink], dim=-1)
    weights = found.softmax(dim=-1, dtype=torch.float32)[..., : key.shape[2]]
    return weights.to(value.dtype) @ value


AttentionInterface.register(IMPLEMENTATION, _attention)
AttentionMaskInterface.register(IMPLEMENTATION, _mask)
