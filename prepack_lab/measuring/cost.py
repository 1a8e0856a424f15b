"""What a prefill costs, told before it is run: operations, bytes, and seconds on a machine that is known.

A forward pass over R rows of W slots multiplies every slot with every weight, and compares slots with slots:

    linear      2 · weights · R · W             every slot, padding too
    attention   4 · H · D · layers · pairs      pairs of a query and a key: R · W² under a mask, n (n + 1) / 2 without
    head        2 · hidden · V · B              the last token of each prompt

Padding costs as much as text in the first, and more in the second. Source: the paper's section 3.3, with constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedConfig
from transformers.pytorch_utils import Conv1D

from prepack_lab.methods import Pass, plan_passes


@dataclass(frozen=True)
class ModelSizes:
    """What the cost depends on."""

    layers: int
    hidden: int
    intermediate: int
    vocabulary: int
    query_width: int
    """H · D, the numbers in all heads of a query."""
    cache_width: int
    """The numbers that a token leaves in a layer's cache, keys and values together."""
    weights: int
    """The weights that every token is multiplied with, in all layers; embeddings and head are not among them."""
    parameters: int
    dtype: torch.dtype
    """The configuration's; float32 where it names none."""

    @classmethod
    def of(cls, config: PreTrainedConfig | ModelSizes) -> ModelSizes:
        """Read them off a configuration; the weights are counted in a model that takes no memory.

        Raises:
            ValueError: the model chooses experts for each token, so its weights do not tell its cost.
        """
        if isinstance(config, ModelSizes):
            return config
        config = config.get_text_config(decoder=True)
        if has_experts(config):
            raise ValueError(f"{type(config).__name__} chooses experts for each token; its cost is not known here")
        kind: Any = type(config)
        return _sizes(kind, config.to_json_string(use_diff=False))


def has_experts(config: Any) -> bool:
    """Whether the model chooses experts for each token, as its configuration or that of its feed-forward says."""
    names = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
    parts = (config, getattr(config, "ffn_config", None))
    return any(getattr(part, name, None) for part in parts for name in names)


@dataclass(frozen=True)
class Cost:
    """The cost of one prefill of some prompts by one method."""

    method: str
    passes: int
    rows: int
    slots: int
    """Slots that are computed, tokens and padding."""
    tokens: int
    linear_flops: float
    attention_flops: float
    head_flops: float
    weight_bytes: float
    cache_bytes: float
    """Keys and values as the passes lay them out, before unpacking."""
    working_bytes: float
    """The most that activations, mask and logits take at once."""
    moved_bytes: float
    """Read and written in all passes: weights once a pass, and what each layer reads and writes of the slots."""

    @property
    def flops(self) -> float:
        """All floating-point operations."""
        return self.linear_flops + self.attention_flops + self.head_flops

    @property
    def memory_bytes(self) -> float:
        """The peak, weights included."""
        return self.weight_bytes + self.cache_bytes + self.working_bytes

    @property
    def intensity(self) -> float:
        """FLOP per byte moved: below what the machine can do, memory is the limit."""
        return self.flops / self.moved_bytes


def estimate_cost(
    config: PreTrainedConfig | ModelSizes,
    lengths: Sequence[int],
    method: str = "prepacked",
    dtype: torch.dtype | None = None,
    **options: Any,
) -> Cost:
    """Tell what the prefill of prompts of these lengths will cost.

    Args:
        config: of a dense model, or the sizes read off it, which saves time where many costs are told.
        lengths: tokens of each prompt.
        method: one of `METHODS`.
        dtype: of weights and cache; the configuration's where left out.
        options: how the method shares the prompts out (see `plan_passes`).

    Raises:
        ValueError: as for `prefill` and `pack`, or a model with experts.
    """
    return cost_of_passes(config, [*plan_passes(method, lengths, **options)], method, dtype)


