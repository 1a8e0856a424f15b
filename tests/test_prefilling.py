"""Whole datasets: every prompt once, exact, a batch at a time."""

import gc
import weakref

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab.methods import DATASET_METHODS
from tests.conftest import random_prompts

LENGTHS = [3, 30, 1, 12, 12, 7, 25, 2, 19, 4, 4, 28, 9]
QUIET = {"progress": False}


def next_logits(batch):
    return batch.next_token_logits


@settings(max_examples=30)
@given(
    lengths=st.lists(st.integers(1, 24), min_size=1, max_size=20),
    method=st.sampled_from([*DATASET_METHODS]),
    size=st.integers(1, 7),
)
def test_every_method_equals_alone(tiny_model, lengths, method, size):
    prompts = random_prompts(lengths)
    alone = torch.cat([*map(next_logits, lab.prefill_dataset(tiny_model, prompts, method="one_by_one", **QUIET))])
    batches = [*lab.prefill_dataset(tiny_model, prompts, size, method, **QUIET)]
    assert sorted(prompt for batch in batches for prompt in batch.prompts) == [*range(len(prompts))]
    found = torch.stack([*lab.in_order(batches, next_logits)])
    torch.testing.assert_close(found, alone, atol=2e-5, rtol=0)


@pytest.mark.parametrize("method", DATASET_METHODS)
def test_a_batch_is_ready_to_go_on_from(tiny_model, method):
    """Each result's cache is the one that `prefill` gives for the same prompts."""
    prompts = random_prompts(LENGTHS)
    for batch in lab.prefill_dataset(tiny_model, prompts, method=method, **QUIET):
        assert [*batch.prompts] == sorted(batch.prompts)
        alone = lab.prefill(tiny_model, [prompts[index] for index in batch.prompts], "one_by_one")
        seen = alone.attention_mask.bool()
        assert torch.equal(batch.attention_mask, alone.attention_mask)
        for ours, theirs in zip(batch.cache.layers, alone.cache.layers, strict=True):
            ours, theirs = (layer.keys.transpose(1, 2)[seen] for layer in (ours, theirs))
            torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=0)


def test_batches_are_as_large_as_asked_for(tiny_model):
    prompts = random_prompts(LENGTHS)
    rows = {
        method: [batch.rows for batch in lab.prefill_dataset(tiny_model, prompts, 4, method, **QUIET)]
        for method in ("full_batching", "length_ordered", "dataset_prepacked")
    }
    assert rows["full_batching"] == rows["length_ordered"] == [4, 4, 4, 1]
    assert rows["dataset_prepacked"] == [4, 2] and lab.pack(LENGTHS).num_bins == 6
    budgeted = [*lab.prefill_dataset(tiny_model, prompts, method="padding_free", token_budget=40, **QUIET)]
    assert len(budgeted) > 1 and all(batch.slots <= 40 for batch in budgeted)


def test_the_order_given_is_kept_where_it_can_be(tiny_model):
    prompts = random_prompts(LENGTHS)
    for method in ("one_by_one", "full_batching", "prepacked", "padding_free"):
        batches = lab.prefill_dataset(tiny_model, prompts, 4, method, **QUIET)
        assert [prompt for batch in batches for prompt in batch.prompts] == [*range(len(prompts))]


def test_in_order_gives_a_prompt_as_soon_as_its_turn_comes(tiny_model):
    taken = []

    def watched():
        for batch in lab.prefill_dataset(tiny_model, random_prompts([9, 1, 8, 2]), 2, "length_ordered", **QUIET):
            taken.append(batch.prompts)
            yield batch

    values = lab.in_order(watched(), lambda batch: [*batch.prompts])
    assert next(values) == 0 and taken == [(1, 3), (0, 2)]
    assert [*values] == [1, 2, 3]


