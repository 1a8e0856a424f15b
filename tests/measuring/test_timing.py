import pytest

import prepack_lab as lab
from prepack_lab.measuring import timing


def test_warm_up_runs_are_not_counted():
    calls = []
    measured = lab.measure(lambda: calls.append(1), warmup=2, repeats=3)
    assert len(calls) == 5
    assert len(measured.seconds) == 3
    assert measured.device


def test_functions_are_timed_in_turn():
    calls = []
    lab.measure_together({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, warmup=1, repeats=2)
    assert "".join(calls) == "ab" + "abab"


def test_median_and_quartiles():
    measured = lab.Measurement((5.0, 1.0, 2.0, 4.0, 3.0), "a device", None)
    assert measured.median == 3
    assert measured.spread == (2, 4)
    assert lab.Measurement((2.0,), "a device", None).spread == (2, 2)


def test_the_device_is_waited_for_before_and_after(monkeypatch):
    events = []
    monkeypatch.setattr(timing, "_wait_for", lambda device: events.append("wait"))
    lab.measure(lambda: events.append("run"), warmup=0, repeats=1)
    assert events == ["wait", "run", "wait"]


def test_no_repeats_are_refused():
    with pytest.raises(ValueError, match="repeats is 0"):
        lab.measure(lambda: None, repeats=0)
