import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import prepack_lab as lab

segments = st.lists(st.integers(1, 6), min_size=1, max_size=6).flatmap(
    lambda sizes: st.integers(0, 4).map(
        lambda padding: [i for i, size in enumerate(sizes) for _ in range(size)] + [-1] * padding
    )
)


@given(row=segments, dtype=st.sampled_from([torch.float32, torch.bfloat16, torch.float16]))
def test_a_token_sees_the_earlier_tokens_of_its_own_segment(row, dtype):
    mask = lab.packed_mask(torch.tensor([row]), dtype)
    assert mask.shape == (1, 1, len(row), len(row))
    assert mask.dtype == dtype
    for query, key in torch.cartesian_prod(torch.arange(len(row)), torch.arange(len(row))).tolist():
        seen = row[query] == row[key] and key <= query
        assert mask[0, 0, query, key] == (0 if seen else torch.finfo(dtype).min)


@given(row=segments, dtype=st.sampled_from([torch.float32, torch.bfloat16, torch.float16]))
def test_no_row_of_the_mask_gives_nan(row, dtype):
    mask = lab.packed_mask(torch.tensor([row]), dtype)
    assert mask.isfinite().all()
    assert torch.softmax(torch.randn(mask.shape).to(dtype) + mask, dim=-1).isfinite().all()


def test_a_boolean_mask_is_not_to_be_had():
    with pytest.raises(ValueError, match="added to attention scores"):
        lab.packed_mask(torch.tensor([[0, 0]]), torch.bool)
