"""The command `run`: exit codes, and options that belong to another task."""

import json

import pytest

from prepack_lab.runs import command
from prepack_lab.runs.command import make_task, run_command
from prepack_lab.runs.tasks import Generating, Prefilling, Scoring

TINY = {"model": "tiny-llama", "device": "cpu", "progress": False}


def test_exit_codes(prompts, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out.jsonl"
    assert run_command(prompts, out, "generate", max_new_tokens=2, **TINY) == 0
    assert "13 prompts" in capsys.readouterr().out
    assert [len(json.loads(line)["token_ids"]) for line in out.read_text().splitlines()] == [2] * 13
    with prompts.open("a") as file:
        file.write('{"prompt": ""}\n')
    assert run_command(prompts, out, "score", continuations="continuations", fresh=True, **TINY) == 1
    assert "1 can't be run" in capsys.readouterr().out

    def interrupt(*_, **__):
        raise KeyboardInterrupt("5 of 14 prompts are done")

    monkeypatch.setattr(command, "run_file", interrupt)
    assert run_command(prompts, out, **TINY) == 130
    assert capsys.readouterr().err == "prepack-lab: 5 of 14 prompts are done\n"


def test_tasks_take_their_own_options():
    assert make_task("prefill", {}) == Prefilling()
    assert make_task("generate", {"seed": 3}) == Generating(seed=3)
    assert make_task("score", {"continuations": "continuations"}) == Scoring("continuations")
    for name, settings, message in (
        ("embed", {}, "no task 'embed'; there are: prefill, generate, score"),
        ("prefill", {"max_new_tokens": 3}, "prefill has no option --max-new-tokens; it has none of its own"),
        ("score", {"seed": 3}, "score has no option --seed; it has --continuations"),
        ("score", {}, "score needs --continuations COLUMN"),
        ("generate", {"max_new_tokens": 0}, "max_new_tokens is 0"),
        ("generate", {"top_p": 0.0}, "top_p is 0.0"),
        ("generate", {"seed": -1}, "seed -1; neither may be below 0"),
        ("generate", {"temperature": -1.0}, "temperature is -1.0"),
    ):
        with pytest.raises(ValueError, match=message):
            make_task(name, settings)
