import copy
import warnings

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab.masks import Slots, may_see, packed_block_mask, sliding_window, visible
from tests.conftest import random_prompts

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


def test_a_boolean_mask_is_refused():
    with pytest.raises(ValueError, match="added to attention scores"):
        lab.packed_mask(torch.tensor([[0, 0]]), torch.bool)


LENGTHS = [9, 4, 12, 3, 1]


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_model_that_is_given_the_mask_keeps_the_prompts_apart(tiny_model, implementation, dtype):
    found, alone = logits_by_mask(tiny_model, implementation, dtype, lab.packed_mask)
    tolerance = 1e-4 if dtype == torch.float32 else 2 * torch.finfo(dtype).eps ** 0.5
    torch.testing.assert_close(found, alone, atol=tolerance * alone.std().item(), rtol=0)


def test_a_boolean_mask_is_added_by_eager_attention(tiny_model):
    """Why the mask is additive: this mistake makes no noise."""
    boolean = lambda segments, dtype: lab.packed_mask(segments, dtype) == 0  # noqa: E731
    found, alone = logits_by_mask(tiny_model, "eager", torch.float32, boolean)
    assert (found - alone).abs().max() > 0.01 * alone.std()


def logits_by_mask(model, implementation, dtype, make_mask):
    """The logits after each prompt's last token: through a 4-D mask, and each prompt alone."""
    model = copy.deepcopy(model).to(dtype)
    model.set_attn_implementation(implementation)
    prompts = random_prompts(LENGTHS)
    batch = lab.PackedBatch.from_prompts(prompts, lab.pack(LENGTHS))
    row, slot = batch.last_token.unbind(1)
    with torch.no_grad():
        mask = make_mask(batch.segment_ids, dtype)
        packed = model(batch.input_ids, attention_mask=mask, position_ids=batch.position_ids).logits[row, slot]
        alone = torch.stack([model(torch.tensor([prompt])).logits[0, -1] for prompt in prompts])
    assert packed.isfinite().all()
    return packed, alone


@pytest.mark.long
@settings(max_examples=10)
@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=8), slack=st.integers(0, 9))
def test_the_block_mask_is_the_same_rule(lengths, slack):
    from torch.nn.attention.flex_attention import flex_attention

    packing = lab.pack(lengths, max(lengths) + slack)
    batch = lab.PackedBatch.from_prompts(random_prompts(lengths), packing)
    generator = torch.Generator().manual_seed(0)
    shape = packing.num_bins, 2, packing.width, 16
    query, key, value = (torch.randn(shape, generator=generator) for _ in range(3))
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=lab.packed_mask(batch.segment_ids))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would rather be compiled
        found = flex_attention(query, key, value, block_mask=packed_block_mask(batch.segment_ids))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_block_mask_leaves_hidden_blocks_out():
    segments = torch.arange(8).repeat_interleave(128)[None]  # eight prompts of one block each
    assert packed_block_mask(segments).sparsity() == pytest.approx(100 * (1 - 8 / 64))


@given(row=segments, window=st.none() | st.integers(1, 8), apart=st.booleans())
def test_the_rule_and_what_becomes_of_it_without_its_parts(row, window, apart):
    seen = may_see(torch.tensor([row]), apart, window)
    assert seen.shape == (1, 1, len(row), len(row)) and seen.dtype == torch.bool
    for query, key in torch.cartesian_prod(torch.arange(len(row)), torch.arange(len(row))).tolist():
        together = row[query] == row[key] or (not apart and row[query] >= 0 and row[key] >= 0)
        near = key <= query and (window is None or query - key < window)
        assert seen[0, 0, query, key] == (together and near)


@pytest.mark.parametrize("window", [0, -3])
def test_a_window_holds_at_least_the_token_itself(window):
    with pytest.raises(ValueError, match=f"the window is {window}"):
        may_see(torch.tensor([[0, 0]]), window=window)


def test_a_segment_sees_those_that_it_goes_on_from_and_not_its_siblings():
    """Segments 1 and 2 go on from 0, which goes on from 3, a beginning that lies to the left of the row."""
    parents = torch.tensor([3, 0, 0, 3])
    queries = Slots(torch.tensor([[0, 0, 1, 2, -1]]), torch.tensor([[2, 3, 4, 4, 0]]), parents)
    keys = Slots(torch.tensor([[3, 3, 0, 0, 1, 2, -1]]), torch.tensor([[0, 1, 2, 3, 4, 4, 0]]))
    assert visible(queries, keys)[0, 0].int().tolist() == [
        [1, 1, 1, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 1],
    ]
    assert visible(queries, keys, sliding_window(3))[0, 0].int().tolist()[2] == [0, 0, 1, 1, 1, 0, 0]
