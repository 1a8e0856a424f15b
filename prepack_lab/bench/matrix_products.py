"""How long the matrix products of a forward pass take alone: what no method can fall below.

A method that computed every token once, no padding, and spent no time on anything but matrix products would reach a
share of 1. Norms, activations, rotary positions, softmax, masks and copies all count against it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from prepack_lab.measuring.cost import has_experts


class MatrixProducts:
    """The products of a model's weights with the tokens of some prompts, and of its queries, keys and values.

    Args:
        model: dense, so that every token meets every weight.
        lengths: tokens of each prompt.

    Raises:
        ValueError: the model chooses experts for each token, so its products can't be told from its weights.
    """

    def __init__(self, model: PreTrainedModel, lengths: Sequence[int]) -> None:
        config = model.config.get_text_config(decoder=True)
        if has_experts(config):
            raise ValueError(
                f"{type(model).__name__} chooses experts for each token; its matrix products are not known"
            )
        head = model.get_output_embeddings()
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
        width = config.num_attention_heads * (
            getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        )
        self.weight_flops = sum(2 * weight.numel() for weight in self._weights) * sum(lengths)
        """Floating-point operations of the products with weights, in all layers."""
        self.flops = (
            self.weight_flops + 4 * pairs * width * config.num_hidden_layers + 2 * head.weight.numel() * len(lengths)
        )
        """The same, with attention inside each prompt and with the head at each prompt's last token."""

    @torch.no_grad()
    def __call__(self) -> None:
        """Multiply every weight with as many tokens as the prompts have: what is timed."""
        for weight in self._weights:
            self._tokens[weight.shape[0]] @ weight

    def seconds(self, measured: float) -> float:
        """What all products need, at the rate that a call of this object, of `measured` seconds, has shown."""
        return self.flops / (self.weight_flops / measured)
