"""What a function returned crosses as JSON, and is of the same kind afterwards."""

import json
from collections import Counter, deque
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prepack_lab.course.exercises.judges import same
from prepack_lab.course.inside.wire import LARGEST, Foreign, TooMuchError, decode, encode

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just(...),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


def through(value):
    return decode(json.loads(json.dumps(encode(value))))


@given(PLAIN)
def test_plain_values_come_through(value):
    assert through(value) == value and type(through(value)) is type(value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.int32, torch.bool])
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3)])
def test_tensors_come_through(dtype, shape):
    tensor = torch.ones(shape).mul(1.5).to(dtype)
    assert same(through(tensor), tensor)


def test_infinity_nan_sets_and_numpy_come_through():
    assert through(float("inf")) == float("inf") and through({1, 2}) == {1, 2}
    assert through(float("nan")) != through(float("nan"))
    assert type(through(np.int64(3))) is np.int64 and through(np.float32(1.5)) == np.float32(1.5)
    assert np.array_equal(through(np.arange(6).reshape(2, 3)), np.arange(6).reshape(2, 3))


class Odd:
    def __repr__(self):
        raise RuntimeError


def test_what_will_do_for_a_list_a_dictionary_or_a_number_comes_through_as_one():
    for value in (range(2), deque([0, 1]), {0: "a", 1: "b"}.keys()):
        assert decode(encode(value)) == [0, 1]
    assert decode(encode(Counter("aab"))) == {"a": 2, "b": 1}
    assert decode(encode((Fraction(1, 4), Decimal("0.5")))) == (0.25, 0.5)


def test_a_foreign_value_keeps_its_name_only():
    came = through([Odd(), object()])
    assert isinstance(came[0], Foreign) and type(came[0]).__name__ == "Odd" and repr(came[0]) == "<Odd>"
    assert type(came[1]).__name__ == "object"


@pytest.mark.parametrize(
    "value", [[0] * (LARGEST + 1), "x" * (LARGEST + 1), torch.zeros(LARGEST + 1), [[0] * 1001 for _ in range(1000)]],
    ids=("list", "text", "tensor", "nested"),
)  # fmt: skip
def test_too_much_is_refused(value):
    with pytest.raises(TooMuchError):
        encode(value)


@pytest.mark.parametrize("held", [{"code": 1}, {"numpy": {"dtype": "O", "shape": [], "data": 1}}, {"a": 1, "b": 2}])
def test_what_was_not_encoded_here_is_an_error(held):
    with pytest.raises((ValueError, KeyError, TypeError)):
        decode(held)
