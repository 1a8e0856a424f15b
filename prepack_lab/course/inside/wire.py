"""Values ↔ JSON, to cross between a student's process and the grader's: nothing is unpickled.

Arguments that hold an answer, such as a simulated device, stay with the grader; a `Remote` takes their place.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, KeysView, Mapping, Sequence, ValuesView
from dataclasses import asdict
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from prepack_lab.course.inside.watched import FewReads, SmallResults, Watched

LARGEST = 100_000
"""Numbers and letters in a returned value."""

LISTS = (list, tuple, range, deque, KeysView, ValuesView)
"""What will do for a list."""
RULES = {rule.__name__: rule for rule in (FewReads, SmallResults)}
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


class Remote:
    """Stands for an object that stays with the grader: what is called is called there."""

    def __deepcopy__(self, memo: Any) -> Remote:
        return self

    def __repr__(self) -> str:
        return "<it stays with the grader>"


Ask = Callable[[int, str, Sequence[Any]], Any]
"""The number of an object that stays with the grader, the name of a method, its arguments → what it returns."""


def encode(value: Any, keep: list[Any] | None = None) -> Any:
    """A value in a form that JSON can hold; its type is kept.

    Args:
        value: what a function returned, or an argument for it.
        keep: objects that stay here are added to it; by default there are none, and only their words cross.

    Raises:
        TooMuchError: it is larger than any answer.
    """
    return _Encoder(keep).encode(value)


def decode(held: Any, ask: Ask | None = None) -> Any:
    """The value again; for a type that no exercise asks for, a `Foreign` with the same class name.

    Args:
        held: what `encode` made.
        ask: calls a method of an object that has stayed on the other side.

    Raises:
        ValueError, KeyError, TypeError: `held` was not made by `encode`.
    """
    if not isinstance(held, dict):
        return held
    ((kind, inner),) = held.items()
    if kind == "tensor":
        return torch.tensor(inner["data"], dtype=_dtype(inner["dtype"])).reshape(inner["shape"])
    if kind == "watched":
        return Watched.of(decode(inner["tensor"]), RULES[inner["rule"]](**inner["settings"]))
    if kind == "numpy":
        dtype = np.dtype(str(inner["dtype"]))
        if dtype.kind not in NUMBERS:
            raise ValueError(f"{dtype} is not a type of numbers")
        return np.array(inner["data"], dtype=dtype).reshape(inner["shape"])[()]
    if kind == "dict":
        return {decode(key, ask): decode(item, ask) for key, item in inner}
    if kind == "float":
        return float(inner)
    if kind == "ellipsis":
        return ...
    if kind == "dtype":
        return _dtype(inner)
    if kind == "remote" and ask:
        return _remote(inner["number"], inner["methods"], ask)
    if kind == "other":
        return type(str(inner["type"]), (Foreign,), {})(str(inner["words"]))
    return {"list": list, "tuple": tuple, "set": set}[kind](decode(item, ask) for item in inner)


def _remote(number: int, methods: Sequence[str], ask: Ask) -> Remote:
    def calling(method: str) -> Callable[..., Any]:
        return lambda _, *arguments: ask(number, method, arguments)

    return type("Remote", (Remote,), {method: calling(method) for method in methods})()


class _Encoder:
    def __init__(self, keep: list[Any] | None) -> None:
        self._left, self._keep = LARGEST, keep

    def encode(self, value: Any) -> Any:
        self._take(len(value) if isinstance(value, str) else 1)
        if value is None or type(value) in (bool, int, str):
            return value if type(value) is not int or abs(value) < 1 << 10_000 else self._other(value)
        if type(value) is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if value is ...:
            return {"ellipsis": None}
        if isinstance(value, Decimal | Fraction):
            return self.encode(float(value))
        if isinstance(value, (*LISTS, set)):
            kind = next((kind for kind in (tuple, set) if isinstance(value, kind)), list)
            return {kind.__name__: [self.encode(item) for item in value]}
        if isinstance(value, Mapping):
            return {"dict": [[self.encode(key), self.encode(item)] for key, item in value.items()]}
        if isinstance(value, Watched) and value.watch is None:
            rule = {"rule": type(value.start).__name__, "settings": asdict(value.start)}
            return {"watched": {"tensor": self.encode(value.as_subclass(torch.Tensor)), **rule}}
        if isinstance(value, torch.Tensor):
            return self._tensor(value.as_subclass(torch.Tensor))
        if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in NUMBERS:
            self._take(value.size)
            shape = [*value.shape]
            return {"numpy": {"dtype": value.dtype.str, "shape": shape, "data": np.ravel(value).tolist()}}
        if isinstance(value, torch.dtype):
            return {"dtype": str(value)}
        return self._other(value)

    def _tensor(self, value: torch.Tensor) -> dict[str, Any]:
        self._take(value.numel())
        data = value.detach().to("cpu").to_dense()
        return {"tensor": {"dtype": str(value.dtype), "shape": [*value.shape], "data": data.flatten().tolist()}}

    def _take(self, many: int) -> None:
        self._left -= many
        if self._left < 0:
            raise TooMuchError

    def _other(self, value: Any) -> dict[str, Any]:
        if self._keep is not None:
            methods = [name for name in dir(value) if not name.startswith("_") and callable(getattr(value, name))]
            self._keep.append(value)
            return {"remote": {"number": len(self._keep) - 1, "methods": methods + ["__call__"] * callable(value)}}
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
