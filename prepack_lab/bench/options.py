"""The options of all experiments. An experiment takes those that its function has as parameters, with its defaults."""

from __future__ import annotations

import inspect
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prepack_lab.bench.report import Report


def _names(words: str) -> list[str]:
    return words.split(",")


def _numbers(words: str) -> list[int]:
    return [int(word) for word in words.split(",")]


OPTIONS: dict[str, dict[str, Any]] = {
    "model": {"help": "as for load_model"},
    "dtype": {"help": "float32, bfloat16 or float16; default: what suits the device"},
    "device": {"help": "cuda, mps or cpu; default: the best there is"},
    "workload": {"help": "a length profile"},
    "workloads": {"type": _names, "help": "length profiles, separated by commas"},
    "prompts": {"type": Path, "metavar": "FILE", "help": "your own prompts instead: .txt, .jsonl or .csv"},
    "batch_size": {"type": int, "help": "prompts in a batch"},
    "batch_sizes": {"type": _numbers, "help": "prompts in a batch, several separated by commas"},
    "lengths": {"type": _numbers, "help": "tokens of every prompt, several separated by commas"},
    "sizes": {"type": _numbers, "help": "how many prompts, several separated by commas"},
    "count": {"type": int, "help": "prompts in all"},
    "draws": {"type": int, "help": "random batches of each kind"},
    "methods": {"type": _names, "help": "separated by commas"},
    "strategies": {"type": _names, "help": "separated by commas"},
    "max_new_tokens": {"type": int, "help": "tokens to generate for each prompt"},
    "memory": {"type": float, "metavar": "GB", "help": "of the device; default: what is free now"},
    "repeats": {"type": int, "help": "runs that count, after one that does not"},
    "seed": {"type": int, "help": "of the lengths and of the ids"},
    "compare_paper": {"action": "store_true", "help": "print what the paper measured beside it"},
}


@dataclass(frozen=True)
class Experiment:
    """One of the commands `prepack-lab bench NAME`."""

    run: Callable[..., Report]
    help: str
    quick: dict[str, Any] = field(default_factory=dict)
    """What `--quick` sets: under two minutes on two cores."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Its options, with the defaults of its function."""
        for name, parameter in inspect.signature(self.run).parameters.items():
            option, default = dict(OPTIONS[name]), parameter.default
            if default not in (None, False):
                shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
                option["help"] += f"; default: {shown}"
            parser.add_argument(f"--{name.replace('_', '-')}", default=default, **option)
        parser.add_argument("--quick", action="store_true", help="small settings: under two minutes on two cores")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the record there, too")
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
        words.append(option if value is True else f"{option} {told}")
    return " ".join(words)
