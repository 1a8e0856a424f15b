"""A second body for a model's weights: it runs packed rows, so that the model itself never changes.

transformers chooses the attention of all layers by a field of the model's configuration, which every thread shares:
switched for a packed pass, it would be switched for all of them. A twin has modules and configurations of its own, and
each parameter is the very tensor that the model holds. It is made by one walk over the modules (some 3 ms for 30
layers), so every call makes a new one, which is never out of date.
"""

from __future__ import annotations

import copy
from functools import partial, update_wrapper
from types import MethodType
from typing import Any, cast

import torch
from transformers import PreTrainedConfig, PreTrainedModel

PLAIN = (int, float, str, set, type(None))  # attributes that are shared as they are
SMALL = 4096
"""Buffers of up to so many numbers are copied: some models rewrite their rotary frequencies while they run."""


def twin_of(model: PreTrainedModel, attention: str) -> PreTrainedModel:
    """A model with the same weights, whose layers attend by the function of this name in transformers' registry."""
    twins: dict[int, Any] = {}
    twin = cast(PreTrainedModel, _twin_of_module(model, twins))
    for config in [made for made in twins.values() if isinstance(made, PreTrainedConfig)]:
        config._attn_implementation_internal = attention
    return twin


def _twin_of_module(module: torch.nn.Module, twins: dict[int, Any]) -> torch.nn.Module:
    """A copy of a module with parts of its own. `twins` are those made so far, by the id of what they are copies of."""
    if id(module) not in twins:
        twin = twins[id(module)] = type(module).__new__(type(module))
        own = vars(twin)
        own |= vars(module)
        own |= {name: _twin_of_value(name, it, module, twins) for name, it in own.items() if not isinstance(it, PLAIN)}
        own["_compiled_call_impl"] = None  # it would run the model's own modules
        own["_buffers"] = {name: _twin_of_buffer(buffer) for name, buffer in module._buffers.items()}
        own["_modules"] = {name: part and _twin_of_module(part, twins) for name, part in module._modules.items()}
    return twins[id(module)]


def _twin_of_buffer(buffer: torch.Tensor | None) -> torch.Tensor | None:
    return buffer.clone() if buffer is not None and buffer.numel() <= SMALL else buffer


def _twin_of_value(name: str, value: Any, module: torch.nn.Module, twins: dict[int, Any]) -> Any:
    """A module's attribute as its twin has it: configurations and hooks are copied, methods are bound to the twin."""
    if isinstance(value, PreTrainedConfig):
        return _twin_of_config(value, twins)
    if isinstance(value, torch.nn.Module):  # held without being registered
        return twins.get(id(value), value)
    if isinstance(value, dict) and "_hooks" in name:  # transformers adds some of its own, to read hidden states
        return value.copy()
    if isinstance(value, MethodType) and value.__self__ is module:
        return MethodType(value.__func__, twins[id(module)])
    if isinstance(value, partial) and any(argument is module for argument in value.args):  # accelerate's hooks
        arguments = (twins[id(module)] if argument is module else argument for argument in value.args)
        return update_wrapper(partial(value.func, *arguments, **value.keywords), value)
    return value


def _twin_of_config(config: PreTrainedConfig, twins: dict[int, Any]) -> PreTrainedConfig:
    if id(config) not in twins:
        twin = twins[id(config)] = copy.copy(config)
        for name in config.sub_configs:
            if isinstance(part := getattr(config, name, None), PreTrainedConfig):
                vars(twin)[name] = _twin_of_config(part, twins)
    return twins[id(config)]
