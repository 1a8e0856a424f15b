"""The experiments of the paper: what they report, and that the command in a report repeats it."""

import inspect
import json
import subprocess
import sys
from argparse import ArgumentParser

import pytest

import prepack_lab as lab
from prepack_lab import paper
from prepack_lab.bench import EXPERIMENTS
from prepack_lab.bench.batches import draw_batches
from prepack_lab.bench.memory import bisect
from prepack_lab.bench.options import OPTIONS
from prepack_lab.bench.speed_ups import speed_up
from prepack_lab.cli import main
from prepack_lab.measuring.recordings import load_recordings

TINY = {"model": "tiny-llama", "device": "cpu"}
SMALL = {
    "prefill": {**TINY, "workloads": ["mmlu", "gsm8k"], "batch_size": 3, "draws": 2, "compare_paper": True},
    "ttft": {**TINY, "batch_size": 3, "draws": 1},
    "batch-size": {**TINY, "batch_sizes": [2, 4], "draws": 1, "compare_paper": True},
    "dataset": {**TINY, "count": 6, "batch_sizes": [2, 8], "compare_paper": True},
    "predict": {**TINY, "workloads": ["mmlu", "gsm8k"], "batch_size": 4, "draws": 2},
    "batch-cost": {**TINY, "lengths": [5, 9], "batch_sizes": [1, 2], "repeats": 1, "compare_paper": True},
    "memory": {**TINY, "batch_size": 3, "compare_paper": True},
    "generate": {**TINY, "batch_size": 3, "max_new_tokens": 3, "repeats": 1},
    "packing": {"sizes": [50, 30_000], "repeats": 1},
    "one-batch": {**TINY, "batch_size": 3, "repeats": 1},
}


@pytest.fixture(scope="module")
def reports():
    return {name: EXPERIMENTS[name].run(**settings) for name, settings in SMALL.items()}


def test_every_experiment_is_here_but_those_that_need_a_browser_or_minutes():
    assert set(EXPERIMENTS) - set(SMALL) == {"widgets", "calibrate", "peers"}


@pytest.mark.parametrize("name", SMALL)
def test_it_reports_rows_and_says_where_when_and_how(reports, name, tmp_path):
    report = reports[name]
    assert report.results and report.machine["device"] and report.command.startswith(f"prepack-lab bench {name} ")
    report.save(tmp_path / "a.json")
    kept = json.loads((tmp_path / "a.json").read_text())
    assert kept["command"] in str(report) and kept["results"] == json.loads(json.dumps(report.results))
    assert max(map(len, str(report.table).splitlines())) <= 160, "it fits a terminal"


@pytest.mark.parametrize("name", SMALL)
def test_the_command_of_a_report_repeats_it(reports, name):
    parser = ArgumentParser()
    EXPERIMENTS[name].add_arguments(parser)
    asked = vars(parser.parse_args(reports[name].command.split()[3:]))
    for option, value in SMALL[name].items():
        if option != "compare_paper":
            assert asked[option] == value, option


def test_options_are_those_of_the_functions():
    for name, experiment in EXPERIMENTS.items():
        parameters = set(inspect.signature(experiment.run).parameters)
        assert parameters <= set(OPTIONS), name
        assert set(experiment.quick) <= parameters, name


def test_the_paper_stands_beside_it_cell_by_cell(reports):
    lines = {row[0]: row for row in reports["batch-size"].table.rows}
    assert lines["mmlu"][-1] == f"{paper.SPEED_UP_BY_BATCH['mmlu'][4]:.2f}×"
    (full, *_) = reports["dataset"].table.rows
    assert f"({paper.DATASET_MILLISECONDS['mmlu']['full_batching'][8]:.2f})" in full[2]
    assert "34,600 MB" in str(reports["memory"].table)


