"""The cost of a step of decoding, by hand, and next to that of a prefill."""

import pytest
import torch

import prepack_lab as lab
from prepack_lab.measuring.model_sizes import ModelSizes

CONFIG = lab.load_config("tiny-llama")
SIZES = ModelSizes.of(CONFIG)


def test_by_hand():
    step = lab.cost_of_step(CONFIG, prompts=3, cache_slots=3 * 40, dtype=torch.float32)
    assert step.linear_flops == SIZES.flops_per_token * 3
    assert step.attention_flops == 4 * 64 * 2 * 120  # H · D is 64, and there are 2 layers
    assert step.head_flops == 2 * 64 * SIZES.vocabulary * 3
    assert step.cache_bytes == 120 * 2 * (2 * 2 * 16) * 4  # keys and values of 2 heads of 16, in 2 layers
    assert step.moved_bytes > step.weight_bytes + step.cache_bytes


def test_a_longer_cache_costs_attention_and_traffic_and_nothing_else():
    short, long = (lab.cost_of_step(CONFIG, 4, slots) for slots in (100, 300))
    assert long.attention_flops == 3 * short.attention_flops
    assert long.moved_bytes - short.moved_bytes == pytest.approx(long.cache_bytes - short.cache_bytes)
    assert long.linear_flops == short.linear_flops and long.head_flops == short.head_flops


def test_a_step_computes_less_for_each_byte_than_the_prefill_before_it():
    prefill = lab.estimate_cost(CONFIG, [50] * 8, "full_batching")
    step = lab.cost_of_step(CONFIG, 8, 8 * 50)
    assert step.intensity < prefill.intensity / 3
