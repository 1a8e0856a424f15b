"""What a prefill costs, told ahead: operations by hand, memory against what is measured, a fit that finds its rates."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab.course.serving import poisson_arrivals, serve
from prepack_lab.measuring.calibration import _fit, recorded_calibration
from prepack_lab.measuring.cost import cost_of_passes, estimate_cost, memory_parts
from prepack_lab.measuring.inspection import inspect_lengths
from prepack_lab.measuring.largest_batch import largest_batch, memory_by_batch
from prepack_lab.measuring.model_sizes import ModelSizes
from prepack_lab.measuring.timing import peak_memory
from prepack_lab.methods import DATASET_METHODS, METHODS, Plan
from prepack_lab.models.loading import load_sizes
from prepack_lab.passes import run_method

LLAMA = lab.load_config("tiny-llama")
lengths_lists = st.lists(st.integers(1, 60), min_size=1, max_size=20)


@given(lengths=lengths_lists, size=st.integers(1, 6), budget=st.integers(1, 100))
def test_every_plan_runs_every_prompt_once(lengths, size, budget):
    for methods in (METHODS, DATASET_METHODS):
        for passes in methods.values():
            planned = [*passes(lengths, Plan(batch_size=size, token_budget=budget))]
            assert sorted(prompt for one in planned for prompt in one.prompts) == [*range(len(lengths))]
            for one in planned:
                assert one.rows.lengths == tuple(lengths[prompt] for prompt in one.prompts)


def test_sizes_are_read_off_the_configuration():
    sizes = ModelSizes.of(LLAMA)
    assert sizes.flops_per_token == 2 * 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 172)
    assert sizes.flops_per_pair == 2 * 4 * 64 and sizes.flops_per_prompt == 2 * 64 * 258
    assert (sizes.layers, sizes.hidden, sizes.intermediate, sizes.vocabulary) == (2, 64, 172, 258)
    assert sizes.cache_per_token == 2 * 64
    assert sizes.parameters == lab.load_model("tiny-llama", device="cpu")[0].num_parameters()


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


@pytest.mark.parametrize("method", METHODS)
def test_the_memory_is_about_what_is_measured(method):
    model = lab.load_model("tiny-llama", device="cpu")[0]
    lengths = lab.load_profile("mmlu").sample(24, seed=0)
    prompts = lab.random_prompts(lengths, 256)
    run_method(model, prompts, method)
    measured = peak_memory(lambda: run_method(model, prompts, method), "cpu")
    cost = estimate_cost(model.config, lengths, method, model.dtype)
    assert 0.5 < (cost.cache_bytes + cost.working_bytes) / measured < 2


def test_experts_and_unknown_methods_are_refused():
    from transformers import DbrxConfig, MixtralConfig

    for config in (MixtralConfig(), DbrxConfig()):
        with pytest.raises(ValueError, match="chooses experts for each token"):
            estimate_cost(config, [3])
    with pytest.raises(ValueError, match="no method 'nope'; there are: one_by_one"):
        estimate_cost(LLAMA, [3], "nope")
    with pytest.raises(ValueError, match="'prepacked' takes no batch_size"):
        estimate_cost(LLAMA, [3], "prepacked", batch_size=2)


def test_a_fit_finds_the_rates_that_made_the_seconds():
    truth = lab.Calibration(0.01, 2e-12, 5e-12, "a machine")
    lengths = [[1], [64], [256], [16] * 8, [200] * 3]
    costs = [estimate_cost(LLAMA, some, method) for some in lengths for method in ("one_by_one", "full_batching")]
    found = _fit(costs, [truth.seconds(cost) for cost in costs], "a machine")
    assert found.seconds_per_pass == pytest.approx(truth.seconds_per_pass)
    assert found.seconds_per_linear_flop == pytest.approx(truth.seconds_per_linear_flop)
    assert found.seconds_per_attention_flop == pytest.approx(truth.seconds_per_attention_flop)


def test_a_machine_is_calibrated():
    model = lab.load_model("tiny-llama", device="cpu")[0]
    found = lab.calibrate(model, repeats=1)
    assert found.device and found.seconds(estimate_cost(LLAMA, [100] * 8, "full_batching")) > 0


def test_the_recorded_calibration_says_where_it_comes_from():
    recorded = recorded_calibration()
    assert "prepack-lab bench calibrate --model smollm2-135m" in recorded.taken and recorded.device
    assert min(recorded.seconds_per_pass, recorded.seconds_per_linear_flop) > 0


@given(limit=st.integers(1, 400))
def test_the_largest_batch_fits_and_the_next_does_not(limit):
    lengths, limit = [50] * 40, limit * 100_000
    count = largest_batch(LLAMA, lengths, "full_batching", limit)
    used = memory_by_batch(LLAMA, lengths, "full_batching", range(1, 41))
    assert count == sum(bytes_needed <= limit for bytes_needed in used.values())


def test_an_inspection_says_what_to_do():
    mixed = inspect_lengths([500, *[20] * 15] * 2, LLAMA)
    assert mixed.waste == pytest.approx(1 - (800 * 2) / (500 * 32))
    assert mixed.gain("full_batching") == 1 and mixed.gain("padding_free") > 5
    assert mixed.best == "padding_free" and "padding_free is predicted to be" in mixed.advice
    assert len(mixed.table().rows) == len(DATASET_METHODS)
    equal = inspect_lengths([50] * 32, LLAMA, calibration=lab.Calibration(0.0, 1e-12, 0.0, "a machine"))
    assert "Nothing to win here" in equal.advice
    with pytest.raises(ValueError, match="no prompts to inspect"):
        inspect_lengths([], LLAMA)


def test_an_idle_server_answers_after_the_prefill():
    arrived = np.array([0.0, 10.0, 20.0])
    served = serve([5, 5, 5], arrived, "full_batching", lambda one: 2.0)
    assert served.waits.tolist() == [2.0, 2.0, 2.0]
    assert served.utilization == pytest.approx(6 / 22)


def test_a_busy_server_takes_all_that_wait_and_the_oldest_first():
    arrived = np.array([0.0, 0.5, 0.6, 0.7])
    served = serve([1, 2, 3, 4], arrived, "full_batching", lambda one: 1.0, most=2)
    assert served.first_token.tolist() == [1.0, 2.0, 2.0, 3.0]
    alone = serve([1, 2, 3, 4], arrived, "one_by_one", lambda one: 1.0, most=4)
    assert alone.first_token.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_arrivals_are_as_frequent_as_asked_for():
    arrived = poisson_arrivals(20_000, per_second=4.0)
    assert np.diff(arrived).mean() == pytest.approx(0.25, rel=0.05) and (np.diff(arrived) > 0).all()
    with pytest.raises(ValueError, match="a rate above 0"):
        poisson_arrivals(3, 0)
    with pytest.raises(ValueError, match="one arrival a prompt"):
        serve([1], np.array([0.0, 1.0]), "prepacked", lambda one: 1.0)


def test_passes_cost_as_much_one_by_one_as_together():
    passes = [*METHODS["padding_free"]([5, 6, 7], Plan(token_budget=11))]
    together = cost_of_passes(LLAMA, passes, "padding_free", torch.float32)
    singly = [cost_of_passes(LLAMA, [one], "padding_free", torch.float32) for one in passes]
    assert together.flops == pytest.approx(sum(cost.flops for cost in singly))
    assert together.passes == len(singly) == 2


def test_a_batch_without_padding_needs_no_mask():
    """transformers leaves the mask out where nothing is padded: half of the pairs are saved."""
    equal, unequal = (lab.estimate_cost(LLAMA, lengths, "full_batching") for lengths in ([8, 8], [8, 7]))
    assert equal.attention_flops < unequal.attention_flops
    of_the_mask = [memory_parts(LLAMA, lengths, "full_batching")["mask"] for lengths in ([8, 8], [8, 7])]
    assert of_the_mask[0] == 0 < of_the_mask[1]
    assert equal.attention_flops == lab.estimate_cost(LLAMA, [8, 8], "one_by_one").attention_flops


def test_sizes_are_read_once_for_each_model():
    assert load_sizes("tiny-llama") is load_sizes("tiny-llama")
    assert load_sizes("tiny-llama") == ModelSizes.of(lab.load_config("tiny-llama"))
    with pytest.raises(lab.ModelUnavailableError, match="no configuration of 'nobody'"):
        load_sizes("nobody")


def test_the_parts_of_memory_add_up_to_what_a_prefill_takes():
    from prepack_lab.measuring.cost import memory_parts

    config, lengths = lab.load_config("tiny-llama"), [30, 5, 9, 12]
    for method in ("full_batching", "prepacked", "padding_free", "one_by_one"):
        parts = memory_parts(config, lengths, method)
        assert sum(parts.values()) == pytest.approx(lab.estimate_cost(config, lengths, method).memory_bytes)
    assert memory_parts(config, lengths, "padding_free")["mask"] == 0
    everywhere = memory_parts(config, lengths, "full_batching", logits_everywhere=True)["logits"]
    assert everywhere == 30 * memory_parts(config, lengths, "full_batching")["logits"]
