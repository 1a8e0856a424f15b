"""How long the matrix products of a forward pass take alone: what no method can fall below.

A method that computed every token once, no padding, and spent no time on anything but matrix products would reach a
share of 1. Norms, activations, rotary positions, softmax, masks and copies all count against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from prepack_lab.measuring.model_sizes import ModelSizes


class MatrixProducts:
    """The products of a model's weights with the tokens of some prompts, and of its queries, keys and values.

    Args:
        model: dense, so that every token meets every weight.
        lengths: tokens of each prompt.

    Raises:
        ValueError: the model chooses experts for each token, so that not every token meets every weight; or as for
            `ModelSizes.of`.
    """

    def __init__(self, model: PreTrainedModel, lengths: Sequence[int]) -> None:
        if has_experts(model.config):
            raise ValueError(
                f"{type(model).__name__} chooses experts for each token: which products it needs is not known"
            )
        sizes, head = ModelSizes.of(model.config), model.get_output_embeddings()
        self._weights = [
            module.weight if isinstance(module, Conv1D) else module.weight.T  # [in, out]
            for module in model.modules()
            if isinstance(module, torch.nn.Linear | Conv1D) and module is not head
        ]
        self._tokens = {
            width: torch.randn(sum(lengths), width, dtype=model.dtype, device=model.device)
            for width in {weight.shape[0] for weight in self._weights}
        }
        pairs = sum(n * (n + 1) // 2 for n in lengths)  # of a query and a key that it may see
        self.weight_flops = sum(2 * weight.numel() for weight in self._weights) * sum(lengths)
        """Floating-point operations of the products with weights, in all layers."""
        self.flops = self.weight_flops + sizes.flops_per_pair * pairs + sizes.flops_per_prompt * len(lengths)
        """The same, with attention inside each prompt and with the head at each prompt's last token."""

    @torch.no_grad()
    def __call__(self) -> None:
        """Multiply every weight with as many tokens as the prompts have: what is timed."""
        for weight in self._weights:
            self._tokens[weight.shape[0]] @ weight

    def seconds(self, measured: float) -> float:
        """What all products need, at the rate that a call of this object, of `measured` seconds, has shown."""
        return self.flops / (self.weight_flops / measured)


def has_experts(config: Any) -> bool:
    """Whether the model chooses experts for each token, as its configuration or that of its feed-forward says."""
    names = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
    parts = (config, getattr(config, "ffn_config", None))
    return any(getattr(part, name, None) for part in parts for name in names)