def test_a_speed_up_is_a_ratio_within_each_batch():
    rows = [
        {"workload": "w", "batch_size": 4, "draw": draw, "method": method, "seconds": seconds}
        for draw, method, seconds in (
            (0, "full_batching", [9.0, 2.0, 3.0]),
            (0, "prepacked", [1.0]),
            (1, "full_batching", [1.0]),
            (1, "prepacked", [1.0]),
        )
    ]
    assert speed_up(rows, "prepacked") == (2.0, 1.0, 3.0)


def test_own_prompts_are_drawn_without_replacement(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("one\none two three four\nfive six\n")
    (batch,) = draw_batches([], [3], 1, prompts=file)
    assert batch.workload == "your prompts" and len(set(batch.lengths)) == 3
    with pytest.raises(ValueError, match="a batch of 4 can't be drawn from 3 prompts; ask for 1 to 3"):
        draw_batches([], [4], 1, prompts=file)


@pytest.mark.parametrize("most", [0, 1, 2, 7, 8, 9, 100])
def test_the_largest_batch_is_found_by_halving(most):
    tried = []

    def fits(size):
        tried.append(size)
        return size <= most

    assert bisect(fits, 100) == most
    assert len(tried) <= 15


def test_a_batch_that_fills_the_range_is_found():
    assert bisect(lambda size: True, 100) == 100


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prefill", "--workloads", "nope"], "no length profile 'nope'"),
        (["prefill", "--methods", "prepacked"], "add it to the methods"),
        (["batch-size", "--draws", "0"], "draws is 0"),
        (["dataset", "--methods", "fast"], "no method 'fast'"),
        (["ttft", "--prompts", "missing.txt"], "can't be read"),
        (["packing", "--sizes", "10", "--plot", "x.html"], "packing has no figure"),
    ],
)
def test_bad_arguments_end_with_one_clear_line(arguments, words, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    model = [] if arguments[0] == "packing" else ["--model", "tiny-llama", "--device", "cpu"]
    with pytest.raises(SystemExit) as exit:
        main(["bench", *arguments, *model])
    assert exit.value.code == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("prepack-lab: ") and words in last


def test_a_figure_and_a_recording_can_be_kept(reports, tmp_path):
    report = reports["batch-size"]
    report.plot(tmp_path / "figure.html")
    assert "plotly" in (tmp_path / "figure.html").read_text()
    with pytest.raises(ValueError, match=r"ends in '.gif'"):
        report.plot(tmp_path / "figure.gif")
    file = report.record(tmp_path / "recordings")
    assert file.name.startswith("batch-size-tiny-llama-float32-") and file.name == file.name.lower()
    (kept,) = load_recordings(tmp_path / "recordings")
    assert set(kept.prefill["mmlu"]["prepacked"]) == {2, 4}


class TestInspect:
    def file(self, tmp_path, texts):
        (tmp_path / "mine.txt").write_text("\n".join(texts))
        return str(tmp_path / "mine.txt")

    def test_unequal_prompts_are_worth_packing(self, tmp_path, capsys):
        file = self.file(tmp_path, ["word " * length for length in (90, 3, 5, 8, 2, 4)])
        assert main(["inspect", file]) == 0
        said = capsys.readouterr().out
        assert "6 prompts of" in said and "rows." in said and "Full batching spends" in said

    def test_equal_prompts_are_not(self, tmp_path):
        assert main(["inspect", self.file(tmp_path, ["one two three"] * 4), "--at-least", "1.5"]) == 1

    def test_a_file_that_can_not_be_read_is_named(self, tmp_path, capsys):
        with pytest.raises(SystemExit) as exit:
            main(["inspect", str(tmp_path / "none.txt")])
        assert exit.value.code == 2 and "none.txt" in capsys.readouterr().err


def test_other_commands_load_no_experiments():
    code = "import sys; from prepack_lab.cli import main; main(['doctor', '--help'])"
    code = f"import atexit, sys; atexit.register(lambda: print('torch' in sys.modules)); {code}"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()[-1] == "False"
    assert lab.__version__