def test_a_batch_that_is_missing_is_missed(tiny_model):
    results = [*lab.prefill_dataset(tiny_model, random_prompts([9, 1, 8, 2]), 1, "full_batching", **QUIET)]
    with pytest.raises(ValueError, match="prompt 0 is in none of the results, and prompt 1 is; pass all of them"):
        [*lab.in_order(results[1:], lambda batch: [*batch.prompts])]


@pytest.mark.long
def test_memory_does_not_grow_with_the_dataset(tiny_model):
    alive = weakref.WeakSet()
    most = 0
    for batch in lab.prefill_dataset(tiny_model, random_prompts([5] * 40), 4, "prepacked", **QUIET):
        alive.add(batch)
        gc.collect()
        most = max(most, len(alive))
    assert most <= 2  # this batch, and the one before it, which the loop variable held until now


def test_an_interruption_keeps_what_was_yielded(tiny_model, monkeypatch):
    from prepack_lab import gate

    prompts, forward = random_prompts([5] * 12), gate.run_pass
    calls = []

    def interrupted(*args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return forward(*args)

    lab.check_model(tiny_model)
    monkeypatch.setattr(gate, "run_pass", interrupted)
    kept = []
    with pytest.raises(KeyboardInterrupt):
        for batch in lab.prefill_dataset(tiny_model, prompts, 4, "full_batching", **QUIET):
            kept.append(batch)
    assert [batch.prompts for batch in kept] == [(0, 1, 2, 3), (4, 5, 6, 7)]


def test_an_interrupted_packed_pass_leaves_the_model_as_it_was(tiny_model, monkeypatch):
    from prepack_lab import attention

    lab.check_model(tiny_model)
    before = tiny_model.config._attn_implementation
    with monkeypatch.context() as patch:
        patch.setattr(attention, "_attend", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            lab.prefill(tiny_model, random_prompts([3, 4]))
    assert tiny_model.config._attn_implementation == before
    lab.prefill(tiny_model, random_prompts([3, 4]))


def test_without_caches(tiny_model):
    (batch,) = lab.prefill_dataset(tiny_model, random_prompts([3, 4]), cache=False, **QUIET)
    assert batch.cache is None and batch.next_token_logits.shape[0] == 2


def test_a_bar_counts_the_prompts(tiny_model, capsys):
    [*lab.prefill_dataset(tiny_model, random_prompts(LENGTHS), 4)]
    assert "13/13" in capsys.readouterr().err


def test_bad_input_is_refused_before_anything_is_run(tiny_model):
    with pytest.raises(lab.InvalidPromptsError, match="prompt 1 is empty"):
        lab.prefill_dataset(tiny_model, [[1], []])
    with pytest.raises(ValueError, match=r"no method 'sorted'; there are: one_by_one, .*dataset_prepacked"):
        lab.prefill_dataset(tiny_model, [[1]], method="sorted")
    with pytest.raises(ValueError, match="batch_size is 0"):
        lab.prefill_dataset(tiny_model, [[1]], 0)
    with pytest.raises(ValueError, match="'padding_free' has no option 'capacity': its options are token_budget"):
        lab.prefill_dataset(tiny_model, [[1]], method="padding_free", capacity=4)
    for method in ("prepacked", "dataset_prepacked"):
        with pytest.raises(ValueError, match="prompt 5 has 7 tokens and a bin holds 4"):
            lab.prefill_dataset(tiny_model, [*[[1]] * 5, [1] * 7], 2, method, capacity=4)
        with pytest.raises(ValueError, match="no strategy 'nope'; there are: next_fit"):
            lab.prefill_dataset(tiny_model, [[1]], method=method, strategy="nope")
    for size in (2.5, "8", True, None):
        with pytest.raises(ValueError, match=f"batch_size is {size!r}; it is a positive integer"):
            lab.prefill_dataset(tiny_model, [[1]], size, "length_ordered")
    with pytest.raises(lab.UnsupportedModelError, match="eval"):
        lab.prefill_dataset(tiny_model.train(), [[1]])
    tiny_model.eval()
