"""How fast a machine is: a fit that finds its rates, and the most that it does in a second."""

import pytest

import prepack_lab as lab
from prepack_lab.measuring import calibration
from prepack_lab.measuring.calibration import (
    Calibration,
    Roof,
    _fit,
    _probes,
    calibrate,
    measure_roof,
    recorded_calibration,
)
from prepack_lab.measuring.cost import Cost, estimate_cost
from prepack_lab.measuring.timing import Measurement
from prepack_lab.models.loading import load_config

LLAMA = load_config("tiny-llama")


def test_a_fit_finds_the_rates_that_made_the_seconds():
    truth = Calibration(0.01, 2e-12, 5e-12, "a machine")
    lengths = [[1], [64], [256], [16] * 8, [200] * 3]
    costs = [estimate_cost(LLAMA, some, method) for some in lengths for method in ("one_by_one", "full_batching")]
    found = _fit(costs, [truth.seconds(cost) for cost in costs], "a machine")
    assert found.seconds_per_pass == pytest.approx(truth.seconds_per_pass)
    assert found.seconds_per_linear_flop == pytest.approx(truth.seconds_per_linear_flop)
    assert found.seconds_per_attention_flop == pytest.approx(truth.seconds_per_attention_flop)


def test_a_machine_is_calibrated():
    model = lab.load_model("tiny-llama", device="cpu")[0]
    found = calibrate(model, repeats=1)
    assert found.device and found.seconds(estimate_cost(LLAMA, [100] * 8, "full_batching")) > 0


def test_the_recorded_calibration_says_where_it_comes_from():
    recorded = recorded_calibration()
    assert "prepack-lab bench calibrate --model smollm2-135m" in recorded.taken and recorded.device
    assert min(recorded.seconds_per_pass, recorded.seconds_per_linear_flop) > 0


def test_the_rate_is_that_of_the_first_size_that_takes_long_enough(monkeypatch):
    tried = []

    def measure(run, warmup, repeats, device):
        tried.append(run())
        assert (warmup, repeats, device) == (1, 3, "cpu")
        return Measurement((tried[-1] / 10_000,) * repeats, device, None)

    monkeypatch.setattr(calibration, "measure", measure)
    rate = calibration._per_second(lambda size: (5 * size, lambda: size), (1, 10, 100, 1000), "cpu", 3)
    assert tried == [1, 10, 100], "100 takes 0.01 s: long enough"
    assert rate == pytest.approx(500 / 0.01)


def test_a_product_counts_two_operations_a_pair_and_a_copy_reads_and_writes(monkeypatch):
    probes, sizes = [], []
    monkeypatch.setattr(calibration, "_per_second", lambda probe, *of: sizes.append(of) or probes.append(probe) or 1.0)
    measure_roof("cpu")
    product, copy = probes
    assert sizes == [
        ((512, 1024, 2048, 4096, 8192), "cpu", 5),
        (tuple(2**power * 2**24 for power in range(5)), "cpu", 5),
    ]
    assert product(8)[0] == 2 * 8**3 and product(8)[1]().shape == (8, 8)
    assert copy(100)[0] == 2 * 100 * 4 and copy(100)[1]().tolist() == [1.0] * 100


def test_the_ridge_is_where_both_limits_meet():
    assert Roof(6e12, 2e11, "here").ridge == 30


def test_seconds_by_hand():
    cost = Cost("", 2, 1, 1, 1, 10.0, 100.0, 20.0, 0.0, 0.0, 0.0, 0.0)
    assert Calibration(1.0, 0.5, 0.25, "").seconds(cost) == 2 + 30 / 2 + 100 / 4


def test_probes_grow_fourfold_up_to_the_longest_prompt():
    assert [*_probes(256)] == [
        ([8], "one_by_one"),
        ([24], "one_by_one"),
        ([64], "one_by_one"),
        ([32] * 4, "full_batching"),
        ([64, 32], "full_batching"),
        ([256], "one_by_one"),
        ([32] * 16, "full_batching"),
        ([256, 128], "full_batching"),
    ]
    assert max(lengths[0] for lengths, _ in _probes(255)) == 64
    assert max(lengths[0] for lengths, _ in _probes(99_999)) == 16_384


def test_long_passes_end_a_calibration_but_not_before_five(monkeypatch):
    ran = []

    def measure(run, warmup, repeats, device):
        ran.append((warmup, repeats))
        return Measurement((2.0 if len(ran) >= 4 else 1.0,), device, None)

    monkeypatch.setattr(calibration, "measure", measure)
    monkeypatch.setattr(calibration, "_fit", lambda costs, seconds, device: (len(costs), seconds))
    model = lab.load_model("tiny-llama", device="cpu")[0]
    assert calibrate(model) == (5, [1, 1, 1, 2, 2])
    assert ran == [(1, 3)] * 5
