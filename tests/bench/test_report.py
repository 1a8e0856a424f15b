"""What a benchmark leaves behind: records that never cover each other, and figures that never cost a measurement."""

import json
from dataclasses import replace

import pytest

from prepack_lab.bench import EXPERIMENTS, report
from prepack_lab.bench.report import Report
from prepack_lab.cli import main
from prepack_lab.figures.style import LabFigure
from prepack_lab.measuring.table import Table

TINY = {"model": "tiny-llama", "dtype": "float32"}


def reported(name, figure=None, **settings):
    taken = Report.now(f"prepack-lab bench {name} --x", "cpu", TINY | settings, [], Table((), [], "done"), figure)
    return replace(taken, machine=taken.machine | {"device": "A Device, 2 cores"}, taken="2026-01-02T03:04:05+00:00")


@pytest.mark.parametrize(
    ("name", "settings", "begins"),
    [
        ("prefill", {"workloads": ["mmlu"], "batch_size": 16}, "prefill-mmlu-batches-of-16"),
        ("prefill", {"workloads": ["mmlu", "gsm8k"], "batch_size": 8}, "prefill-mmlu-gsm8k-batches-of-8"),
        ("prefill", {"workloads": [*"abcd"], "batch_size": 8}, "prefill-4-workloads-batches-of-8"),
        ("one-batch", {"workload": "hh_rlhf", "batch_size": 4}, "one-batch-hh-rlhf-batches-of-4"),
        ("batch-size", {"workload": "mmlu", "batch_sizes": [8, 4, 16]}, "batch-size-mmlu-batches-of-4-to-16"),
        ("memory", {"workload": "mmlu", "prompts": "my/Own_Questions.txt"}, "memory-own-questions"),
        ("calibrate", {}, "calibrate"),
    ],
)
def test_a_record_is_named_after_what_ran(name, settings, begins, tmp_path):
    file = reported(name, **settings).record(tmp_path / "new")
    assert file.name == f"{begins}-tiny-llama-float32-a-device-2-cores-2026-01-02.json"


def test_no_record_is_written_over(tmp_path):
    files = [reported("prefill", workloads=["mmlu"], seed=seed).record(tmp_path) for seed in range(3)]
    assert [json.loads(file.read_text())["settings"]["seed"] for file in files] == [0, 1, 2]
    assert [file.stem.removeprefix(files[0].stem) for file in files] == ["", "-2", "-3"]


def test_a_figure_is_written(tmp_path):
    reported("memory", LabFigure()).plot(tmp_path / "figure.html")
    assert "plotly" in (tmp_path / "figure.html").read_text()
    with pytest.raises(ValueError, match="dataset has no figure; its table says it all"):
        reported("dataset").plot(tmp_path / "figure.html")


def test_who_counted_the_tokens_is_said():
    said = str(reported("ttft", prompts="mine.txt"))
    assert "tokens of mine.txt are counted by the tokenizer of tiny-llama" in said
    assert "tokenizer" not in str(reported("ttft", prompts=None))


class TestPlot:
    """`--plot`, with an experiment that notes whether it was run."""

    @pytest.fixture
    def ran(self, monkeypatch, tmp_path):
        ran = []

        def run(self):
            ran.append(self)
            return reported("memory", LabFigure(), workload="mmlu")

        monkeypatch.setattr(EXPERIMENTS["memory"], "run", run)
        monkeypatch.setattr("prepack_lab.measuring.recordings.FOLDER", tmp_path / "recordings")
        monkeypatch.chdir(tmp_path)
        return ran

    def refused(self, capsys, *options):
        assert main(["bench", "memory", *options]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        return line

    def test_an_ending_that_nothing_can_write_is_refused_before_anything_runs(self, ran, capsys):
        assert "x.gif ends in '.gif'" in self.refused(capsys, "--plot", "x.gif")
        assert ran == []

    @pytest.mark.long
    @pytest.mark.parametrize("ending", ["png", "svg"])
    def test_an_image_is_refused_before_anything_runs_where_there_is_no_kaleido(self, ran, capsys, monkeypatch, ending):
        monkeypatch.setattr(report, "find_spec", lambda name: None, raising=False)
        assert "pip install kaleido" in self.refused(capsys, "--plot", f"x.{ending}")
        assert ran == []
        assert main(["bench", "memory", "--plot", "x.html"]) == 0 and len(ran) == 1

    def test_what_was_measured_is_kept_where_the_figure_fails(self, ran, capsys, monkeypatch, tmp_path):
        def fail(figure, path):
            raise RuntimeError("Kaleido requires\nGoogle Chrome")

        monkeypatch.setattr(LabFigure, "write_image", fail)
        line = self.refused(capsys, "--json", "x.json", "--record", "--plot", "x.svg")
        assert "x.svg can't be drawn; write it as .html. Kaleido requires Google Chrome" in line
        assert (tmp_path / "x.json").exists() and len([*(tmp_path / "recordings").glob("*.json")]) == 1
