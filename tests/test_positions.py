"""The positions that models want: each token's place, or counted from the padding id as RoBERTa does."""

import pytest
import torch
from transformers import RobertaConfig

import prepack_lab as lab
from prepack_lab.models.zoo import small_model
from prepack_lab.positions import batch_positions, counts_from_padding, next_positions

PROMPTS = [[7, 9, 1, 4], [1, 1], [5], [3, 1, 8, 9, 1]]


@pytest.fixture(scope="module")
def roberta():
    model = small_model(RobertaConfig)
    model.roberta.embeddings.position_embeddings.padding_idx = model.roberta.embeddings.padding_idx = 1
    return model


def layout(**options):
    lengths = [len(prompt) for prompt in PROMPTS]
    return lab.PackedBatch.lay_out(PROMPTS, lab.pack(lengths, 7), **options)


@pytest.mark.parametrize("right_aligned", [False, True])
def test_padding_tokens_are_no_places(roberta, right_aligned):
    batch = layout(right_aligned=right_aligned)
    found = batch_positions(roberta, batch)
    for prompt, ids in enumerate(PROMPTS):
        right = torch.tensor([ids]) != 1
        right = (right.cumsum(1) * right + 1)[0]  # by the library's definition
        assert torch.equal(found[batch.segment_ids == prompt], right), ids
    assert found[batch.segment_ids == 0].tolist() == [2, 3, 1, 4]


def test_others_count_from_nought(tiny_model):
    assert counts_from_padding(tiny_model) is None
    batch = layout()
    assert torch.equal(batch_positions(tiny_model, batch), batch.position_ids)


def test_new_tokens_follow(roberta, tiny_model):
    tokens, places = torch.tensor([7, 1]), torch.tensor([4, 2])
    assert next_positions(roberta, tokens, places).tolist() == [6, 1]
    assert next_positions(tiny_model, tokens, places).tolist() == [4, 2]


def test_prompts_with_padding_tokens_are_exact(roberta):
    lab.prefill(roberta, PROMPTS, verify=True)
    lab.prefill(roberta, PROMPTS, "full_batching", verify=True)
    lab.prefill(roberta, PROMPTS, "padding_free", verify=True)
