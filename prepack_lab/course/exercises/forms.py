"""A right answer is right in any natural form: what came back is brought into the form of the right answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from prepack_lab.course.inside.wire import LISTS


def in_form_of(expected: Any, returned: Any, exact_dtype: bool = False) -> Any:
    """A returned value in the form of the expected one, as far as that changes no meaning; else as it is.

    A number of numpy or torch becomes one of Python; a tuple, array or tensor becomes a list where a list is expected,
    and all its items likewise; an array becomes a tensor where a tensor is expected.

    Args:
        expected: what is right.
        returned: what came back.
        exact_dtype: whether the dtype of a tensor matters; else any whole numbers will do for whole numbers, and any
            floats for floats.
    """
    if isinstance(expected, torch.Tensor):
        return _tensor(expected, returned, exact_dtype)
    if isinstance(expected, bool | int | float):
        return _scalar(returned)
    if isinstance(expected, list | tuple) and (items := _items(returned)) is not None:
        forms = expected if len(expected) == len(items) else [expected[0]] * len(items) if expected else items
        made = [in_form_of(form, item, exact_dtype) for form, item in zip(forms, items, strict=True)]
        return tuple(made) if isinstance(expected, tuple) else made
    if isinstance(expected, dict) and isinstance(returned, Mapping):
        return {_scalar(key): in_form_of(expected.get(key, item), item, exact_dtype) for key, item in returned.items()}
    return returned


def _scalar(value: Any) -> Any:
    """One number or truth value of any library as one of Python."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    single = isinstance(value, np.generic) or (isinstance(value, np.ndarray | torch.Tensor) and value.ndim == 0)
    return value.item() if single else value


def _items(value: Any) -> Sequence[Any] | None:
    """The items of what will do for a list; None where nothing does."""
    if isinstance(value, LISTS):
        return [*value]
    return value.tolist() if isinstance(value, np.ndarray | torch.Tensor) and value.ndim else None


def _tensor(expected: torch.Tensor, returned: Any, exact_dtype: bool) -> Any:
    if isinstance(returned, np.ndarray) and returned.dtype.kind in "biuf":
        returned = torch.from_numpy(returned.copy())
    if not isinstance(returned, torch.Tensor) or returned.is_meta:
        return returned
    returned = returned.detach().cpu().to_dense()
    alike = any(kind(returned) and kind(expected) for kind in (_is_whole, torch.is_floating_point))
    return returned.to(expected.dtype) if alike and not exact_dtype else returned


def _is_whole(tensor: torch.Tensor) -> bool:
    return tensor.dtype != torch.bool and not tensor.is_floating_point() and not tensor.is_complex()
