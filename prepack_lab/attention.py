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

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, cached_property
from inspect import signature
from threading import RLock
from typing import Any

import torch
import torch.nn.functional as F
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedConfig, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import causal_mask_function, sdpa_mask

from prepack_lab.masks import additive, same_prompt

varlen_attn: Callable[..., Any] | None = None
with suppress(ImportError):  # an older torch has no such kernel
    from torch.nn.attention.varlen import varlen_attn

IMPLEMENTATION = "prepack"
"""The name under which transformers knows these functions."""

HARMLESS = {
    "sliding_window", "dropout", "is_causal", "position_ids", "use_cache", "cache_position",
    "output_attentions", "output_hidden_states", "output_router_logits",
}  # fmt: skip
"""Arguments that change nothing here: a window comes with the rule, and nothing is dropped."""


@dataclass(frozen=True)
class Slots:
    """What stands in the slots of some rows."""

    segment_ids: torch.Tensor
    """[R, W] the prompt's index; -1 on padding."""
    position_ids: torch.Tensor
    """[R, W] the token's place in its own prompt."""


@dataclass(frozen=True)
class Run:
    """What is being run in this thread."""

    queries: Slots
    keys: Slots
    spans: Sequence[tuple[int, int]] | None
    layers: list[str] = field(default_factory=list)
    """The layers that have asked for an attention so far."""

    @property
    def shape(self) -> tuple[int, int]:
        """Q and W: the slots in a row that are computed, and those that they look at."""
        return self.queries.segment_ids.shape[1], self.keys.segment_ids.shape[1]

    @property
    def segments(self) -> Sequence[tuple[int, int]]:
        """The spans, where there are some: the run goes segment by segment."""
        assert self.spans is not None
        return self.spans

    @cached_property
    def longest(self) -> int:
        """L, the tokens of the longest prompt."""
        return max(end - start for start, end in self.segments)

    @cached_property
    def cu_seqlens(self) -> torch.Tensor:
        """[B + 1] where each prompt of a single row ends, from 0."""
        ends = [0, *(end for _, end in self.segments)]
        return torch.tensor(ends, dtype=torch.int32, device=self.queries.segment_ids.device)


@dataclass(frozen=True)
class _Rule:
    """What a layer does to its scores, beside the mask."""

    scaling: float | None
    softcap: float | None
    sinks: torch.Tensor | None


_running: ContextVar[Run | None] = ContextVar("prepack_lab_running", default=None)
_switch = RLock()


@contextmanager
def packed_attention(
    model: PreTrainedModel, queries: Slots, keys: Slots | None = None, spans: Sequence[tuple[int, int]] | None = None
) -> Iterator[Run]:
    """Let the layers of `model` attend over packed rows inside this block.

    Args:
        queries: [R, Q] the slots that are computed.
        keys: [R, W] the slots that they look at, in the order of the cache; the queries themselves where left out.
        spans: first slot and slot after the last of each prompt of a single row: one attention a prompt. Left out,
            one attention a row, with a mask.
    """
    with _switch:  # the model's configuration is shared by all threads
        before = [(config, config._attn_implementation) for config in _configs(model.config)]
        run = Run(queries, keys or queries, spans)
        token = _running.set(run)
        model.config._attn_implementation = IMPLEMENTATION
        try:
            yield run
        finally:
            for config, implementation in before:  # the whole before its parts, which it sets as well
                config._attn_implementation = implementation
            _running.reset(token)


def _configs(config: PreTrainedConfig) -> Iterator[PreTrainedConfig]:
    """A configuration, and those of the model's parts: each may name an implementation of its own."""
    yield config
    for name in config.sub_configs:
        if getattr(config, name, None) is not None:
            yield from _configs(getattr(config, name))


def _mask(
    *, mask_function: Callable = causal_mask_function, dtype: torch.dtype = torch.float32, **asked: Any
) -> torch.Tensor | None:
    """The mask that transformers asks for: [R, 1, Q, W] for rows; [1, 1, L, L] for segments, None where causal."""
    run = _running.get()
    if run is None:
        return sdpa_mask(mask_function=mask_function, dtype=dtype, **asked)
    if run.spans is None:
        seen = _ask(mask_function, run.queries.position_ids, run.keys.position_ids)
        return additive(same_prompt(run.queries.segment_ids, run.keys.segment_ids) & seen, dtype)
    if mask_function is causal_mask_function:
        return None
    positions = torch.arange(run.longest, device=run.queries.position_ids.device)[None]  # [1, L]
    return additive(_ask(mask_function, positions, positions), dtype)


