"""Packed against alone: logits, caches and tokens, and the mistakes that these tests have to catch."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab import attention, decoding, forward, prefilling
from prepack_lab.methods import METHODS
from prepack_lab.packing import STRATEGIES
from tests.conftest import random_prompts

lengths_lists = st.lists(st.integers(1, 24), min_size=1, max_size=10)
TOLERANCE = 2e-5


def assert_prefill_equals_alone(model, prompts, **how):
    found = lab.prefill(model, prompts, **how)
    alone = lab.prefill(model, prompts, method="one_by_one")
    torch.testing.assert_close(found.next_token_logits, alone.next_token_logits, atol=TOLERANCE, rtol=0)
    assert torch.equal(found.attention_mask, alone.attention_mask)
    seen = found.attention_mask.bool()
    for ours, theirs in zip(found.cache.layers, alone.cache.layers, strict=True):
        for name in ("keys", "values"):
            ours_seen = getattr(ours, name).transpose(1, 2)[seen]
            theirs_seen = getattr(theirs, name).transpose(1, 2)[seen]
            torch.testing.assert_close(ours_seen, theirs_seen, atol=TOLERANCE, rtol=0)
    return found


@settings(max_examples=40)
@given(
    lengths=lengths_lists,
    method=st.sampled_from(["full_batching", "length_ordered", "prepacked", "padding_free"]),
    implementation=st.sampled_from(["sdpa", "eager"]),
)
def test_every_method_equals_alone(tiny_model, lengths, method, implementation):
    tiny_model.set_attn_implementation(implementation)
    assert_prefill_equals_alone(tiny_model, random_prompts(lengths), method=method)
    assert tiny_model.config._attn_implementation == implementation


@settings(max_examples=15)
@given(lengths=lengths_lists, slack=st.integers(0, 30), strategy=st.sampled_from(STRATEGIES))
def test_capacity_and_strategy_change_the_rows_only(tiny_model, lengths, slack, strategy):
    capacity = max(lengths) + slack
    found = assert_prefill_equals_alone(tiny_model, random_prompts(lengths), capacity=capacity, strategy=strategy)
    packing = lab.pack(lengths, capacity, strategy)
    assert (found.rows, found.slots) == (packing.num_bins, packing.slots)


@settings(max_examples=15)
@given(lengths=lengths_lists, budget=st.integers(1, 60))
def test_a_token_budget_splits_the_row_and_nothing_else(tiny_model, lengths, budget):
    prompts = random_prompts(lengths)
    found = assert_prefill_equals_alone(tiny_model, prompts, method="padding_free", token_budget=budget)
    assert found.slots == sum(lengths)
    assert found.rows >= sum(lengths) / max(budget, *lengths, 1)


@settings(max_examples=15)
@given(lengths=lengths_lists, batch_size=st.integers(1, 12))
def test_ordered_batches_come_back_in_the_order_given(tiny_model, lengths, batch_size):
    found = assert_prefill_equals_alone(
        tiny_model, random_prompts(lengths), method="length_ordered", batch_size=batch_size
    )
    assert found.rows == len(lengths)


@settings(max_examples=15)
@given(lengths=lengths_lists, method=st.sampled_from([*METHODS]))
def test_generation_equals_alone(tiny_model, lengths, method):
    prompts = random_prompts(lengths)
    alone = [
        tiny_model.generate(torch.tensor([prompt]), max_new_tokens=6, do_sample=False)[0, len(prompt) :].tolist()
        for prompt in prompts
    ]
    assert lab.generate(tiny_model, prompts, method=method, max_new_tokens=6) == alone


@pytest.mark.parametrize("lengths", [[1], [1, 1, 1], [7, 7, 7], [20], [1, 30], list(range(1, 40))])
def test_the_odd_shapes(tiny_model, lengths):
    prompts = random_prompts(lengths)
    assert_prefill_equals_alone(tiny_model, prompts)
    assert_prefill_equals_alone(tiny_model, prompts, method="padding_free")
    alone = lab.generate(tiny_model, prompts, "one_by_one", max_new_tokens=3)
    assert lab.generate(tiny_model, prompts, max_new_tokens=3) == alone
    assert lab.generate(tiny_model, prompts, "padding_free", max_new_tokens=3) == alone


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("method", ["prepacked", "padding_free"])
def test_half_precision_agrees_as_far_as_it_can(dtype, method):
    model = lab.load_model("tiny-llama", dtype=dtype, device="cpu")[0]
    prompts = random_prompts([3, 17, 1, 9, 9])
    found, alone = (lab.prefill(model, prompts, how).next_token_logits for how in (method, "one_by_one"))
    assert found.dtype == dtype
    torch.testing.assert_close(found, alone, atol=2 * torch.finfo(dtype).eps ** 0.5 * alone.std().item(), rtol=0)


def test_an_end_token_ends_one_prompt_and_not_the_others(tiny_model):
    prompts = random_prompts([5, 11, 2])
    free = lab.generate(tiny_model, prompts, max_new_tokens=8)
    end = free[1][3]
    ended = lab.generate(tiny_model, prompts, max_new_tokens=8, eos_token_id=end)
    expected = [ids[: ids.index(end) + 1] if end in ids else ids for ids in free]
    assert ended == expected
    assert len(ended[1]) <= 4


def test_sampling_is_passed_through(tiny_model):
    prompts = random_prompts([5, 11, 2])
    torch.manual_seed(0)
    drawn = lab.generate(tiny_model, prompts, max_new_tokens=12, do_sample=True, temperature=50.0)
    assert drawn != lab.generate(tiny_model, prompts, max_new_tokens=12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        ([], "no prompts"),
        ([[1], []], "prompt 1 is empty"),
        ([[1], [999]], "prompt 1 holds id 999"),
        (["text"], "prompt 0 is text"),
        ([[1], [1] * 5000], "prompt 1 has 5,000 tokens"),
    ],
)
def test_bad_prompts_are_refused_by_every_method(tiny_model, method, prompts, words):
    for run in (lab.prefill, lab.generate):
        with pytest.raises(lab.InvalidPromptsError, match=words):
            run(tiny_model, prompts, method=method)


def test_bad_arguments_are_refused(tiny_model):
    for run in (lab.prefill, lab.generate):
        with pytest.raises(ValueError, match="no method 'nope'; there are: one_by_one"):
            run(tiny_model, [[1]], method="nope")
        with pytest.raises(ValueError, match="prompt 1 has 3 tokens and a bin holds 2"):
            run(tiny_model, [[1], [1, 2, 3]], capacity=2)
        with pytest.raises(ValueError, match="'full_batching' has no option 'capacity': its options are batch_size"):
            run(tiny_model, [[1]], method="full_batching", capacity=5)
        with pytest.raises(ValueError, match="token_budget is 0"):
            run(tiny_model, [[1]], method="padding_free", token_budget=0)
    with pytest.raises(ValueError, match="no method 'nope'"):
        forward.run_method(tiny_model, [[1]], "nope")
    with pytest.raises(ValueError, match="max_new_tokens is 0"):
        lab.generate(tiny_model, [[1]], max_new_tokens=0)
    with pytest.raises(ValueError, match="generate does not take num_beams"):
        lab.generate(tiny_model, [[1]], num_beams=4)
    with pytest.raises(lab.InvalidPromptsError, match="prompt 0 has 1,020 tokens and may get 2,000 more"):
        lab.generate(tiny_model, [[1] * 1020], max_new_tokens=2000)


def test_prompt_and_tokens_may_fill_the_positions_and_no_more(tiny_model):
    positions = tiny_model.config.max_position_embeddings
    (prompt,) = random_prompts([positions - 3])
    assert len(lab.generate(tiny_model, [prompt], max_new_tokens=4, eos_token_id=-1)[0]) == 4
    with pytest.raises(lab.InvalidPromptsError, match="ask for at most 4 tokens"):
        lab.generate(tiny_model, [prompt], max_new_tokens=5)


def test_rows_of_a_dataset_can_be_decoded_as_rows(tiny_model):
    prompts = random_prompts([9, 4, 12, 3, 1, 7])
    alone = lab.generate(tiny_model, prompts, "one_by_one", 4)
    assert lab.generate(tiny_model, prompts, "dataset_prepacked", 4, "packed", batch_size=2) == alone


def test_segments_are_those_of_a_single_row(tiny_model):
    batch = lab.PackedBatch.from_prompts([[1, 2], [3, 4]], lab.pack([2, 2]))
    with pytest.raises(ValueError, match="there are 2 rows; lay the prompts out in one"):
        forward.forward_packed(tiny_model, batch, segmented=True)


# Mistakes. Each is made on purpose after the model was asked, and the first pass that goes beyond what is known by then
# has to notice: nothing of it is returned.


def one_prompt_for_all(queries, keys, rule=None):
    """Blind to the prompts: they leak into each other."""
    return keys.position_ids[:, None, None] <= queries.position_ids[:, None, :, None]


def boundary_one_too_far(batch):
    """The first boundary is off by one: the second prompt loses its first token to the one before it."""
    (start, end), (_, after), *others = exact_spans.fget(batch)
    return [(start, end + 1), (end + 1, after), *others]


exact_spans = lab.PackedBatch.spans
MIXED = random_prompts([9, 4, 12, 3, 1])
NOTICED = pytest.raises(
    lab.UnsupportedModelError, match=r"prompt \d \(\d+ tokens\) gets other logits than alone, off by"
)


def fresh(name="tiny-llama"):
    """A model that has been asked about a few tokens."""
    model = lab.load_model(name, device="cpu")[0]
    assert lab.check_model(model).known_up_to["prepacked"] == (9, 9)
    return model


def test_a_broken_mask_is_noticed(monkeypatch):
    model = fresh()
    monkeypatch.setattr(attention, "visible", one_prompt_for_all)
    with NOTICED:
        lab.prefill(model, MIXED)


def test_a_broken_boundary_is_noticed(monkeypatch):
    model = fresh()
    monkeypatch.setattr(lab.PackedBatch, "spans", property(boundary_one_too_far))
    with NOTICED:
        lab.prefill(model, MIXED, "padding_free", verify=True)


@pytest.mark.parametrize("method", ["prepacked", "padding_free"])
@pytest.mark.parametrize("name", ["tiny-llama", "tiny-gpt2"])
def test_a_missing_restart_is_noticed(name, method, monkeypatch):
    model = fresh(name)
    run_on = lambda model, batch: torch.arange(batch.shape[1]).expand(batch.shape)  # noqa: E731
    monkeypatch.setattr(forward, "batch_positions", run_on)
    with NOTICED:
        lab.prefill(model, MIXED, method)


def test_a_wrong_unpack_is_noticed(monkeypatch):
    model = fresh()
    join, shift = decoding.join_caches, torch.tensor([0, 1])

    def off_by_one(passes, config):
        shifted = (
            replace(one.batch, last_token=one.batch.last_token - shift, first_token=one.batch.first_token - shift)
            for one in passes
        )
        return join([replace(one, batch=batch) for one, batch in zip(passes, shifted, strict=True)], config)

    monkeypatch.setattr(decoding, "join_caches", off_by_one)
    with NOTICED:
        lab.prefill(model, MIXED)
    monkeypatch.undo()
    monkeypatch.setattr(prefilling, "join_caches", off_by_one)
    with pytest.raises(AssertionError):
        assert_prefill_equals_alone(model, MIXED)


def test_verify_asks_every_prompt_however_well_the_lengths_are_known(monkeypatch):
    model = fresh()
    lab.prefill(model, MIXED)  # known now
    monkeypatch.setattr(attention, "visible", one_prompt_for_all)
    lab.prefill(model, MIXED)
    for run in (lab.prefill, lambda *args, **how: next(lab.prefill_dataset(*args, progress=False, **how))):
        with NOTICED:
            run(model, MIXED, verify=True)
