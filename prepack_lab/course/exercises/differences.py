"""What the difference between a wrong answer and the right one looks like, in words, and for tensors as a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from math import ceil, floor, isclose, isfinite, sqrt
from typing import Any

import torch

Pairs = Sequence[tuple[Any, Any]]
"""What came, and what is right, in each case that fails."""

WIDEST = 16
"""Slots a side of the largest picture."""


def relation(pairs: Pairs, located: bool = False) -> str | None:
    """What holds between what came and what is right in every pair, in a sentence; None where nothing simple does.

    Args:
        pairs: of the cases that fail.
        located: whether the place of the first difference has been said already.
    """
    for kind, relations in ((_are_numbers, NUMBERS), (_are_lists, LISTS), (_differ, TENSORS)):
        if pairs and all(kind(*pair) for pair in pairs):
            asked = [one for one in relations if not located or one is not _first_place]
            return next((words for words in (one(pairs) for one in asked) if words), None)
    return None


def by_argument(pairs: Pairs, given: Sequence[Mapping[str, Any]]) -> str | None:
    """Which argument is missing as a factor in every pair, or is one too many; None where none is.

    Args:
        pairs: numbers that came, and the right ones.
        given: the arguments of each, by name.
    """
    if len(pairs) < 2 or not all(_are_numbers(*pair) and 0 not in pair for pair in pairs):
        return None
    for name in given[0]:
        values = [arguments[name] for arguments in given]
        if not all(isinstance(value, int) and value > 0 for value in values) or len({*values}) < 2:
            continue
        for power, times in ((1, ""), (2, " twice")):
            both = [*zip(pairs, values, strict=True)]
            if all(_close(came * value**power, right) for (came, right), value in both):
                return f"Your number is the right one divided by `{name}`{times}, in every case that fails."
            if all(_close(came, right * value**power) for (came, right), value in both):
                return f"Your number is the right one times `{name}`{times}, in every case that fails."
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_numbers(came: Any, right: Any) -> bool:
    return _is_number(came) and _is_number(right)


def _are_lists(came: Any, right: Any) -> bool:
    return isinstance(came, list | tuple) and isinstance(right, list | tuple)


def _are_tensors(came: Any, right: Any) -> bool:
    return isinstance(came, torch.Tensor) and isinstance(right, torch.Tensor)


def _differ(came: Any, right: Any) -> bool:
    """Whether there are two tensors of numbers, and not the same."""
    return _are_tensors(came, right) and bool(came.numel()) and not came.isnan().any() and not _alike(came, right)


def _close(one: float, other: float) -> bool:
    return isclose(one, other, rel_tol=1e-5, abs_tol=1e-9)


def _always(words: str, becomes: Callable[[Any], Any], equal: Callable[[Any, Any], bool]) -> Callable[[Pairs], str]:
    """A relation: what came is always what `becomes` makes of what is right."""

    def holds(came: Any, right: Any) -> bool:
        try:
            return bool(equal(came, becomes(right)))
        except (ArithmeticError, ValueError, TypeError, RuntimeError, IndexError):
            return False

    return lambda pairs: words if all(holds(came, right) for came, right in pairs) else ""


def _same_number(pairs: Pairs) -> str:
    came = pairs[0][0]
    alone = len(pairs) < 2 or len({right for _, right in pairs}) < 2
    return "" if alone or any(one != came for one, _ in pairs) else f"You return {came:.4g} in every case that fails."


def _rounded_down(pairs: Pairs) -> str:
    whole = all(isinstance(came, int) and isinstance(right, float) for came, right in pairs)
    return "It is the right number, rounded down." if whole and all(one == floor(right) for one, right in pairs) else ""


def _rounded(pairs: Pairs) -> str:
    for digits in range(5):
        if len(pairs) > 1 and all(isfinite(right) and _close(came, round(right, digits)) for came, right in pairs):
            places = f"{digits} digit{'s' * (digits > 1)} behind the point" if digits else "a whole number"
            return f"It is the right number, rounded to {places}. Return it as it is."
    return ""


def _offset(pairs: Pairs) -> str:
    off = pairs[0][0] - pairs[0][1]
    if len(pairs) < 2 or _close(*pairs[0]) or not all(_close(came - right, off) for came, right in pairs):
        return ""
    return f"Your number is too {'large' if off > 0 else 'small'} by {abs(off):.4g} in every case that fails."


def _factor(pairs: Pairs) -> str:
    if len(pairs) < 2 or any(right == 0 or came == 0 or _close(came, right) for came, right in pairs):
        return ""
    factor = pairs[0][0] / pairs[0][1]
    if not all(_close(came / right, factor) for came, right in pairs):
        return ""
    part = round(1 / factor) if abs(factor) < 1 else 0
    times = f"1/{part} of" if part and _close(part * factor, 1) else f"{factor:.4g} times"
    return f"Your number is {times} the right one in every case that fails."


NUMBERS: tuple[Callable[[Pairs], str], ...] = (
    _rounded_down,
    _same_number,
    _always("It is upside down: 1 over the right number.", lambda right: 1 / right, _close),
    _always("It is the rest: 1 minus the right number.", lambda right: 1 - right, _close),
    _always("The sign is turned round.", lambda right: -right, _close),
    _always("It is the right number, rounded down.", floor, _close),
    _always("It is the right number, rounded up.", ceil, _close),
    _rounded,
    _offset,
    _factor,
    _always("It is the square of the right number.", lambda right: right**2, _close),
    _always("It is the square root of the right number.", sqrt, _close),
)


def _equal(came: Any, right: Any) -> bool:
    if _are_lists(came, right):
        return len(came) == len(right) and all(map(_equal, came, right))
    return _close(came, right) if _are_numbers(came, right) else bool(came == right)


def _first_place(pairs: Pairs) -> str:
    came, right = pairs[0]
    if len(came) != len(right):
        yours, theirs = (f"{len(one)} item{'s' * (len(one) != 1)}" for one in (came, right))
        return f"Your list has {yours}, and the right one {theirs}."
    place = next((place for place, both in enumerate(zip(came, right, strict=True)) if not _equal(*both)), None)
    if place is None:
        return ""
    return (
        f"The first that differs is at place {place}, counted from 0: {came[place]!r}, and right is {right[place]!r}."
    )


def _sorted(items: Sequence[Any]) -> list[Any]:
    return sorted(items, key=repr)


def _transposed(rows: Sequence[Any]) -> list[list[Any]]:
    return [[*column] for column in zip(*rows, strict=True)]


def _shifted(by: int) -> Callable[[Pairs], str]:
    words = f"Every number is {'one too large' if by > 0 else 'one too small'}."
    return _always(words, lambda right: [item + by for item in right], _equal)


def _one_place(pairs: Pairs) -> str:
    """What holds for the only number of a tuple that is ever wrong."""
    if not all(isinstance(right, tuple) and len(came) == len(right) == len(pairs[0][1]) for came, right in pairs):
        return ""
    places = {at for came, right in pairs for at in range(len(right)) if not _equal(came[at], right[at])}
    if len(places) != 1:
        return ""
    at = places.pop()
    those = [(came[at], right[at]) for came, right in pairs]
    words = all(_are_numbers(*pair) for pair in those) and next(filter(None, (one(those) for one in NUMBERS)), "")
    return f"Number {at + 1}: {words[0].lower()}{words[1:]}" if words else ""


_running_sums = _always("These are running sums of the right numbers.", lambda right: [*accumulate(right)], _equal)
LISTS: tuple[Callable[[Pairs], str], ...] = (
    _always("The last item is missing.", lambda right: [*right[:-1]], _equal),
    _always("The first item is missing.", lambda right: [*right[1:]], _equal),
    lambda pairs: "There is one item too many at the end." if all(_equal(a[:-1], b) for a, b in pairs) else "",
    lambda pairs: "There is one item too many at the beginning." if all(_equal(a[1:], b) for a, b in pairs) else "",
    _always("It is the right list, back to front.", lambda right: [*right[::-1]], _equal),
    _always("Rows and columns are exchanged.", _transposed, _equal),
    _shifted(1),
    _shifted(-1),
    lambda pairs: _running_sums(pairs) if any(len(right) > 2 for _, right in pairs) else "",
    lambda pairs: (
        "These are the right items in another order." if all(_sorted(a) == _sorted(b) for a, b in pairs) else ""
    ),
    _one_place,
    _first_place,
)


def _alike(came: torch.Tensor, right: torch.Tensor) -> bool:
    return came.shape == right.shape and torch.allclose(came.double(), right.double(), 1e-4, 1e-6, equal_nan=True)


def _is_mask(tensor: torch.Tensor) -> bool:
    return tensor.dtype == torch.bool or (tensor.is_floating_point() and tensor.unique().numel() == 2)


def _inverted(right: torch.Tensor) -> torch.Tensor:
    if not _is_mask(right):
        raise ValueError
    low, high = right.double().aminmax()
    return low + high - right.double()


def _moved(pairs: Pairs) -> str:
    for by, where in ((1, "late"), (-1, "early")):
        if all(
            came.shape == right.shape and right.ndim and right.shape[-1] > 2 and _alike(
                came.narrow(-1, max(by, 0), right.shape[-1] - 1), right.narrow(-1, max(-by, 0), right.shape[-1] - 1)
            )
            for came, right in pairs
        ):  # fmt: skip
            return f"Everything comes one place too {where}."
    return ""


def _off_everywhere(pairs: Pairs) -> str:
    if any(came.shape != right.shape or right.dtype == torch.bool for came, right in pairs):
        return ""
    off = (pairs[0][0].double() - pairs[0][1].double()).flatten()[0].item() if pairs[0][1].numel() else 0
    same = (
        off
        and isfinite(off)
        and all(_alike(came.double() - right.double(), torch.full(right.shape, off)) for came, right in pairs)
    )
    return f"Every number is too {'large' if off > 0 else 'small'} by {abs(off):.4g}." if same else ""


def _times_everywhere(pairs: Pairs) -> str:
    if any(came.shape != right.shape or not right.any() or not came.any() for came, right in pairs):
        return ""
    came, right = (tensor.double() for tensor in pairs[0])
    factor = (came.abs().sum() / right.abs().sum()).item()
    same = not _close(factor, 1) and all(_alike(came.double(), factor * right.double()) for came, right in pairs)
    return f"Every number is {factor:.4g} times the right one." if same else ""


def _same_numbers(came: torch.Tensor, right: torch.Tensor) -> bool:
    return came.numel() == right.numel() and _alike(came.flatten().sort().values, right.flatten().sort().values)


def _other_shape(pairs: Pairs) -> str:
    alike = all(a.shape != b.shape and a.numel() == b.numel() and _alike(a.flatten(), b.flatten()) for a, b in pairs)
    return "The numbers are right and in order; only the shape is another." if alike else ""


TENSORS: tuple[Callable[[Pairs], str], ...] = (
    _always("Rows and columns are exchanged.", lambda right: right.transpose(-1, -2), _alike),
    _always("It is turned round: the last comes first.", lambda right: right.flip(-1), _alike),
    _always("It is inverted: what should be seen is hidden, and the other way round.", _inverted, _alike),
    _off_everywhere,
    _times_everywhere,
    _moved,
    _other_shape,
    lambda pairs: (
        "These are the right numbers in other places."
        if all(right.unique().numel() > 2 and _same_numbers(came, right) for came, right in pairs)
        else ""
    ),
)


def picture(came: Any, right: Any) -> str:
    """Where two tensors of the same shape differ: · the same, × different; empty where that can't be drawn."""
    if not (_are_tensors(came, right) and came.shape == right.shape and right.ndim) or right.is_meta:
        return ""
    differ = ~torch.isclose(came.double(), right.double(), rtol=1e-4, atol=1e-6, equal_nan=True)
    if right.ndim > 2:
        differ = differ.flatten(0, -3)  # the first [rows, columns] in which anything differs
        differ = differ[int(differ.flatten(1).any(1).int().argmax())]
    rows = differ if differ.ndim == 2 else differ[None]
    if max(rows.shape) > WIDEST or not rows.any():
        return ""
    return "\n".join(" ".join("×" if one else "·" for one in row) for row in rows.tolist())
