"""What came back, in the form of the right answer."""

from collections import OrderedDict, deque
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from prepack_lab.course.exercises.forms import in_form_of
from prepack_lab.course.exercises.judges import number


@pytest.mark.parametrize(
    ("expected", "returned", "formed"),
    [
        (3, np.int64(3), 3),
        (3, torch.tensor(3, dtype=torch.int32), 3),
        (0.5, np.array(0.5), 0.5),
        (0.5, Decimal("0.5"), 0.5),
        (2, Fraction(4, 2), 2),
        (0.5, Fraction(1, 2), 0.5),
        (True, np.bool_(True), True),
        (True, torch.tensor(False), False),
        ([1, 2], (1, 2), [1, 2]),
        ((1, 2), [1, 2], (1, 2)),
        ([1, 2], np.array([1, 2]), [1, 2]),
        ([1, 2], torch.tensor([1, 2]), [1, 2]),
        ([0, 1], range(2), [0, 1]),
        ([0, 1], deque([0, 1]), [0, 1]),
        ([0, 1], {0: "a", 1: "b"}.keys(), [0, 1]),
        ([], np.array([1]), [1]),
        ([[0, 2], [1]], (np.array([0, 2]), (torch.tensor(1),)), [[0, 2], [1]]),
        ([[0]], [(0, np.int32(1)), [2]], [[0, 1], [2]]),
        ({"a": 1}, OrderedDict(a=np.int8(1)), {"a": 1}),
        ({1: 2.0}, {np.int64(1): torch.tensor(2.0)}, {1: 2.0}),
    ],
)
def test_numbers_lists_and_dictionaries(expected, returned, formed):
    made = in_form_of(expected, returned)
    assert made == formed and repr(made) == repr(formed)


@pytest.mark.parametrize("strange", ["text", {1, 2}, object, None, torch.empty(2, device="meta")])
def test_what_has_another_meaning_stays_as_it_is(strange):
    for expected in (3, "a", [1], {"a": 1}, torch.tensor([1])):
        if not (isinstance(expected, list) and isinstance(strange, torch.Tensor)):
            assert in_form_of(expected, strange) is strange


def test_tensors_of_another_library_dtype_or_graph():
    right = torch.tensor([[0, 1]])
    for returned in (np.array([[0, 1]]), right.int(), right.to(torch.uint8)):
        formed = in_form_of(right, returned)
        assert formed.dtype == torch.int64 and formed.equal(right)
    assert in_form_of(right, right.float()).dtype == torch.float32, "floats are no whole numbers"
    assert in_form_of(right, right.bool()).dtype == torch.bool, "and neither are truth values"
    assert in_form_of(right, right.int(), exact_dtype=True).dtype == torch.int32
    halves = torch.tensor([0.5])
    learned = halves.double().requires_grad_()
    assert in_form_of(halves, learned).equal(halves) and not in_form_of(halves, learned).requires_grad


def test_a_number_is_right_up_to_the_rounding_of_float32():
    assert number(float(np.float32(1 / 3)), 1 / 3) is None
    assert number(Fraction(1, 3), 1 / 3) is None
    assert number(3.0, 3) is None and number(3, 3.0) is None
    assert number(1 / 3 + 1e-4, 1 / 3) == "The number is too large by 0.0001."
    assert number(1_000_001, 1_000_000) is not None, "whole numbers are not rounded"
    assert number(True, 1) is not None and number(float("nan"), 1.0).startswith("NaN")
