"""Judges that several exercises share: what is wrong with an answer, whatever the mistake behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import isclose
from numbers import Real
from typing import Any

import torch

RELATIVE, ABSOLUTE = 1e-5, 2e-6
"""How far two numbers may be apart that were computed in float32, in another order."""


def same(first: Any, second: Any) -> bool:
    """Whether two answers are equal: of the same type, numbers and tensors up to rounding."""
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        return (first.shape, first.dtype) == (second.shape, second.dtype) and torch.allclose(
            first.double(), second.double(), rtol=1e-4 * first.is_floating_point(), atol=1e-6, equal_nan=True
        )
    if isinstance(first, list | tuple) and type(first) is type(second):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, float) and isinstance(second, int | float):
        return _close(first, second)
    return type(first) is type(second) and bool(first == second)


def _close(first: Any, second: Any) -> bool:
    """Whether numbers are equal up to float32's rounding; whole numbers to less than they can differ by."""
    try:
        whole = isinstance(first, int) and isinstance(second, int)
        return first == second if whole else isclose(first, second, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    except OverflowError:  # an integer beyond all floats
        return False


def article(value: Any) -> str:
    """What kind of thing this is: "an int", "a list"."""
    kind = type(value).__name__
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"


def _amount(off: Any) -> str:
    """How far a number is off; whole ones digit by digit."""
    return str(abs(off)) if isinstance(off, int) else f"{abs(off):.4g}"


def tensor(returned: Any, expected: torch.Tensor, *arguments: Any) -> str | None:
    """Compare tensors: first the type, then the shape, the dtype and the values."""
    if not isinstance(returned, torch.Tensor):
        return f"A tensor is asked for, and {article(returned)} came back."
    if returned.shape != expected.shape:
        return f"The shape is {[*returned.shape]}, and {[*expected.shape]} is asked for."
    if returned.dtype != expected.dtype and expected.dtype == torch.int64:  # any whole numbers would have passed
        return f"The dtype is {returned.dtype}, and whole numbers are asked for."
    if returned.dtype != expected.dtype:
        return f"The dtype is {returned.dtype}, and {expected.dtype} is asked for."
    different = (~torch.isclose(returned.double(), expected.double(), rtol=1e-4, atol=1e-6, equal_nan=True)).nonzero()
    if not len(different):
        return None
    place = tuple(different[0].tolist())
    many = f"{len(different)} of {expected.numel()} numbers differ{'s' * (len(different) == 1)}"
    came, right = returned[place].item(), expected[place].item()
    return f"{many}, the first at {[*place]}: {came:.4g}, and right is {right:.4g}."


def number(returned: Any, expected: float, *arguments: Any) -> str | None:
    """Compare numbers."""
    if isinstance(returned, bool) or not isinstance(returned, Real):
        return f"A number is asked for, and {article(returned)} came back."
    if _close(returned, expected):
        return None
    if returned != returned:
        return "NaN came back, which is no number: it comes from 0 / 0, or from infinity less infinity."
    off = returned - expected if isinstance(returned, int) else float(returned) - expected
    return f"The number is too {'large' if off > 0 else 'small'} by {_amount(off)}."


def numbers(returned: Any, expected: Sequence[float], *arguments: Any) -> str | None:
    """Compare a few numbers, in order."""
    many = len(expected)
    if not isinstance(returned, list | tuple) or len(returned) != many:
        return f"{many} numbers are asked for, in a tuple or a list, and {article(returned)} came back."
    for place, (given, right) in enumerate(zip(returned, expected, strict=True), start=1):
        wrong = number(given, right)
        if wrong is not None:
            return f"Number {place} of {many}: {wrong if wrong.startswith('NaN') else wrong[0].lower() + wrong[1:]}"
    return None


def bins_hold_all(returned: Any, lengths: Sequence[int], capacity: int) -> str | None:
    """What is wrong with bins of prompt indices, whatever the strategy; None where each prompt is in exactly one."""
    if not isinstance(returned, list) or not all(isinstance(members, list) for members in returned):
        return "A list of bins is asked for, and each bin is a list of prompt indices."
    if any(isinstance(prompt, list) for members in returned for prompt in members):
        return "These lists are one level too deep: a list of bins, and in each bin the indices of its prompts."
    placed = Counter(prompt for members in returned for prompt in members)
    if placed and not set(placed) <= {*range(len(lengths))}:
        if all(item in lengths for item in placed):
            return "These are lengths. A bin holds indices: 0 is the first prompt, whatever its length."
        return f"{next(item for item in placed if item not in range(len(lengths)))!r} is not the index of a prompt."
    for prompt, length in enumerate(lengths):
        if placed[prompt] == 0:
            return f"Prompt {prompt} of length {length} is in no bin."
        if placed[prompt] > 1:
            return f"Prompt {prompt} of length {length} is in the bins {placed[prompt]} times."
    if [] in returned:
        return "There is an empty bin: open a bin only when a prompt goes into it."
    for index, members in enumerate(returned):
        held = sum(lengths[prompt] for prompt in members)
        if held > capacity:
            return f"Bin {index} holds {held} tokens, and its capacity is {capacity}."
    return None
