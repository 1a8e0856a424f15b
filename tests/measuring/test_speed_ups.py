"""Batches timed by two methods: everything is run, in turn, and the ratio is the right way up."""

import pytest

import prepack_lab as lab
from prepack_lab.measuring import speed_ups
from prepack_lab.measuring.speed_ups import TimedBatch
from prepack_lab.measuring.timing import Measurement

BATCHES = {"unequal": [9, 2, 3, 4], "equal": [5, 5]}


def test_every_batch_is_run_by_both_methods_in_turn(tiny_model, monkeypatch):
    ran = []
    monkeypatch.setattr(
        speed_ups, "run_method", lambda model, prompts, method: ran.append(([*map(len, prompts)], method))
    )
    timed = lab.time_batches(tiny_model, BATCHES, "padding_free", repeats=2)
    once = [(lengths, method) for lengths in BATCHES.values() for method in ("full_batching", "padding_free")]
    assert ran == [*once[:2], *once, *once], "a warm-up, then round after round"
    assert [*timed] == [*BATCHES]
    for name, batch in timed.items():
        assert batch.lengths == tuple(BATCHES[name])
        assert len(batch.baseline.seconds) == len(batch.method.seconds) == 2


def test_with_a_model(tiny_model):
    timed = lab.time_batches(tiny_model, BATCHES, repeats=1)
    assert all(batch.speed_up > 0 for batch in timed.values())


def test_the_speed_up_is_above_one_where_the_method_is_faster():
    slow, fast = (Measurement((seconds,), "here", None) for seconds in (3.0, 1.5))
    assert TimedBatch((1, 2), slow, fast).speed_up == pytest.approx(2)
