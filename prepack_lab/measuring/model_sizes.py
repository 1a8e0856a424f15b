"""What the cost of a prefill depends on, counted on a pass that multiplies nothing and holds no weights.

A prompt of n tokens is run at a few lengths, and all that would be done and is kept is counted:

    operations   a · n + b · n² + c    a per token, b per pair of a query and a key, c per prompt: the head
    cache        k · n                 k numbers, keys and values in all layers

So keys that heads share, latent attention and layers of different sizes are right by construction: nothing is
concluded from the names in a configuration. Weights take no memory, and what a product would give is drawn at random:
so models that look at numbers run, such as those that choose experts. If the count then depends on what was drawn,
there is no cost to state.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from torch.utils.flop_counter import flop_registry
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, DynamicCache, PreTrainedConfig

from prepack_lab.cache import cache_bytes
from prepack_lab.forward import call

_LENGTHS = (2, 4, 6)


@dataclass(frozen=True)
class ModelSizes:
    """What the cost depends on."""

    layers: int
    hidden: int
    intermediate: int
    """The widest layer's, where they differ."""
    vocabulary: int
    flops_per_token: int
    """The products of a token with weights, in all layers; of experts those that it chooses."""
    flops_per_pair: int
    """Attention of a query to a key, in all layers: score and weighted value."""
    flops_per_prompt: int
    """The head at the last token."""
    cache_per_token: int
    """The numbers that a token leaves in the caches of all layers, keys and values together."""
    parameters: int
    dtype: torch.dtype
    """The configuration's; float32 where it names none."""

    @classmethod
    def of(cls, config: PreTrainedConfig | ModelSizes) -> ModelSizes:
        """Count them for a configuration: a second for a large model, nothing when it is asked for again.

        Raises:
            ValueError: the model does not run without its weights, what it computes depends on what it reads, or its
                cache holds something else than the keys and values of the prompt's tokens.
        """
        if isinstance(config, ModelSizes):
            return config
        config = config.get_text_config(decoder=True)
        kind: Any = type(config)
        return _count(kind, config.to_json_string(use_diff=False))


def causal_model_class(config_class: type[PreTrainedConfig]) -> Any:
    """The class of the causal language model of a configuration; the first, if there are several.

    A class that is registered for a whole model only, which also sees or hears, is found by the configuration of its
    text part, too: both stand in one module.

    Raises:
        ValueError: transformers has none.
    """
    known = MODEL_FOR_CAUSAL_LM_MAPPING
    if config_class not in known:
        same_module = [other for other in known if other.__module__ == config_class.__module__]
        if not same_module:
            raise ValueError(f"transformers has no causal language model of {config_class.__name__}")
        config_class = same_module[0]
    model_class: Any = known[config_class]
    return model_class[0] if isinstance(model_class, tuple) else model_class


@lru_cache(maxsize=32)
def _count(config_class: Any, described: str) -> ModelSizes:
    refused = f"the cost of {config_class.__name__} can't be counted"
    try:
        config = config_class.from_dict(json.loads(described))
        parameters, (runs, again) = _run_without_products(config)
    except Exception as error:  # whatever a foreign model objects to
        said = f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"
        raise ValueError(f"{refused}: it fails on a few tokens ({said})") from error
    if again != runs:
        how = "how much it computes depends on what it reads; time the methods with lab.measure_together"
        raise ValueError(f"{refused}: {how}")
    cached = runs[0].cached // _LENGTHS[0]
    if not cached or [run.cached for run in runs] != [cached * length for length in _LENGTHS]:
        raise ValueError(f"{refused}: its cache holds something else than the keys and values of the prompt's tokens")
    rates = np.linalg.solve(np.vander(_LENGTHS), [run.flops for run in runs])  # of n², n and 1
    per_pair, per_token, per_prompt = rates.round().astype(int).tolist()
    wide = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    return ModelSizes(
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        intermediate=max(wide) if isinstance(wide, Sequence) else wide,
        vocabulary=runs[0].logits,
        flops_per_token=per_token,
        flops_per_pair=per_pair,
        flops_per_prompt=per_prompt,
        cache_per_token=cached,
        parameters=parameters,
        dtype=getattr(config, "dtype", None) or torch.float32,
    )


class _Run(NamedTuple):
    """What a prompt leaves behind: operations, numbers in the cache, logits of its last token."""

    flops: int
    cached: int
    logits: int


class _Products(TorchDispatchMode):
    """Counts the operations of all products, and leaves these out: random numbers of the right shape take their place.

    Attributes:
        flops: operations so far, by the formulas of torch's own counter.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.flops = 0
        self._random = torch.Generator().manual_seed(seed)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        formula = flop_registry.get(func._overloadpacket)
        if formula is None:
            return func(*args, **(kwargs or {}))
        shapes = tree_map_only(torch.Tensor, lambda tensor: tensor.to("meta"), (args, kwargs or {}))
        result = func(*shapes[0], **shapes[1])
        self.flops += formula(*shapes[0], **shapes[1], out_val=result)
        return torch.randn(result.shape, generator=self._random).to(result.dtype)


@torch.no_grad()
def _run_without_products(config: PreTrainedConfig) -> tuple[int, list[list[_Run]]]:
    """The parameters of the model, and a run at each of `_LENGTHS`: twice, with other numbers.

    With eager attention and a loop over the experts, because torch has formulas for the products of these.
    """
    with torch.device("meta"):
        model_class = causal_model_class(type(config))
        model = model_class._from_config(config, attn_implementation="eager", experts_implementation="eager").eval()
    parameters = model.num_parameters()
    _fill_without_memory(model)
    return parameters, [[_run(model, length, seed) for length in _LENGTHS] for seed in (0, 1)]


def _run(model: Any, length: int, seed: int) -> _Run:
    ids, cache = torch.zeros(1, length, dtype=torch.long), DynamicCache()
    with _Products(seed) as products:
        out = call(model, ids, cache, attention_mask=torch.ones_like(ids), logits_to_keep=1)
    return _Run(products.flops, cache_bytes(cache) // model.dtype.itemsize, out.logits.shape[-1])


def _fill_without_memory(model: torch.nn.Module) -> None:
    """Give a model on the meta device zeros for weights: each shows one and the same number at all its places."""
    for module in model.modules():
        for name, weight in module._parameters.items():
            if weight is not None:
                zeros = torch.zeros(1, dtype=weight.dtype).expand(weight.shape)
                module._parameters[name] = torch.nn.Parameter(zeros, requires_grad=False)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.zeros(buffer.shape, dtype=buffer.dtype)
