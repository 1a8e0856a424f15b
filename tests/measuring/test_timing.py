"""Seconds: warmed up, waited for, in turn; and how busy a GPU was, where that can be known."""

import time

import pytest
import torch

import prepack_lab as lab
from prepack_lab.measuring import timing
from prepack_lab.measuring.timing import Measurement, Run, gpu_utilization, mean_while, measure, summarize, time_in_turn


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


@pytest.mark.long
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


def test_quartiles_lie_between_the_runs():
    measured = Measurement((1.0, 2.0, 4.0, 8.0), "a device", None)
    assert measured.median == 3 and measured.spread == (1.75, 5)


def test_runs_that_count_are_kept_by_name_with_the_highest_peak():
    runs = [Run("a", 9.0, 900, False), Run("a", 1.0, 5, True), Run("b", 2.0, None, True), Run("a", 3.0, 7, True)]
    found = summarize(runs, "cpu")
    assert [(name, one.seconds, one.peak_memory_bytes) for name, one in found.items()] == [
        ("a", (1.0, 3.0), 7),
        ("b", (2.0,), None),
    ]


def test_five_runs_count_after_one_that_does_not():
    calls = []
    assert len(measure(lambda: calls.append(1)).seconds) == 5 and len(calls) == 6
    assert [run.counts for run in time_in_turn({"a": int})] == [False, *[True] * 5]
    with pytest.raises(ValueError, match="warmup -1"):
        time_in_turn({"a": int}, warmup=-1)


@pytest.mark.parametrize(("kind", "waits", "peak"), [("cuda", "cuda", 700), ("mps", "mps", None), ("cpu", "", None)])
def test_the_clock_runs_from_wait_to_wait(monkeypatch, kind, waits, peak):
    now, events = iter([1.0, 3.5]), []
    monkeypatch.setattr(timing, "perf_counter", lambda: events.append("clock") or next(now))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: events.append("reset"))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 700)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: events.append("cuda"))
    monkeypatch.setattr(torch.mps, "synchronize", lambda: events.append("mps"))
    assert timing._time_once(lambda: events.append("run"), torch.device(kind)) == (2.5, peak)
    wait = [waits] if waits else []
    assert events == [*["reset"] * (kind == "cuda"), *wait, "clock", "run", *wait, "clock"]


def test_it_is_run_until_the_time_is_up(monkeypatch):
    now, ran = iter([0.0, 0.5, 0.9, 1.0]), []
    monkeypatch.setattr(timing, "perf_counter", lambda: next(now))
    mean_while(lambda: ran.append(1), lambda: 1.0, seconds=1.0)
    assert len(ran) == 3
