"""The command line: where to begin, help whose examples run, completion, and one line for whatever is wrong."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.main import get_command

import prepack_lab as lab
from prepack_lab import cli, names
from prepack_lab.cli import main
from prepack_lab.methods import DATASET_METHODS, METHODS
from prepack_lab.packing import STRATEGIES
from prepack_lab.runs.tasks import TASKS
from prepack_lab.sources.lengths import list_profiles

README = (Path(__file__).parents[1] / "README.md").read_text()


def parsed(line):
    """The options of a command as they are read, those that were not given left out; nothing is run."""
    command, words = get_command(cli.app), shlex.split(line)[1:]
    while words and words[0] in getattr(command, "commands", ()):
        command = command.commands[words.pop(0)]
    assert not getattr(command, "commands", None) or not words, f"there is no {words[0]}"
    read = command.make_context("prepack-lab", words).params
    return {name: value for name, value in read.items() if value is not None and value is not False}


def commands(command=None, words=("prepack-lab",)):
    """The words of every command."""
    command = command or get_command(cli.app)
    yield [*words]
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*words, name))


COMMANDS = [words for words in commands() if words[1:] != ["lm-eval"]]
"""All but the one whose help is the harness's."""


def test_every_command_is_here():
    said = [" ".join(words[1:]) for words in COMMANDS]
    assert {"", "doctor", "inspect", "run", "support", "bench", "bench prefill", "bench widgets", "grade"} <= {*said}


def test_what_is_known_by_name_is_what_there_is():
    assert (*DATASET_METHODS,) == names.DATASET_METHODS and METHODS == names.METHODS
    assert STRATEGIES == names.STRATEGIES
    assert tuple(list_profiles()) == names.WORKLOADS
    assert tuple(lab.list_models()) == names.MODELS
    assert tuple(TASKS) == names.TASKS