def _ask(mask_function: Callable, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """The layer's rule for every query and key of a row: positions [R, Q] and [R, W] → [R, 1, Q, W]."""
    row = torch.arange(queries.shape[0], device=queries.device)[:, None, None, None]
    head = torch.zeros_like(row)
    seen = mask_function(row, head, queries[:, None, :, None], keys[:, None, None, :])
    return seen.expand(queries.shape[0], 1, queries.shape[1], keys.shape[1])


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
    if run is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **asked)
    run.layers.append(type(module).__name__)
    rule = _Rule(scaling, asked.pop("softcap", None), asked.pop("s_aux", None))
    bias = asked.pop("position_bias", None)
    strange = sorted(name for name, what in asked.items() if what is not None and name not in HARMLESS)
    if strange or not getattr(module, "is_causal", True) or (query.shape[2], key.shape[2]) != run.shape:
        raise NotImplementedError(f"an attention with {', '.join(strange) or 'keys of its own'}")
    if run.spans is None:
        return _attend(query, key, value, _add(attention_mask, bias), rule).transpose(1, 2), None
    if attention_mask is None and bias is None and _kernel_takes(query, value, rule):
        return _one_kernel(query, key, value, run, scaling), None
    return _one_by_one(query, key, value, attention_mask, bias, run, rule), None


def _one_by_one(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,  # [1, 1, L, L]
    bias: torch.Tensor | None,  # [1, H, W, W]
    run: Run,
    rule: _Rule,
) -> torch.Tensor:
    """One attention for each prompt of a single row: [1, W, H, D]."""
    lengths = [end - start for start, end in run.segments]
    attended = []
    for (start, end), own, keys, values in zip(
        run.segments, *(x.split(lengths, dim=2) for x in (query, key, value)), strict=True
    ):
        hidden = None if mask is None else mask[..., : end - start, : end - start]
        hidden = _add(hidden, None if bias is None else bias[..., start:end, start:end])
        attended.append(_attend(own, keys, values, hidden, rule).transpose(1, 2))
    return torch.cat(attended, dim=1)


def _kernel_takes(query: torch.Tensor, value: torch.Tensor, rule: _Rule) -> bool:
    """Whether torch has one kernel for prompts of different lengths here: on CUDA, and in half precision only."""
    return (
        _varlen_is_known()
        and query.is_cuda
        and torch.cuda.get_device_capability(query.device) >= (8, 0)
        and query.dtype in (torch.bfloat16, torch.float16)
        and query.shape[-1] == value.shape[-1] <= 256
        and query.shape[-1] % 8 == 0
        and rule.softcap is None
        and rule.sinks is None
    )


@cache
def _varlen_is_known() -> bool:
    """Whether this torch has the kernel in the form that is used here: torch 2.12 has, 2.11 knows no `enable_gqa`."""
    return varlen_attn is not None and {"window_size", "enable_gqa"} <= set(signature(varlen_attn).parameters)


def _one_kernel(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, run: Run, scaling: float | None
) -> torch.Tensor:
    """The causal attention of all prompts of a single row by one kernel: [1, W, H, D]."""
    query, key, value = (states[0].transpose(0, 1) for states in (query, key, value))  # [W, heads, D]
    assert varlen_attn is not None
    out = varlen_attn(
        query, key, value, run.cu_seqlens, run.cu_seqlens, run.longest, run.longest, scale=scaling, window_size=(-1, 0),
        enable_gqa=query.shape[1] != key.shape[1],
    )  # fmt: skip
    return out[None]


def _add(mask: torch.Tensor | None, bias: torch.Tensor | None) -> torch.Tensor | None:
    """A causal mask where there is a bias and no mask."""
    if bias is None:
        return mask
    if mask is None:
        L = bias.shape[-1]
        mask = additive(torch.ones(L, L, dtype=torch.bool, device=bias.device).tril(), bias.dtype)
    return mask + bias


def _shares_heads(device: torch.device, mask: torch.Tensor | None) -> bool:
    """Whether torch lets several query heads share a key head without falling back to its slowest way.

    On a GPU its fast kernels do so without a mask only (the docstring of `scaled_dot_product_attention`).
    """
    return device.type == "cpu" or (device.type == "cuda" and mask is None)


def _attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None, rule: _Rule
) -> torch.Tensor:
    """Softmax attention, causal where there is no mask: [R, H, Q, D]."""
    plain = rule.softcap is None and rule.sinks is None
    if not plain or not _shares_heads(query.device, mask):
        groups = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    if plain:
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, is_causal=mask is None, scale=rule.scaling, enable_gqa=True
        )
    scores = query @ key.transpose(2, 3) * (query.shape[-1] ** -0.5 if rule.scaling is None else rule.scaling)
    if rule.softcap is not None:
        scores = rule.softcap * torch.tanh(scores / rule.softcap)
    if mask is None:
        mask = additive(torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril(), scores.dtype)
    scores = scores + mask  # [R, H, Q, W]
    if rule.sinks is not None:  # one more key a head, which takes part in the softmax and carries no value
        sink = rule.sinks.reshape(1, -1, 1, 1).expand(*scores.shape[:3], 1).to(scores.dtype)
        scores = torch.cat([scores, sink], dim=-1)
    weights = scores.softmax(dim=-1, dtype=torch.float32)[..., : key.shape[2]]
    return weights.to(value.dtype) @ value


AttentionInterface.register(IMPLEMENTATION, _attention)
AttentionMaskInterface.register(IMPLEMENTATION, _mask)
