"""Packed passes without the mask or the restart: what breaks, and what does not."""

import pytest
import torch

import prepack_lab as lab
from prepack_lab.course.ablation import ablate, attention_weights
from prepack_lab.masks import may_see
from tests.conftest import random_prompts

ROUNDING = 1e-4
LENGTHS = [9, 2, 7, 4, 4, 5]


def worst(errors):
    return max(errors)


def test_with_mask_and_restart_everything_is_exact(tiny_model):
    found = ablate(tiny_model, random_prompts(LENGTHS))
    assert len(found.logits) == len(found.decoding) == len(LENGTHS)
    assert worst(found.logits) < ROUNDING and worst(found.decoding) < ROUNDING


@pytest.mark.parametrize("restart", [True, False])
def test_without_the_mask_prompts_read_each_other(tiny_model, restart):
    found = ablate(tiny_model, random_prompts(LENGTHS), mask=False, restart=restart)
    assert worst(found.logits) > 100 * ROUNDING and worst(found.decoding) > 100 * ROUNDING
    first_of_rows = [members[0] for members in lab.pack(LENGTHS, 18).bins]
    assert all(found.logits[prompt] < ROUNDING for prompt in first_of_rows), "the first of a row has nothing to read"


def test_without_the_restart_rotary_logits_hold_and_all_else_breaks():
    prompts = random_prompts(LENGTHS)
    rotary = ablate(lab.load_model("tiny-llama", device="cpu")[0], prompts, restart=False)
    learned = ablate(lab.load_model("tiny-gpt2", device="cpu")[0], prompts, restart=False)
    assert worst(rotary.logits) < ROUNDING
    assert min(worst(rotary.decoding), worst(learned.logits), worst(learned.decoding)) > 100 * ROUNDING


def test_attention_weights_are_those_of_the_rule(tiny_model):
    batch = lab.PackedBatch.from_prompts(random_prompts(LENGTHS), lab.pack(LENGTHS, 18))
    before = tiny_model.config._attn_implementation
    R, W = batch.input_ids.shape
    for mask in (True, False):
        weights = attention_weights(tiny_model, batch, mask)
        assert weights.shape == (2, R, 4, W, W)
        assert torch.allclose(weights.sum(-1), torch.ones(()))
        seen = may_see(batch.segment_ids, apart=mask)
        assert weights.masked_select(~seen).max() == 0
        assert weights.masked_select(seen).min() > 0
    assert tiny_model.config._attn_implementation == before


def test_the_model_is_put_back_when_it_fails(tiny_model, monkeypatch):
    before = tiny_model.config._attn_implementation
    batch = lab.PackedBatch.from_prompts([[1, 2]], lab.pack([2]))
    monkeypatch.setattr(type(tiny_model), "forward", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        attention_weights(tiny_model, batch)
    assert tiny_model.config._attn_implementation == before


def test_bad_prompts_are_named(tiny_model):
    with pytest.raises(lab.InvalidPromptsError, match="prompt 1 is empty"):
        ablate(tiny_model, [[1], []])
    with pytest.raises(lab.InvalidPromptsError, match=r"without the restart a row of .* needs as many positions"):
        long = 3 * tiny_model.config.max_position_embeddings // 5
        ablate(tiny_model, [[1] * long, [2] * long], restart=False)
