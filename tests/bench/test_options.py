"""The options of the experiments: read, said in words where they are wrong, and written out again."""

import inspect
import shlex
from argparse import ArgumentParser
from dataclasses import replace
from functools import wraps

import pytest

from prepack_lab.bench import EXPERIMENTS
from prepack_lab.bench import calibrate as calibrating
from prepack_lab.bench.options import OPTIONS, command_of
from prepack_lab.bench.report import Report
from prepack_lab.cli import main
from prepack_lab.measuring.calibration import Calibration
from prepack_lab.table import Table


@pytest.fixture
def asked(monkeypatch):
    """What an experiment is asked for by a command, without running it."""

    def settings(name, *options):
        found = {}

        @wraps(EXPERIMENTS[name].run)
        def run(**settings):
            found.update(settings)
            return Report.now(f"prepack-lab bench {name}", "cpu", settings, [], Table((), [], ""))

        with monkeypatch.context() as patched:
            patched.setitem(EXPERIMENTS, name, replace(EXPERIMENTS[name], run=run))
            assert main(["bench", name, *options]) == 0
        return found

    return settings


def test_options_are_those_of_the_functions():
    for name, experiment in EXPERIMENTS.items():
        parameters = set(inspect.signature(experiment.run).parameters)
        assert parameters <= set(OPTIONS), name
        assert set(experiment.quick) <= parameters, name


def test_quick_leaves_alone_what_was_asked_for(asked):
    assert asked("prefill", "--quick") == {"draws": 1, "batch_size": 8}
    assert asked("prefill", "--quick", "--batch-size", "32") == {"draws": 1, "batch_size": 32}
    assert asked("prefill", "--quick", "--draws", "3", "--batch-size", "16") == {"draws": 3, "batch_size": 16}
    assert asked("dataset", "--quick", "--count", "10")["count"] == 10


def test_words_may_stand_apart(asked):
    assert asked("prefill", "--methods", "full_batching, padding_free")["methods"] == ["full_batching", "padding_free"]
    assert asked("batch-size", "--batch-sizes", "4, 8") == {"batch_sizes": [4, 8]}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--batch-sizes", "4;8"], "argument --batch-sizes: '4;8' are no whole numbers separated by commas, such as"),
        (["--methods", "prepacked,,full_batching"], "a name is missing in 'prepacked,,full_batching'"),
        (["--draws", "two"], "argument --draws: 'two' is no whole number"),
    ],
)
def test_what_can_not_be_read_is_said_in_words(options, words, capsys):
    with pytest.raises(SystemExit):
        main(["bench", "batch-size", *options])
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in last and "value" not in last and "_n" not in last


def test_every_default_is_shown(capsys):
    with pytest.raises(SystemExit):
        main(["bench", "one-batch", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "of the lengths and of the ids; default: 0" in said
    assert "runs that count, after one that does not; default: 5" in said


def test_a_figure_is_offered_only_where_there_is_one(capsys):
    for name, experiment in EXPERIMENTS.items():
        with pytest.raises(SystemExit):
            main(["bench", name, "--help"])
        assert ("--plot" in capsys.readouterr().out) == experiment.figure, name


def test_a_command_can_be_pasted_where_a_path_has_blanks(tmp_path):
    command = command_of("ttft", {"prompts": "my prompts/all of them.txt", "seed": 0, "compare_paper": True})
    parser = ArgumentParser()
    EXPERIMENTS["ttft"].add_arguments(parser)
    read = parser.parse_args(shlex.split(command)[3:])
    assert str(read.prompts) == "my prompts/all of them.txt" and read.seed == 0 and read.compare_paper


def test_a_calibration_names_its_device_in_what_repeats_it(monkeypatch):
    monkeypatch.setattr(calibrating, "calibrate", lambda model, repeats: Calibration(1e-3, 1e-12, 1e-12, "a machine"))
    report = calibrating.calibrate_benchmark("tiny-llama", device="cpu", repeats=1)
    assert "--device cpu" in report.command and report.settings["device"] == "cpu"
