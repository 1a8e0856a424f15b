"""Seconds: warmed up, waited for, in turn; and how busy a GPU was, where that can be known."""

import time

import pytest
import torch

import prepack_lab as lab
from prepack_lab.measuring import timing
from prepack_lab.measuring.timing import Measurement, gpu_utilization, mean_while, measure


def test_warm_up_runs_are_not_counted():
    calls = []
    measured = measure(lambda: calls.append(1), warmup=2, repeats=3)
    assert len(calls) == 5
    assert len(measured.seconds) == 3
    assert measured.device


def test_functions_are_timed_in_turn():
    calls = []
    lab.measure_together({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, warmup=1, repeats=2)
    assert "".join(calls) == "ab" + "abab"


def test_median_and_quartiles():
    measured = Measurement((5.0, 1.0, 2.0, 4.0, 3.0), "a device", None)
    assert measured.median == 3
    assert measured.spread == (2, 4)
    assert Measurement((2.0,), "a device", None).spread == (2, 2)


def test_the_device_is_waited_for_before_and_after(monkeypatch):
    events = []
    monkeypatch.setattr(timing, "_wait_for", lambda device: events.append("wait"))
    measure(lambda: events.append("run"), warmup=0, repeats=1)
    assert events == ["wait", "run", "wait"]


def test_no_repeats_are_refused():
    with pytest.raises(ValueError, match="repeats is 0"):
        measure(lambda: None, repeats=0)


def test_without_cuda_nothing_is_known_and_nothing_is_run():
    def never():
        raise AssertionError("it was run")

    assert gpu_utilization(never, "cpu") is None


def test_the_mean_is_that_of_what_was_seen_while_it_ran():
    busy = [False]

    def run():
        busy[0] = True
        time.sleep(0.15)
        busy[0] = False

    assert mean_while(run, lambda: 90.0 if busy[0] else 10.0, seconds=0.3) > 80
    assert mean_while(lambda: None, lambda: 40.0, seconds=0) == 40


def test_a_failure_is_passed_on_and_the_watcher_ends():
    def fails():
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        mean_while(fails, lambda: 0.0, seconds=1)


@pytest.mark.parametrize("missing", [ModuleNotFoundError("pynvml"), RuntimeError("NVML is not there")])
def test_without_nvml_nothing_is_known(monkeypatch, missing):
    def no_nvml(device):
        raise missing

    monkeypatch.setattr(timing, "choose_device", lambda device: torch.device("cuda", 0))
    monkeypatch.setattr(torch.cuda, "utilization", no_nvml)
    assert gpu_utilization(lambda: None, "cuda") is None


def test_with_nvml_it_is_a_share(monkeypatch):
    monkeypatch.setattr(timing, "choose_device", lambda device: torch.device("cuda", 0))
    monkeypatch.setattr(torch.cuda, "utilization", lambda device: 75)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    assert gpu_utilization(lambda: None, "cuda", seconds=0.1) == 0.75
