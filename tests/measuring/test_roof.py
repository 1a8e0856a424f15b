"""The two limits of a machine: work over time, and sizes that grow until a run takes long enough."""

import pytest

import prepack_lab as lab
from prepack_lab.measuring import roof
from prepack_lab.measuring.roof import Roof
from prepack_lab.measuring.timing import Measurement


def test_what_is_done_in_a_second_is_told_at_the_first_size_that_takes_long_enough(monkeypatch):
    tried = []

    def measure(run, warmup, repeats, device):
        tried.append(run())
        return Measurement((tried[-1] / 10_000,) * repeats, device, None)

    monkeypatch.setattr(roof, "measure", measure)
    rate = roof._per_second(lambda size: (5 * size, lambda: size), (1, 10, 100, 1000), "cpu", 3)
    assert tried == [1, 10, 100], "100 takes 0.01 s: long enough"
    assert rate == pytest.approx(500 / 0.01)


def test_a_product_counts_two_operations_a_pair_and_a_copy_reads_and_writes(monkeypatch):
    probes = []
    monkeypatch.setattr(roof, "_per_second", lambda probe, *_: probes.append(probe) or 1.0)
    lab.measure_roof("cpu")
    product, copy = probes
    assert product(8)[0] == 2 * 8**3 and product(8)[1]().shape == (8, 8)
    assert copy(100)[0] == 2 * 100 * 4 and copy(100)[1]().tolist() == [1.0] * 100


def test_the_ridge_is_where_both_limits_meet():
    assert Roof(6e12, 2e11, "here").ridge == 30
