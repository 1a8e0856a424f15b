"""The tables of lesson 05, on measurements that are given."""

import pytest
import torch

from prepack_lab.bench.one_batch import OneBatch
from prepack_lab.course.reports import (
    batch_cost_table,
    beside_paper_table,
    first_token_table,
    recordings_table,
    runs_table,
    times_table,
    waiting_table,
)
from prepack_lab.measuring import timing
from prepack_lab.measuring.recordings import Recording, load_recordings
from prepack_lab.measuring.timing import Measurement


def measured(*seconds):
    return Measurement(seconds, "a machine", None)


def test_a_first_run_pulls_the_mean_along_and_not_the_median():
    all_runs, later = runs_table(measured(9.0, 1.0, 2.0, 3.0)).rows
    assert all_runs[-2:] == ("3,750 ms", "2,500 ms")
    assert later == ("without the first", "–", "1,000 ms", "2,000 ms", "3,000 ms", "2,000 ms", "2,000 ms")


def test_a_device_that_works_on_returns_before_it_is_done(monkeypatch):
    clock = iter([0.0, 0.001, 2.0])
    monkeypatch.setattr(timing, "perf_counter", lambda: next(clock))
    assert timing.returned_and_done(lambda: None, "cpu") == (0.001, 2.0)


def test_a_cpu_is_done_when_the_call_returns():
    table = waiting_table(torch.device("cpu"), (1,))
    returned, done = (float(cell.removesuffix(" ms").replace(",", "")) for cell in table.rows[0][1:])
    assert 0 < returned <= done


def test_a_small_loss_is_no_draw():
    times = {"full_batching": measured(0.98), "prepacked": measured(1.0)}
    assert [row[-1] for row in times_table(times).rows] == ["1.0×", "0.98×"]


def test_gains_stand_beside_each_other():
    passes = {"full_batching": measured(4.0), "prepacked": measured(1.0), "one_by_one": measured(2.0)}
    tokens = {"full_batching": measured(4.0), "prepacked": measured(2.0)}
    assert first_token_table(passes, tokens).rows == [
        ("full_batching", "4000 ms", "1.0×", "4000 ms", "1.0×"),
        ("prepacked", "1000 ms", "4.0×", "2000 ms", "2.0×"),
    ]


def test_a_batch_is_held_against_the_smallest_there_is():
    table = batch_cost_table({50: {4: 0.3, 2: 0.2}})
    assert table.rows == [("50 tokens", "0.200 s (1.0×)", "0.300 s (1.5×)")] and "times a batch of 2)" in table.caption
    table = batch_cost_table({50: {1: 0.1, 2: 0.2}})
    assert table.rows[0][2] == "0.200 s (2.0×)" and "times a batch of one)" in table.caption


@pytest.fixture
def recording():
    results = [
        {"workload": "mmlu", "method": method, "batch_size": size, "seconds": [seconds]}
        for method, size, seconds in (
            ("full_batching", 4, 1.0),
            ("prepacked", 4, 0.9),
            ("full_batching", 8, 3.0),
            ("prepacked", 8, 1.0),
            ("padding_free", 8, 0.5),
        )
    ]
    settings = {"model": "tiny-llama", "dtype": "float32"}
    return Recording("a command", {"device": "a far GPU"}, "2026-01-02T03:04:05", settings, results)


def test_recordings_say_where_when_and_what_repeats_them(recording):
    (row,) = recordings_table([recording]).rows
    machine = "a far GPU, tiny-llama, float32"
    assert row == (machine, "2026-01-02", "mmlu", "4, 8", "a command")


def test_where_nothing_was_recorded_a_command_is_named():
    table = recordings_table([])
    assert "No measurement came" in table.caption and "bench batch-size --record" in table.rows[0][-1]


def recorded(command, *rows, day="2026-01-01"):
    settings = {"model": "a model", "dtype": "float32", "methods": ["full_batching", "prepacked", "padding_free"]}
    results = [
        dict(workload=workload, batch_size=16, draw=draw, rows_packed=rows_packed, method=method, seconds=[seconds])
        for workload, draw, rows_packed, *three in rows
        for method, seconds in zip(settings["methods"], three, strict=True)
    ]
    return Recording(f"prepack-lab bench {command} --x", {"device": "a machine"}, day, settings, results)


def test_recorded_gains_stand_beside_the_papers_with_the_reason_where_they_fall_short():
    recording = recorded(
        "prefill",
        ("mmlu", 0, 4, 8.0, 2.0, 1.0),
        ("mmlu", 1, 4, 8.0, 2.0, 1.0),  # 4 times as fast; the paper: 3.33
        ("alpaca", 0, 10, 3.0, 2.0, 2.0),  # 1.5 times, and k/r is 1.6; the paper: 1.87
        ("wikitext256", 0, 8, 3.0, 2.0, 1.0),  # 1.5 times, and k/r is 2; the paper: 1.94
        ("gsm8k", 0, 8, 3.0, 2.0, 1.0),  # the paper has none
    )
    table = beside_paper_table([recording])
    assert table.rows == [
        ("mmlu", 16, 2, "4.00×", "8.00×", "4.00", "3.33×", "at least the paper's"),
        ("alpaca", 16, 1, "1.50×", "1.50×", "1.60", "1.87×", "these batches leave more rows than the paper's did"),
        ("wikitext256", 16, 1, "1.50×", "3.00×", "2.00", "1.94×", "slower than its rows: the machine, not the batches"),
    ]
    assert "recorded: a model on a machine, 2026-01-01" in table.caption


def test_only_the_latest_of_each_kind_is_shown_and_none_is_said(tmp_path):
    old = recorded("prefill", ("mmlu", 0, 8, 1.0, 1.0, 1.0), day="2025-01-01")
    new = recorded("prefill", ("mmlu", 0, 4, 8.0, 2.0, 1.0))
    small = {"model": "tiny-llama", "workload": "gsm8k", "batch_size": 4, "repeats": 1, "device": "cpu"}
    OneBatch(**small).run().record(tmp_path)
    (other,) = load_recordings(tmp_path)
    assert [row[3] for row in beside_paper_table([other, new, old]).rows] == ["4.00×"]
    assert "No recorded prefill" in beside_paper_table([other]).caption
