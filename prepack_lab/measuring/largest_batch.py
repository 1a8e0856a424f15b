"""The largest batch whose prefill fits a memory, estimated; and the memory that batches of growing size take."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedConfig

from prepack_lab.measuring.cost import estimate_cost
from prepack_lab.measuring.model_sizes import ModelSizes


def memory_by_batch(
    config: PreTrainedConfig | ModelSizes,
    lengths: Sequence[int],
    method: str,
    sizes: Sequence[int],
    dtype: torch.dtype | None = None,
) -> dict[int, float]:
    """Bytes that the prefill of the first n prompts takes at its peak, weights included, for each n of `sizes`."""
    return {size: estimate_cost(config, lengths[:size], method, dtype).memory_bytes for size in sizes}


def largest_batch(
    config: PreTrainedConfig | ModelSizes,
    lengths: Sequence[int],
    method: str,
    limit: float,
    dtype: torch.dtype | None = None,
) -> int:
    """The most prompts, from the first on, whose prefill takes at most `limit` bytes; 0 where not even one fits."""
    fits, too_many = 0, len(lengths) + 1
    while too_many - fits > 1:  # memory grows with the batch, up to a packing's whims
        size = (fits + too_many) // 2
        if estimate_cost(config, lengths[:size], method, dtype).memory_bytes <= limit:
            fits = size
        else:
            too_many = size
    return fits
