"""The options of the experiments: read, said in words where they are wrong, and written out again."""

from collections.abc import Sequence
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from prepack_lab.bench import EXPERIMENTS
from prepack_lab.bench import calibrate as calibrating
from prepack_lab.bench.experiments import Calibrate
from prepack_lab.bench.report import Report
from prepack_lab.cli import main
from prepack_lab.measuring.calibration import Calibration
from prepack_lab.measuring.table import Table
from tests.test_cli import parsed


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


def test_quick_sets_some_options():
    for name, experiment in EXPERIMENTS.items():
        options = {field.name for field in fields(experiment)}
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


READ = {
    Sequence[str]: (["a,b"], ["a", "b"]),
    int: (["7"], 7),
    Sequence[int]: (["7,8"], [7, 8]),
    Path: (["my file"], Path("my file")),
    float: (["1.5"], 1.5),
    str: (["a"], "a"),
    bool: ([], True),
}


@pytest.mark.long
def test_every_option_of_every_experiment_is_read(asked):
    for name, experiment in EXPERIMENTS.items():
        kinds = get_type_hints(experiment)
        for option in fields(experiment):
            kind = kinds[option.name]
            words, value = READ[kind if kind in READ else get_args(kind)[0]]  # or it is one or None
            chosen = asked(name, f"--{option.name.replace('_', '-')}", *words)
            assert chosen == experiment(**{option.name: value})


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
        (["--batch-sizes", "4;8"], "'--batch-sizes': '4;8' are no whole numbers separated by commas, such as 4,8,16"),
        (["--methods", "prepacked,,full_batching"], "a name is missing in 'prepacked,,full_batching'"),
        (["--draws", "two"], "'--draws': 'two' is no whole number"),
    ],
)
def test_what_can_not_be_read_is_said_in_words(options, words, capsys):
    assert main(["bench", "batch-size", *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_every_default_is_shown(capsys):
    assert main(["bench", "one-batch", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "of the lengths and of the ids [default: 0]" in said
    assert "runs that count, after one that does not [default: 5]" in said


def test_a_figure_is_offered_only_where_there_is_one(capsys):
    for name, experiment in EXPERIMENTS.items():
        assert main(["bench", name, "--help"]) == 0
        assert ("--plot" in capsys.readouterr().out) == experiment.has_figure, name


def test_a_command_can_be_pasted_where_a_path_has_blanks(tmp_path):
    asked = {"prompts": "my prompts/all of them.txt", "seed": 0, "compare_paper": True}
    command = EXPERIMENTS["ttft"].command_with(asked)
    assert parsed(command) == {"prompts": Path("my prompts/all of them.txt"), "seed": 0, "compare_paper": True}


def test_a_calibration_names_its_device_in_what_repeats_it(monkeypatch):
    monkeypatch.setattr(calibrating, "calibrate", lambda model, repeats: Calibration(1e-3, 1e-12, 1e-12, "a machine"))
    report = Calibrate(model="tiny-llama", device="cpu", repeats=1).run()
    assert "--device cpu" in report.command and report.settings["device"] == "cpu"
