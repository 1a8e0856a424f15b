"""What all experiments are: their fields are their options, on the command line and in what they record."""

from __future__ import annotations

import shlex
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, dataclass_transform

from transformers import PreTrainedModel

from prepack_lab.bench.report import Report
from prepack_lab.figures.style import LabFigure
from prepack_lab.measuring.table import Table


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
    "choices": {"type": _number, "help": "continuations of each prompt"},
    "examples": {"type": _numbers, "help": "tokens that all prompts begin with, several separated by commas"},
    "draws": {"type": _number, "help": "random batches of each kind"},
    "methods": {"type": _names, "help": "separated by commas"},
    "strategies": {"type": _names, "help": "separated by commas"},
    "max_new_tokens": {"type": _number, "help": "tokens to generate for each prompt"},
    "memory": {"type": float, "metavar": "GB", "help": "of the device; default: what is free now"},
    "repeats": {"type": _number, "help": "runs that count, after one that does not"},
    "seed": {"type": _number, "help": "of the lengths and of the ids"},
    "compare_paper": {"action": "store_true", "help": "print what the paper measured beside it"},
}
"""How each option is read and described, whichever experiment takes it."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One of the commands `prepack-lab bench NAME`: a frozen dataclass, its options as fields with their defaults.

    The first line of its docstring is its line in `prepack-lab bench --help`.
    """

    name: ClassVar[str]
    quick: ClassVar[dict[str, Any]]
    """What `--quick` sets where nothing else is asked for: under two minutes on two cores."""
    has_figure: ClassVar[bool]
    """Whether there is a figure, which `--plot` writes; elsewhere the table says it better."""

    def __init_subclass__(cls, name: str = "", quick: Mapping[str, Any] | None = None, figure: bool = False) -> None:
        cls.name, cls.quick, cls.has_figure = name, dict(quick or {}), figure
        dataclass(frozen=True, kw_only=True)(cls)

    def run(self) -> Report:
        """Measure, and say where, when and how.

        Raises:
            ValueError: an unknown workload, method, dtype or device, or whatever else can't be run as it was asked for.
            UnsupportedModelError: a method is not known to be exact for the model.
        """
        raise NotImplementedError

    def report(
        self,
        results: list[dict[str, Any]],
        table: Table,
        figure: LabFigure | None = None,
        model: PreTrainedModel | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Report:
        """What was measured, with the options that repeat it.

        Args:
            results, table, figure: as in a `Report`.
            model: that ran, which knows its device and dtype; left out where none did.
            settings: what belongs into the record beside the options, or instead of them.
        """
        chosen, device = {**vars(self), **(settings or {})}, "cpu"
        chosen.pop("compare_paper", None)
        if chosen.get("prompts"):
            chosen["prompts"] = str(chosen["prompts"])
        if model is not None:
            device, chosen["dtype"] = str(model.device), dtype_name(model)
        return Report.now(command_of(self.name, chosen), device, chosen, results, table, figure)

    @classmethod
    def summary(cls) -> str:
        """What it is for, in a line."""
        return (cls.__doc__ or "").splitlines()[0].removesuffix(".")

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Its options. What is not given is not set: the defaults are those of its fields."""
        for option in fields(cls):
            asked, default = dict(OPTIONS[option.name]), option.default
            if default is not None and default is not False:
                shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
                asked["help"] += f"; default: {shown}"
            parser.add_argument(f"--{option.name.replace('_', '-')}", default=SUPPRESS, **asked)
        parser.add_argument("--quick", action="store_true", help="small settings: under two minutes on two cores")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the record there, too")
        if cls.has_figure:
            parser.add_argument("--plot", type=Path, metavar="FILE", help="write the figure there: .html, .png or .svg")
        parser.add_argument("--record", action="store_true", help="keep the record among the package's own recordings")


def dtype_name(model: PreTrainedModel) -> str:
    """As it is asked for on the command line."""
    return str(model.dtype).removeprefix("torch.")


def command_of(experiment: str, settings: Mapping[str, Any]) -> str:
    """The command that repeats an experiment with these settings."""
    words = ["prepack-lab bench", experiment]
    for name, value in settings.items():
        if name not in OPTIONS or value is None or value is False:
            continue
        option = f"--{name.replace('_', '-')}"
        said = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        words.append(option if value is True else f"{option} {shlex.quote(said)}")
    return " ".join(words)
