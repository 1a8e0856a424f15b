import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import prepack_lab as lab
from tests.conftest import random_prompts

lengths_lists = st.lists(st.integers(1, 30), min_size=1, max_size=30)


@given(
    lengths=lengths_lists, strategy=st.sampled_from(["first_fit_decreasing", "binpacking"]), pad_id=st.integers(0, 9)
)
def test_every_token_is_where_the_packing_says(lengths, strategy, pad_id):
    prompts = random_prompts(lengths)
    packing = lab.pack(lengths, strategy=strategy)
    batch = lab.PackedBatch.from_prompts(prompts, packing, pad_id=pad_id)
    assert batch.input_ids.shape == (packing.num_bins, packing.width)
    for row, members in enumerate(packing.bins):
        ids = [token for prompt in members for token in prompts[prompt]]
        segments = [prompt for prompt in members for _ in prompts[prompt]]
        positions = [place for prompt in members for place in range(lengths[prompt])]
        padding = packing.width - len(ids)
        assert batch.input_ids[row].tolist() == ids + [pad_id] * padding
        assert batch.segment_ids[row].tolist() == segments + [-1] * padding
        assert batch.position_ids[row].tolist() == positions + [0] * padding


@given(lengths=lengths_lists)
def test_first_and_last_token_lead_back_to_each_prompt(lengths):
    prompts = random_prompts(lengths)
    batch = lab.PackedBatch.from_prompts(prompts, lab.pack(lengths))
    assert batch.lengths.tolist() == lengths
    for prompt, (row, first), (same_row, last) in zip(prompts, batch.first_token, batch.last_token, strict=True):
        assert row == same_row
        assert batch.input_ids[row, first : last + 1].tolist() == prompt


def test_the_example_of_the_docstring():
    prompts = [[10, 11], [20, 21, 22, 23], [30, 31, 32]]
    packing = lab.Packing(((1,), (2, 0)), (2, 4, 3), 5, "by hand")
    batch = lab.PackedBatch.from_prompts(prompts, packing)
    assert batch.segment_ids.tolist() == [[1, 1, 1, 1, -1], [2, 2, 2, 0, 0]]
    assert batch.position_ids.tolist() == [[0, 1, 2, 3, 0], [0, 1, 2, 0, 1]]
    assert batch.cu_seqlens == [[0, 4], [0, 3, 5]]
    assert batch.last_token.tolist() == [[1, 4], [0, 3], [1, 2]]


def test_thousands_of_prompts_are_laid_out():
    lengths = lab.load_profile("mmlu").sample(5000)
    batch = lab.PackedBatch.from_prompts(random_prompts(lengths), lab.pack(lengths))
    assert (batch.segment_ids >= 0).sum() == sum(lengths)
    assert batch.input_ids.dtype == torch.int64


def test_a_packing_of_other_lengths_is_refused():
    with pytest.raises(lab.InvalidPromptsError, match=r"lengths \[3\]; these prompts have \[2\]"):
        lab.PackedBatch.from_prompts([[1, 2]], lab.pack([3]))
