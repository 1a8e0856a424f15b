"""How far apart two results are, and how far apart rounding alone may take them."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

HALF = (torch.bfloat16, torch.float16)
TOLERANCE = 2 * torch.finfo(torch.float32).eps ** 0.5
"""How far apart two correct computations may be in float32: 0.07 % of the spread (standard deviation) of the values.

The same formula gives 18 % in bfloat16, and many mistakes stay below that. For such a model, compute in float32
(`InFloat32`), or measure what its own rounding does.
"""


def apart(found: torch.Tensor, expected: torch.Tensor) -> tuple[float, ...]:
    """[B] for each prompt the largest difference, as a share of the spread of all expected values; both are [B, …]."""
    found, expected = found.float(), expected.float()
    return tuple(((found - expected).abs().flatten(1).amax(-1) / expected.std()).tolist())


def most_apart(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference of any prompt; NaN if any value is NaN."""
    return torch.tensor(apart(found, expected)).max().item()


class InFloat32(TorchDispatchMode):
    """Inside this block, and in this thread only, everything in half precision is computed in float32.

    The weights stay as they are. Each is converted for the operation that needs it and then dropped, except for the
    first gigabyte, which is kept until the block ends. So a model of any size can be checked without the rounding of
    half precision, which hides mistakes.
    """

    KEPT_BYTES = 2**30

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}  # with the weights, so that no other has their id
        self._room = self.KEPT_BYTES

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.embedding.default:  # a few rows of a large table
            return _in_float32(func(*args, **(kwargs or {})))
        converted = tree_map(self._converted, args)
        result = func(*converted, **tree_map(self._converted, kwargs or {}))
        if not func._schema.is_mutable:
            return result
        for original, copy in zip(args, converted, strict=True):  # an operation in place has to change the original
            if original is not copy and isinstance(original, torch.Tensor):
                original.copy_(copy)
                result = original if result is copy else result
        return result

    def _converted(self, value: Any) -> Any:
        if not isinstance(value, torch.nn.Parameter) or value.dtype not in HALF:
            return _in_float32(value)
        if id(value) not in self._kept:
            if self._room < 4 * value.numel():
                return value.float()
            self._kept[id(value)] = value, value.float()
            self._room -= 4 * value.numel()
        return self._kept[id(value)][1]


def _in_float32(value: Any) -> Any:
    if isinstance(value, torch.dtype):
        return torch.float32 if value in HALF else value
    return value.float() if isinstance(value, torch.Tensor) and value.dtype in HALF else value
