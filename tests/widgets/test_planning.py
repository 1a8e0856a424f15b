"""Widgets that predict: your prompts, and serving."""

import gzip
import json
import re
from datetime import UTC, datetime

import numpy as np
import pytest

import prepack_lab as lab
from prepack_lab.course.serving import poisson_arrivals, serve
from prepack_lab.measuring.calibration import recorded_calibration
from prepack_lab.measuring.inspection import inspect_lengths
from prepack_lab.models.loading import load_sizes


class TestYourPrompts:
    def load(self, widget, name, content):
        widget.file.value = (
            {
                "name": name,
                "content": memoryview(content),
                "size": len(content),
                "type": "text/plain",
                "last_modified": datetime.now(UTC),
            },
        )

    def test_the_report_is_that_of_inspect(self):
        lengths = [100, 3, 5, 7, 90, 11] * 5
        report = lab.widgets.YourPrompts(lengths)
        found = inspect_lengths(lengths, load_sizes(), 16, recorded_calibration())
        assert f"{found.gain(found.best):.1f} times as fast" in report.status.value
        assert f"{found.waste:.0%} of its slots on padding" in report.status.value
        for method in found.costs:
            assert method in report.twin.value

    def test_prompts_of_one_length_are_told_to_stay(self):
        report = lab.widgets.YourPrompts([500])
        assert "Nothing to win here" in report.status.value

    @pytest.mark.long
    def test_other_models_are_told_in_operations(self):
        report = lab.widgets.YourPrompts([50, 3, 9])
        assert "Gains are in seconds of" in report.status.value
        report.model.value = "llama-2-7b"
        assert "Gains are in operations, not seconds" in report.status.value

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.txt", b"one two three four\n\nfive\n"),
            ("a.jsonl", b'"one two three four"\n' + json.dumps({"prompt": "five"}).encode()),
            ("a.csv", b"id,prompt\n1,one two three four\n2,five\n"),
            ("a.json.gz", gzip.compress(b"[4, 1]", mtime=0)),
            ("a.json", b'[{"input_ids": [1, 2, 3, 4]}, {"input_ids": [5]}]'),
            ("a.jsonl", b'[{"role": "user", "content": "one two three four"}]\n[{"role": "user", "content": "five"}]'),
        ],
    )
    def test_a_file_is_loaded(self, name, content):
        report = lab.widgets.YourPrompts()
        self.load(report, name, content)
        assert report.workload.menu.label == name
        assert "2 prompts, 5 tokens" in report.status.value

    def test_the_words_of_a_file_are_counted_as_they_are_and_another_file_takes_its_place(self):
        _, tokenizer = lab.load_model("tiny-llama")
        report = lab.widgets.YourPrompts([7], tokenizer=tokenizer)
        self.load(report, "code.jsonl", json.dumps({"prompt": "if x:\n    y"}).encode())
        assert "1 prompt, 11 tokens" in report.status.value
        self.load(report, "other.txt", b"abc")
        assert "1 prompt, 3 tokens" in report.status.value
        assert [label for label, _ in report.workload.menu.options][:2] == ["other.txt", "MMLU questions"]

    def test_a_file_that_cannot_be_read_is_refused_in_words_and_nothing_is_lost(self):
        report = lab.widgets.YourPrompts()
        report.workload.menu.value = "pasted"
        report.workload.text.value = "mine"
        self.load(report, "a.jsonl", b"{broken")
        assert "a.jsonl, line 1 is not readable JSON" in report.status.value
        assert report.figure.data == ()
        assert report.workload.text.value == "mine"
        report.batch_size.value = 3
        assert "1 prompt, " in report.status.value
        self.load(report, "b.txt", b"mine")
        assert "1 prompt, " in report.status.value

    def test_a_tokenizer_counts(self):
        _, tokenizer = lab.load_model("tiny-llama")
        report = lab.widgets.YourPrompts(tokenizer=tokenizer)
        report.workload.menu.value = "pasted"
        report.workload.text.value = "twelve bytes"
        assert "1 prompt, 12 tokens" in report.status.value


class TestServing:
    def waits(self, serving):
        return {name: float(wait) for name, wait in re.findall(r"(\w+) ([\d.]+) s, busy", serving.status.value)}

    @pytest.mark.long
    def test_a_higher_rate_waits_longer(self):
        serving = lab.widgets.Serving(rate=4)
        calm = self.waits(serving)
        serving.rate.value = 40
        assert set(calm) == {"full_batching", "length_ordered", "prepacked", "padding_free"}
        assert self.waits(serving)["full_batching"] > 2 * calm["full_batching"]

    @pytest.mark.long
    def test_the_percentiles_are_those_of_the_simulation(self):
        serving = lab.widgets.Serving([30, 400, 20, 90])
        lengths = [[30, 400, 20, 90][index % 4] for index in range(200)]
        arrived = poisson_arrivals(200, serving.rate.value, 0)
        served = serve(lengths, arrived, "prepacked", serving._price, serving.most.value)
        drawn = next(trace for trace in serving.figure.data if trace.name == "prepacked")
        assert max(drawn.y) == pytest.approx(np.percentile(served.waits, max(drawn.x)))
        assert len(drawn.x) > 10

    @pytest.mark.long
    def test_it_says_that_it_is_simulated_and_whose_speed_it_is(self):
        said = lab.widgets.Serving().status.value
        assert "Simulated" in said and recorded_calibration().device in said and "recorded" in said
