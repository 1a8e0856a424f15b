"""The options of all experiments. An experiment takes those that its function has as parameters, with its defaults."""

from __future__ import annotations

import inspect
import shlex
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prepack_lab.bench.report import Report


def _names(words: str) -> list[str]:
    names = [word.strip() for word in words.split(",")]
    if not all(names):
        raise ArgumentTypeError(f"a name is missing in {words!r}; give names separated by commas")
    return names


def _number(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise ArgumentTypeError(f"{word!r} is no whole number; give one, such as 16") from None


def _numbers(words: str) -> list[int]:
    try:
        return [int(word) for word in words.split(",")]
    except ValueError:
        raise ArgumentTypeError(f"{words!r} are no whole numbers separated by commas, such as 4,8,16") from None


OPTIONS: dict[str, dict[str, Any]] = {
    "model": {"help": "as for load_model"},
    "dtype": {"help": "float32, bfloat16 or float16; default: what suits the device"},
    "device": {"help": "cuda, mps or cpu; default: the best there is"},
    "workload": {"help": "a length profile"},
    "workloads": {"type": _names, "help": "length profiles, separated by commas"},
    "prompts": {"type": Path, "metavar": "FILE", "help": "your own prompts instead: .txt, .jsonl or .csv"},
    "batch_size": {"type": _number, "help": "prompts in a batch"},
    "batch_sizes": {"type": _numbers, "help": "prompts in a batch, several separated by commas"},
    "lengths": {"type": _numbers, "help": "tokens of every prompt, several separated by commas"},
    "sizes": {"type": _numbers, "help": "how many prompts, several separated by commas"},
    "count": {"type": _number, "help": "prompts in all"},
    "draws": {"type": _number, "help": "random batches of each kind"},
    "methods": {"type": _names, "help": "separated by commas"},
    "strategies": {"type": _names, "help": "separated by commas"},
    "max_new_tokens": {"type": _number, "help": "tokens to generate for each prompt"},
    "memory": {"type": float, "metavar": "GB", "help": "of the device; default: what is free now"},
    "repeats": {"type": _number, "help": "runs that count, after one that does not"},
    "seed": {"type": _number, "help": "of the lengths and of the ids"},
    "compare_paper": {"action": "store_true", "help": "print what the paper measured beside it"},
}


@dataclass(frozen=True)
class Experiment:
    """One of the commands `prepack-lab bench NAME`."""

    run: Callable[..., Report]
    help: str
    quick: dict[str, Any] = field(default_factory=dict)
    """What `--quick` sets where nothing else is asked for: under two minutes on two cores."""
    figure: bool = False
    """Whether there is one, which `--plot` writes; elsewhere the table says it better."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Its options. What is not given is not set: the defaults are those of its function."""
        for name, parameter in inspect.signature(self.run).parameters.items():
            option, default = dict(OPTIONS[name]), parameter.default
            if default is not None and default is not False:
                shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
                option["help"] += f"; default: {shown}"
            parser.add_argument(f"--{name.replace('_', '-')}", default=SUPPRESS, **option)
        parser.add_argument("--quick", action="store_true", help="small settings: under two minutes on two cores")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the record there, too")
        if self.figure:
            parser.add_argument("--plot", type=Path, metavar="FILE", help="write the figure there: .html, .png or .svg")
        parser.add_argument("--record", action="store_true", help="keep the record among the package's own recordings")


def command_of(experiment: str, settings: dict[str, Any]) -> str:
    """The command that repeats an experiment with these settings."""
    words = ["prepack-lab bench", experiment]
    for name, value in settings.items():
        if name not in OPTIONS or value is None or value is False:
            continue
        option = f"--{name.replace('_', '-')}"
        told = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        words.append(option if value is True else f"{option} {shlex.quote(told)}")
    return " ".join(words)
