"""What a prefill or a decoding step costs, before it is run: operations and bytes, by hand."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab.measuring.cost import Cost, cost_of_passes, cost_of_step, estimate_cost, working_parts
from prepack_lab.measuring.memory import memory_parts
from prepack_lab.measuring.model_sizes import ModelSizes
from prepack_lab.methods import DATASET_METHODS, known_options, plan_passes
from prepack_lab.models.loading import load_config

LLAMA = load_config("tiny-llama")
SIZES = ModelSizes.of(LLAMA)
SMALL = ModelSizes(
    layers=2,
    hidden=3,
    intermediate=5,
    vocabulary=7,
    flops_per_token=11,
    flops_per_pair=13,
    flops_per_prompt=17,
    cache_per_token=19,
    parameters=23,
    dtype=torch.float32,
)
lengths_lists = st.lists(st.integers(1, 60), min_size=1, max_size=20)


@given(lengths=lengths_lists, size=st.integers(1, 6), budget=st.integers(1, 100))
def test_every_plan_runs_every_prompt_once(lengths, size, budget):
    for method in DATASET_METHODS:
        for options in ({}, known_options(method, batch_size=size, token_budget=budget)):
            planned = [*plan_passes(method, lengths, **options)]
            assert sorted(prompt for one in planned for prompt in one.prompts) == [*range(len(lengths))]
            for one in planned:
                assert one.rows.lengths == tuple(lengths[prompt] for prompt in one.prompts)


def test_operations_by_hand():
    """Prompts of 3 and 5 tokens: padded 2 × 5 slots, packed one row of 8, or 3 and 5 by themselves."""
    sizes = ModelSizes.of(LLAMA)
    for method, slots, pairs in [
        ("full_batching", 10, 2 * 25),
        ("one_by_one", 8, 6 + 15),
        ("padding_free", 8, 6 + 15),
    ]:
        cost = estimate_cost(LLAMA, [3, 5], method)
        assert cost.slots == slots and cost.tokens == 8
        assert cost.linear_flops == sizes.flops_per_token * slots
        assert cost.attention_flops == 4 * 64 * 2 * pairs
        assert cost.head_flops == 2 * 64 * sizes.vocabulary * 2
    packed = estimate_cost(LLAMA, [3, 5], "prepacked", capacity=8)
    assert (packed.rows, packed.slots, packed.attention_flops) == (1, 8, 4 * 64 * 2 * 64)


def test_unknown_methods_are_refused():
    with pytest.raises(ValueError, match="no method 'nope'; there are: one_by_one"):
        estimate_cost(LLAMA, [3], "nope")
    with pytest.raises(ValueError, match="'prepacked' has no option 'token_budget'"):
        estimate_cost(LLAMA, [3], "prepacked", token_budget=2)


def test_passes_cost_as_much_one_by_one_as_together():
    passes = [*plan_passes("padding_free", [5, 6, 7], token_budget=11)]
    together = cost_of_passes(LLAMA, passes, "padding_free", torch.float32)
    singly = [cost_of_passes(LLAMA, [planned], "padding_free", torch.float32) for planned in passes]
    assert together.flops == pytest.approx(sum(cost.flops for cost in singly))
    assert together.passes == len(singly) == 2


def test_a_batch_without_padding_needs_no_mask():
    """transformers leaves the mask out where nothing is padded: half of the pairs are saved."""
    equal, unequal = (lab.estimate_cost(LLAMA, lengths, "full_batching") for lengths in ([8, 8], [8, 7]))
    assert equal.attention_flops < unequal.attention_flops
    of_the_mask = [memory_parts(LLAMA, lengths, "full_batching")["mask"] for lengths in ([8, 8], [8, 7])]
    assert of_the_mask[0] == 0 < of_the_mask[1]
    assert equal.attention_flops == lab.estimate_cost(LLAMA, [8, 8], "one_by_one").attention_flops


def test_by_hand():
    step = cost_of_step(LLAMA, prompts=3, cache_slots=3 * 40, dtype=torch.float32)
    assert step.linear_flops == SIZES.flops_per_token * 3
    assert step.attention_flops == 4 * 64 * 2 * 120  # H · D is 64, and there are 2 layers
    assert step.head_flops == 2 * 64 * SIZES.vocabulary * 3
    assert step.cache_bytes == 120 * 2 * (2 * 2 * 16) * 4  # keys and values of 2 heads of 16, in 2 layers
    assert step.moved_bytes > step.weight_bytes + step.cache_bytes


def test_a_longer_cache_costs_attention_and_traffic_and_nothing_else():
    short, long = (cost_of_step(LLAMA, 4, slots) for slots in (100, 300))
    assert long.attention_flops == 3 * short.attention_flops
    assert long.moved_bytes - short.moved_bytes == pytest.approx(long.cache_bytes - short.cache_bytes)
    assert long.linear_flops == short.linear_flops and long.head_flops == short.head_flops


def test_a_step_computes_less_for_each_byte_than_the_prefill_before_it():
    prefill = lab.estimate_cost(LLAMA, [50] * 8, "full_batching")
    step = cost_of_step(LLAMA, 8, 8 * 50)
    assert step.intensity < prefill.intensity / 3


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (
            "full_batching",  # 2 rows of 5 slots, and a mask
            Cost("", 1, 2, 10, 8, 110, 13 * 50, 34, 92, 760, 4 * (270 + 50 + 14), 92 + 4 * 2 * 54 * 10 + 2 * 760),
        ),
        (
            "one_by_one",  # 3 slots and 5, which compare 6 pairs and 15
            Cost("", 2, 2, 8, 8, 88, 13 * 21, 34, 92, 608, 4 * (135 + 7), 2 * 92 + 4 * 2 * 54 * 8 + 2 * 608),
        ),
    ],
)
def test_bytes_by_hand(method, expected):
    """A layer touches 8 · 3 + 6 · 5 = 54 numbers for a slot, and 4 · 3 + 3 · 5 = 27 of them at once; 4 bytes each."""
    assert estimate_cost(SMALL, [3, 5], method) == replace(expected, method=method)


def test_sums_of_a_cost():
    cost = Cost("", 1, 1, 1, 1, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 14.0)
    assert (cost.flops, cost.pass_bytes, cost.memory_bytes, cost.intensity) == (7, 48, 56, 0.5)


def test_a_step_by_hand():
    step = cost_of_step(SMALL, prompts=3, cache_slots=10)
    assert (step.method, step.slots, step.linear_flops, step.attention_flops, step.head_flops) == (
        "decode",
        3,
        33,
        130,
        51,
    )
    assert step.cache_bytes == 760 and step.moved_bytes == 92 + 4 * 2 * 54 * 3 + 2 * 4 * 19 * 3 + 760


def test_logits_at_every_slot():
    (planned,) = plan_passes("full_batching", [3, 5])
    assert working_parts(planned, SMALL) == {"activations": 270, "mask": 50, "logits": 14}
    assert working_parts(planned, SMALL, logits_everywhere=True)["logits"] == 70
