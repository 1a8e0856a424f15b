"""The options of the experiments: read, said in words where they are wrong, and written out again."""

import shlex
from argparse import ArgumentParser
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from prepack_lab.bench import EXPERIMENTS
from prepack_lab.bench import calibrate as calibrating
from prepack_lab.bench.experiment import OPTIONS, command_of
from prepack_lab.bench.report import Report
from prepack_lab.cli import main
from prepack_lab.measuring.calibration import Calibration
from prepack_lab.measuring.table import Table


@pytest.fixture
def asked(monkeypatch):
    """The experiment that a command makes, without running it."""

    def experiment(name, *options):
        found = []

        def run(self):
            found.append(self)
            return Report.now(f"prepack-lab bench {name}", "cpu", {}, [], Table((), [], ""))

        with monkeypatch.context() as patched:
            patched.setattr(EXPERIMENTS[name], "run", run)
            assert main(["bench", name, *options]) == 0
        return found[0]

    return experiment


def test_every_field_is_an_option_and_quick_sets_some():
    for name, experiment in EXPERIMENTS.items():
        options = {field.name for field in fields(experiment)}
        assert options <= set(OPTIONS), name
        assert experiment.quick and set(experiment.quick) <= options, name


def test_without_options_the_defaults_are_taken(asked):
    for name, experiment in EXPERIMENTS.items():
        assert asked(name) == experiment()


def test_quick_leaves_alone_what_was_asked_for(asked):
    prefill = EXPERIMENTS["prefill"]
    assert asked("prefill", "--quick") == prefill(draws=1, batch_size=8)
    assert asked("prefill", "--quick", "--batch-size", "32") == prefill(draws=1, batch_size=32)
    assert asked("prefill", "--quick", "--draws", "3", "--batch-size", "16") == prefill(draws=3, batch_size=16)
    assert asked("dataset", "--quick", "--count", "10").count == 10


def test_every_option_of_every_experiment_is_read(asked):
    for name, experiment in EXPERIMENTS.items():
        for option in fields(experiment):
            kind = OPTIONS[option.name].get("type", str)
            words, value = {
                "_names": ("a,b", ["a", "b"]),
                "_number": ("7", 7),
                "_numbers": ("7,8", [7, 8]),
                "Path": ("my file", Path("my file")),
                "float": ("1.5", 1.5),
                "str": ("a", "a"),
            }[kind.__name__]
            switch = OPTIONS[option.name].get("action") == "store_true"
            chosen = asked(name, f"--{option.name.replace('_', '-')}", *([] if switch else [words]))
            assert chosen == experiment(**{option.name: True if switch else value})


def test_an_experiment_can_not_be_changed_and_takes_no_other_options():
    with pytest.raises(FrozenInstanceError):
        EXPERIMENTS["prefill"]().draws = 2
    with pytest.raises(TypeError, match="drawz"):
        EXPERIMENTS["prefill"](drawz=2)


def test_words_may_stand_apart(asked):
    assert asked("prefill", "--methods", "full_batching, padding_free").methods == ["full_batching", "padding_free"]
    assert asked("batch-size", "--batch-sizes", "4, 8").batch_sizes == [4, 8]


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
        assert ("--plot" in capsys.readouterr().out) == experiment.has_figure, name


def test_a_command_can_be_pasted_where_a_path_has_blanks(tmp_path):
    command = command_of("ttft", {"prompts": "my prompts/all of them.txt", "seed": 0, "compare_paper": True})
    parser = ArgumentParser()
    EXPERIMENTS["ttft"].add_arguments(parser)
    read = parser.parse_args(shlex.split(command)[3:])
    assert str(read.prompts) == "my prompts/all of them.txt" and read.seed == 0 and read.compare_paper


def test_a_calibration_names_its_device_in_what_repeats_it(monkeypatch):
    monkeypatch.setattr(calibrating, "calibrate", lambda model, repeats: Calibration(1e-3, 1e-12, 1e-12, "a machine"))
    report = calibrating.Calibrate(model="tiny-llama", device="cpu", repeats=1).run()
    assert "--device cpu" in report.command and report.settings["device"] == "cpu"