def cost_of_passes(
    config: PreTrainedConfig | ModelSizes, passes: Sequence[Pass], method: str, dtype: torch.dtype | None = None
) -> Cost:
    """The cost of passes that are planned already.

    Raises:
        ValueError: a model with experts.
    """
    sizes = ModelSizes.of(config)
    size = (dtype or sizes.dtype).itemsize
    slots = sum(one.rows.slots for one in passes)
    touched = 8 * sizes.hidden + 6 * sizes.intermediate  # numbers that a layer reads and writes for a slot
    cache = slots * sizes.layers * sizes.cache_width * size
    return Cost(
        method,
        passes=len(passes),
        rows=sum(one.rows.num_bins for one in passes),
        slots=slots,
        tokens=sum(one.rows.tokens for one in passes),
        linear_flops=2.0 * sizes.weights * slots,
        attention_flops=4.0 * sizes.query_width * sizes.layers * sum(one.pairs for one in passes),
        head_flops=2.0 * sizes.hidden * sizes.vocabulary * sum(len(one.prompts) for one in passes),
        weight_bytes=float(sizes.parameters * size),
        cache_bytes=float(cache),
        working_bytes=float(max(_working(one, sizes) for one in passes) * size),
        moved_bytes=float(len(passes) * sizes.parameters * size + slots * sizes.layers * touched * size + 2 * cache),
    )


def memory_parts(
    config: PreTrainedConfig | ModelSizes,
    lengths: Sequence[int],
    method: str,
    dtype: torch.dtype | None = None,
    logits_everywhere: bool = False,
) -> dict[str, float]:
    """What the memory of a prefill is made of, at its peak: bytes of each part, before unpacking.

    Args:
        config, lengths, method, dtype: as for `estimate_cost`.
        logits_everywhere: keep logits at every slot, as a plain forward pass does, instead of the last ones only.
    """
    sizes, passes = ModelSizes.of(config), [*plan_passes(method, lengths)]
    size = (dtype or sizes.dtype).itemsize
    widest = max(passes, key=lambda one: _working(one, sizes))
    places = widest.rows.slots if logits_everywhere else len(widest.prompts)
    numbers = {
        "weights": sizes.parameters,
        "cache": sum(one.rows.slots for one in passes) * sizes.layers * sizes.cache_width,
        "activations": _activations(widest, sizes),
        "mask": _mask(widest),
        "logits": places * sizes.vocabulary,
    }
    return {part: float(count * size) for part, count in numbers.items()}


def _working(one: Pass, sizes: ModelSizes) -> int:
    """The numbers that a pass holds at once beside weights and cache: the widest moment is in the feed-forward."""
    return _activations(one, sizes) + _mask(one) + len(one.prompts) * sizes.vocabulary


def _activations(one: Pass, sizes: ModelSizes) -> int:
    return one.rows.slots * (4 * sizes.hidden + 3 * sizes.intermediate)


def _mask(one: Pass) -> int:
    padded = one.attention == "padded" and one.rows.slots > one.rows.tokens  # transformers masks padding only
    return one.pairs if padded or one.attention == "masked" else 0


@lru_cache(maxsize=32)
def _sizes(config_class: Any, described: str) -> ModelSizes:
    import json

    config = config_class.from_dict(json.loads(described))
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    head = model.get_output_embeddings()
    products = [m for m in model.modules() if isinstance(m, torch.nn.Linear | Conv1D) and m is not head]
    heads = config.num_attention_heads
    head_width = getattr(config, "head_dim", None) or config.hidden_size // heads
    return ModelSizes(
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        intermediate=getattr(config, "intermediate_size", None) or 4 * config.hidden_size,
        vocabulary=head.weight.shape[0],
        query_width=heads * head_width,
        cache_width=2 * (getattr(config, "num_key_value_heads", None) or heads) * head_width,
        weights=sum(module.weight.numel() for module in products),
        parameters=model.num_parameters(),
        dtype=getattr(config, "dtype", None) or torch.float32,
    )