def test_alone_it_says_where_to_begin_and_lists_every_command(capsys):
    assert main([]) == 0
    said = capsys.readouterr()
    begin, _, listed = said.out.partition("Commands:")
    assert begin.count("\n    prepack-lab ") == 5 and not said.err
    assert re.findall(r"^  (\S+)  ", listed, re.M) == [*get_command(cli.app).commands]
    assert "..." not in listed, "each is said in a line, and none is cut off"
    assert main(["bench"]) == 0 and "  one-batch   Every method on one batch" in capsys.readouterr().out


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_is_readable_and_its_examples_run(words, capsys):
    assert main([*words[1:], "--help"]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    assert not re.search(r"[\x1b─│╭╰]", said), "plain text, also where it is piped"
    examples = re.findall(r"^ {4}(prepack-lab .*?)(?: {2,}.*)?$", said, re.M)
    assert any(shlex.split(example)[: len(words)] == words for example in examples)
    for example in examples:
        if not example.endswith(" --help"):
            parsed(example)


def test_the_examples_of_the_readme_run():
    lines = re.findall(r"(?:^|`)(prepack-lab (?!lm-eval|--install)[^`\n…]+)", README, re.M)
    assert len(lines) > 4
    for line in lines:
        parsed(line)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("bnech", "No such command 'bnech'. Did you mean 'bench'? (prepack-lab --help)"),
        ("bench prefil", "Did you mean 'prefill'"),
        ("bench prefill --modle x", "No such option: --modle (Possible options: --methods, --model)"),
        ("--verison", "No such option: --verison (Possible options: --version)"),
        ("bench prefill --draws", "Option '--draws' requires an argument."),
        ("bench prefill --draws two", "'--draws': 'two' is no whole number; give one, such as 16"),
        ("bench memory --memory much", "'--memory': 'much' is no number; give one, such as 1.5"),
        ("inspect", "Missing argument 'FILE'. (prepack-lab inspect --help)"),
        ("inspect none.txt", "none.txt"),
        ("inspect none.txt another.txt", "another.txt"),
        ("grade none --seconds x", "'--seconds': 'x' is no number"),
        ("doctor now", "now"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(line, words, capsys):
    assert main(line.split()) == 2
    said = capsys.readouterr()
    (only,) = said.err.splitlines()
    assert only.startswith("prepack-lab: ") and words in only and not said.out


def raising(error):
    def run():
        raise error

    return run


def test_an_error_of_several_lines_takes_one(monkeypatch, capsys):
    monkeypatch.setattr("prepack_lab.doctor.diagnose", raising(ValueError("one\n  two")))
    assert main(["doctor"]) == 2 and capsys.readouterr().err == "prepack-lab: one two\n"


def test_a_fault_of_the_lab_is_no_message(monkeypatch):
    monkeypatch.setattr("prepack_lab.doctor.diagnose", raising(RuntimeError("a fault")))
    with pytest.raises(RuntimeError, match="a fault"):
        main(["doctor"])


def test_ctrl_c_ends_it_with_a_line(monkeypatch, capsys):
    monkeypatch.setattr("prepack_lab.doctor.diagnose", raising(KeyboardInterrupt()))
    assert main(["doctor"]) == 130
    assert capsys.readouterr().err == "\nprepack-lab: stopped\n"


def test_everything_is_passed_on_to_the_harness(monkeypatch):
    pytest.importorskip("lm_eval")
    passed = []
    monkeypatch.setattr("prepack_lab.scoring.harness.run_command", passed.extend)
    words = ["run", "--model", "prepack", "-h", "--help", "--tasks=arc_easy", "--", "--model_args", "a=b,c"]
    assert main(["lm-eval", *words]) == 0 and passed == words
    assert main(["lm-eval", "--help"]) == 0 and passed[len(words) :] == ["--help"]


def python(code, **environment):
    """What a process of its own prints, and whether it has loaded torch in the end."""
    loaded = "import atexit, sys; atexit.register(lambda: print('torch' in sys.modules))"
    run = [sys.executable, "-c", f"{loaded}\n{code}\nfrom prepack_lab.cli import main; sys.exit(main())"]
    return subprocess.check_output(run, text=True, env={**os.environ, **environment}).splitlines()


@pytest.mark.parametrize("line", ["", "--help", "--version", "bench --help", "bench one-batch --help", "grade --help"])
def test_help_loads_no_torch(line):
    *said, loaded = python(f"sys.argv[1:] = {line.split()}")
    assert loaded == "False" and said


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("do", ["doctor"]),
        ("bench pre", ["prefill", "predict"]),
        ("bench prefill --wor", ["--workloads"]),
        ("bench prefill --workloads gsm8k,mm", ["gsm8k,mmlu"]),
        ("bench prefill --methods len", ["length_ordered"]),
        ("bench dataset --methods prepacked,dat", ["prepacked,dataset_prepacked"]),
        ("bench packing --strategies opt", ["optimal"]),
        ("inspect mine.txt --model tiny", ["tiny-llama", "tiny-gpt2"]),
    ],
)
def test_what_is_typed_is_completed_without_torch(line, found):
    typed = {"COMP_WORDS": f"prepack-lab {line}", "COMP_CWORD": str(len(line.split()))}
    assert python("", _PREPACK_LAB_COMPLETE="complete_bash", **typed) == [*found, "False"]


@pytest.mark.long
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_shown_and_installed(shell, tmp_path):
    chosen = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", "HOME": str(tmp_path)}
    shown = python(f"sys.argv[1:] = ['--show-completion', {shell!r}]", **chosen)
    assert any("_PREPACK_LAB_COMPLETE=complete_" in line for line in shown)
    python(f"sys.argv[1:] = ['--install-completion', {shell!r}]", **chosen)
    written = [path.read_text() for path in tmp_path.rglob("*prepack-lab*") if path.is_file()]
    assert "\n".join(shown[:-1]) in "".join(written)


def test_examples_are_really_parsed():
    for wrong in ("prepack-lab bench prefil", "prepack-lab nope"):
        with pytest.raises(AssertionError):
            parsed(wrong)
    with pytest.raises(typer.TyperException, match="No such option"):
        parsed("prepack-lab bench prefill --nope 3")
    assert parsed("prepack-lab bench ttft --draws 3 --quick") == {"draws": 3, "quick": True}
