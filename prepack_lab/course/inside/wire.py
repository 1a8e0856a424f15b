"""What a function returned ↔ JSON, to cross from a student's process into the grader's: nothing is unpickled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from prepack_lab.course.exercises.forms import LISTS

LARGEST = 1_000_000
"""Numbers and letters in a returned value."""

NUMBERS = "biuf"
"""Kinds of numpy's types: bool, integers and floats."""


class TooMuchError(ValueError):
    """A value is too large to be an answer."""


class Foreign:
    """Stands for a value of a type that no exercise asks for; its repr says what it was."""

    def __init__(self, words: str) -> None:
        self._words = words

    def __repr__(self) -> str:
        return self._words


def encode(value: Any) -> Any:
    """A value in a form that JSON can hold; its type is kept.

    Raises:
        TooMuchError: it is larger than any answer.
    """
    return _encode(value, [LARGEST])


def decode(held: Any) -> Any:
    """The value again; for a type that no exercise asks for, a `Foreign` with the same class name.

    Raises:
        ValueError, KeyError, TypeError: `held` was not made by `encode`.
    """
    if not isinstance(held, dict):
        return held
    ((kind, inner),) = held.items()
    if kind == "tensor":
        return torch.tensor(inner["data"], dtype=_dtype(inner["dtype"])).reshape(inner["shape"])
    if kind == "numpy":
        dtype = np.dtype(str(inner["dtype"]))
        if dtype.kind not in NUMBERS:
            raise ValueError(f"{dtype} is not a type of numbers")
        return np.array(inner["data"], dtype=dtype).reshape(inner["shape"])[()]
    if kind == "dict":
        return {decode(key): decode(item) for key, item in inner}
    if kind == "float":
        return float(inner)
    if kind == "ellipsis":
        return ...
    if kind == "other":
        return type(str(inner["type"]), (Foreign,), {})(str(inner["words"]))
    return {"list": list, "tuple": tuple, "set": set}[kind](map(decode, inner))


def _encode(value: Any, left: list[int]) -> Any:
    _take(left, len(value) if isinstance(value, str) else 1)
    if value is None or type(value) in (bool, int, str):
        return value if type(value) is not int or abs(value) < 1 << 10_000 else _other(value)
    if type(value) is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if value is ...:
        return {"ellipsis": None}
    if isinstance(value, Decimal | Fraction):
        return _encode(float(value), left)
    if isinstance(value, (*LISTS, set)):
        kind = next((kind for kind in (tuple, set) if isinstance(value, kind)), list)
        return {kind.__name__: [_encode(item, left) for item in value]}
    if isinstance(value, Mapping):
        return {"dict": [[_encode(key, left), _encode(item, left)] for key, item in value.items()]}
    if isinstance(value, torch.Tensor):
        _take(left, value.numel())
        data = value.detach().to("cpu").to_dense()
        return {"tensor": {"dtype": str(value.dtype), "shape": [*value.shape], "data": data.flatten().tolist()}}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in NUMBERS:
        _take(left, value.size)
        shape = [*value.shape]
        return {"numpy": {"dtype": value.dtype.str, "shape": shape, "data": np.ravel(value).tolist()}}
    return _other(value)


def _take(left: list[int], many: int) -> None:
    left[0] -= many
    if left[0] < 0:
        raise TooMuchError


def _other(value: Any) -> dict[str, Any]:
    try:
        words = repr(value)[:200]
    except Exception:  # its own __repr__ is broken
        words = f"<{type(value).__name__}>"
    return {"other": {"type": type(value).__name__, "words": words}}


def _dtype(name: str) -> torch.dtype:
    found = getattr(torch, str(name).removeprefix("torch."))
    if not isinstance(found, torch.dtype):
        raise ValueError(f"{name} is not a dtype")
    return found
