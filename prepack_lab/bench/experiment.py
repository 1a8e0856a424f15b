"""What all experiments are: their fields are their options, on the command line and in what they record."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

from prepack_lab import options

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from prepack_lab.bench.report import Report
    from prepack_lab.figures.style import LabFigure
    from prepack_lab.measuring.table import Table

EXPERIMENTS: dict[str, type[Experiment]] = {}
"""Name → experiment, in the order in which they are defined."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The options that all experiments share, and none records: what becomes of the report."""

    quick: options.Quick = False
    json: options.Json | None = None
    plot: options.Plot | None = None
    record: options.Record = False


@dataclass_transform(frozen_default=True, kw_only_default=True)
@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One of the commands `prepack-lab bench NAME`: a frozen dataclass, its options as fields with their defaults.

    The first line of its docstring is its line in `prepack-lab bench --help`. What it does is the function `run_NAME`
    in the module that it names, which is loaded when it runs.
    """

    name: ClassVar[str]
    module: ClassVar[str]
    """Where its function is, in this package."""
    example: ClassVar[str]
    """Options to try, shown in its help."""
    quick: ClassVar[dict[str, Any]]
    """What `--quick` sets where nothing else is asked for: under two minutes on two cores."""
    has_figure: ClassVar[bool]
    """Whether there is a figure, which `--plot` writes; elsewhere the table says it better."""

    def __init_subclass__(
        cls,
        name: str = "",
        module: str = "",
        example: str = "",
        quick: Mapping[str, Any] | None = None,
        figure: bool = False,
    ) -> None:
        cls.name, cls.module, cls.example = name, module or name.replace("-", "_"), example
        cls.quick, cls.has_figure = dict(quick or {}), figure
        dataclass(frozen=True, kw_only=True)(cls)
        if name:
            EXPERIMENTS[name] = cls

    def run(self) -> Report:
        """Measure, and say where, when and how.

        Raises:
            ValueError: an unknown workload, method, dtype or device, or whatever else can't be run as it was asked for.
            UnsupportedModelError: a method is not known to be exact for the model.
        """
        module = import_module(f"prepack_lab.bench.{self.module}")
        return getattr(module, f"run_{self.name.replace('-', '_')}")(self)

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
        from prepack_lab.bench.report import Report

        chosen, device = {**vars(self), **(settings or {})}, "cpu"
        chosen.pop("compare_paper", None)
        if chosen.get("prompts"):
            chosen["prompts"] = str(chosen["prompts"])
        if model is not None:
            device, chosen["dtype"] = str(model.device), dtype_name(model)
        return Report.now(self.command_with(chosen), device, chosen, results, table, figure)

    @classmethod
    def command_with(cls, settings: Mapping[str, Any]) -> str:
        """The command that repeats it with these settings; those that are no options of it are left out."""
        words = ["prepack-lab bench", cls.name]
        for option in fields(cls):
            value = settings.get(option.name)
            if value is None or value is False:
                continue
            named = f"--{option.name.replace('_', '-')}"
            said = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            words.append(named if value is True else f"{named} {shlex.quote(said)}")
        return " ".join(words)

    @classmethod
    def summary(cls) -> str:
        """What it is for, in a line."""
        return (cls.__doc__ or "").splitlines()[0]

    @classmethod
    def command(cls) -> Callable[..., int]:
        """Its command, for typer."""
        return options.command(partial(_run, cls), cls, Kept, left_out=() if cls.has_figure else ("plot",))


def dtype_name(model: PreTrainedModel) -> str:
    """As it is asked for on the command line."""
    return str(model.dtype).removeprefix("torch.")


def _run(experiment: type[Experiment], **given: Any) -> int:
    """Run an experiment, and keep its report where that was asked for."""
    from prepack_lab.bench.report import check_plot
    from prepack_lab.measuring.recordings import FOLDER

    kept = Kept(**{option.name: given.pop(option.name) for option in fields(Kept) if option.name in given})
    options.check_folders(kept.json, kept.plot)
    if kept.plot is not None:
        check_plot(kept.plot)
    report = experiment(**(experiment.quick if kept.quick else {}) | given).run()
    print(report)
    if kept.json is not None:
        report.save(kept.json)
    if kept.record:
        print(f"recorded as {report.record(FOLDER).name}")
    if kept.plot is not None:  # last, since it is the likeliest to fail
        report.plot(kept.plot)
    return 0
