"""Recorded measurements: read back as they were written, and never mistaken for measured ones."""

import json

import pytest

from prepack_lab.bench.experiments import OneBatch
from prepack_lab.measuring.recordings import FOLDER, Recording, fewer_rows_recorded, load_recordings, speed_up


@pytest.fixture(scope="module")
def report():
    small = {"model": "tiny-llama", "device": "cpu", "workload": "gsm8k", "batch_size": 4, "repeats": 2}
    return OneBatch(**small, methods=("full_batching", "prepacked")).run()


def test_what_a_benchmark_saves_is_read_back(report, tmp_path):
    report.save(tmp_path / "one.json")
    (recording,) = load_recordings(tmp_path)
    assert recording.command == report.command and recording.taken == report.taken
    for row in report.results:
        read = recording.prefill["gsm8k"][row["method"]][4]
        assert list(read.seconds) == row["seconds"]
        assert read.peak_memory_bytes == row["peak_memory_bytes"]
        assert read.device == report.machine["device"]
    when = report.taken[:16].replace("T", " ")
    for part in ("one-batch: gsm8k, batches of 4, tiny-llama, float32", when, report.machine["device"]):
        assert part in recording.title


@pytest.mark.long
def test_the_latest_comes_first_and_other_benchmarks_are_left_out(report, tmp_path):
    for name, taken, command in (
        ("a", "2025-01-01", "prepack-lab bench prefill --x"),
        ("b", "2026-01-01", "prepack-lab bench prefill --y"),
        ("c", "2027-01-01", "prepack-lab bench calibrate"),
    ):
        record = {"command": command, "machine": {}, "taken": taken, "settings": {}, "results": []}
        (tmp_path / f"{name}.json").write_text(json.dumps(record))
    assert [one.taken for one in load_recordings(tmp_path)] == ["2026-01-01", "2025-01-01"]


def test_there_may_be_none(tmp_path):
    assert load_recordings(tmp_path) == []


def test_no_two_recordings_of_the_package_have_one_title():
    titles = [one.title for one in load_recordings(of=("prepack-lab bench",))]
    assert len(set(titles)) == len(titles) >= 4
    assert any(title.startswith("prefill: 6 workloads, batches of 16, smollm2-135m") for title in titles)
    assert any(title.startswith("prefill: wikitext512, batches of 16, smollm2-135m") for title in titles)


def test_what_the_package_carries_says_where_when_and_how():
    for recording in load_recordings():
        assert recording.device and recording.taken and recording.settings["seed"] is not None
        by_method = [by_batch for methods in recording.prefill.values() for by_batch in methods.values()]
        assert all(len(one.seconds) >= 3 for by_batch in by_method for one in by_batch.values())
    assert FOLDER.parent.is_dir()


def test_speed_ups_and_rows_of_several_batches_by_hand():
    rows = [
        {
            "workload": "mmlu",
            "batch_size": 16,
            "draw": draw,
            "rows_packed": packed,
            "method": method,
            "seconds": seconds,
        }
        for draw, packed, by_method in (
            (0, 4, {"full_batching": [8.0, 9.0, 1.0], "prepacked": [2.0]}),
            (1, 6, {"full_batching": [2.0], "prepacked": [0.5]}),
        )
        for method, seconds in by_method.items()
    ]
    rows += [{**row, "workload": "alpaca", "seconds": [1.0]} for row in rows]
    where = {"workload": "mmlu", "batch_size": 16}
    assert speed_up(rows, "prepacked", **where) == (10 / 2.5, 4, 4)  # medians, added up over the batches
    assert speed_up(rows, "prepacked", workload="alpaca") == (1, 1, 1)
    assert fewer_rows_recorded(rows, **where) == 32 / 10


def recording(results=(), command="prepack-lab bench prefill --x", **settings):
    chosen = {"model": "tiny-llama", "dtype": "float32", **settings}
    return Recording(command, {"device": "A machine"}, "2026-05-04T03:02:01", chosen, [*results])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"workload": "mmlu", "batch_size": 4}, ["mmlu", "batches of 4"]),
        ({"workloads": ["a", "b", "c"], "batch_sizes": [4, 16, 1]}, ["a", "b", "c", "batches of 1 to 16"]),
        ({"workloads": ["a", "b", "c", "d"], "batch_sizes": [4]}, ["4 workloads", "batches of 4"]),
        ({"prompts": "here/mine.txt", "workload": "mmlu"}, ["mine"]),
        ({}, []),
    ],
)
def test_what_ran_in_words(settings, words):
    one = recording(**settings)
    assert one.what_ran == words
    assert one.title == f"prefill: {', '.join([*words, 'tiny-llama', 'float32'])}, on A machine, 2026-05-04 03:02 UTC"


def test_draws_of_one_batch_size_are_put_together():
    row = {"workload": "mmlu", "method": "prepacked", "batch_size": 4}
    one = recording(
        [
            {**row, "seconds": [1.0], "peak_memory_bytes": 7},
            {**row, "seconds": [3.0, 2.0], "peak_memory_bytes": 5},
            {**row, "seconds": [4.0], "batch_size": 8},
        ]
    )
    by_batch = one.prefill["mmlu"]["prepacked"]
    assert [(size, each.seconds, each.peak_memory_bytes) for size, each in by_batch.items()] == [
        (4, (1.0, 3.0, 2.0), 7),
        (8, (4.0,), None),
    ]


def test_a_record_is_never_written_over(tmp_path):
    one = recording(workload="mmlu", batch_size=4)
    names = [one.record(tmp_path / "new").name for _ in range(3)]
    start = "prefill-mmlu-batches-of-4-tiny-llama-float32-a-machine-2026-05-04"
    assert names == [f"{start}.json", f"{start}-2.json", f"{start}-3.json"]
    assert load_recordings(tmp_path / "new") == [one] * 3
