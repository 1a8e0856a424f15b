"""`prepack-lab run`: what a file of prompts needs besides the prompts, from the options of a command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from prepack_lab.advice.kept_calibration import known_calibration
from prepack_lab.measuring.calibration import Calibration
from prepack_lab.measuring.model_sizes import ModelSizes
from prepack_lab.models.loading import DEFAULT_MODEL, load_model
from prepack_lab.runs.ranks import join_ranks, place
from prepack_lab.runs.running import run_file
from prepack_lab.runs.tasks import TASKS, Task
from prepack_lab.sources.files import PromptFile


def run_command(
    file: str | Path,
    out: Path,
    task: str = "prefill",
    *,
    model: str = DEFAULT_MODEL,
    dtype: str | None = None,
    device: str | None = None,
    column: str | None = None,
    chat: bool | None = None,
    calibrate: bool = False,
    max_new_tokens: int | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    stop: Sequence[str] | None = None,
    continuations: str | None = None,
    **options: Any,
) -> int:
    """Run a file, and print what was done.

    Args:
        file, column, chat: as for `PromptFile`.
        out, options: as for `run_file`.
        task: a key of `TASKS`.
        model, dtype, device: as for `load_model`.
        calibrate: measure this machine where that was not kept, so that `method="auto"` predicts its seconds.
        max_new_tokens, temperature, top_p, seed, stop: as for `Generating`.
        continuations: as for `Scoring`.

    Returns:
        The exit code: 0 if all is well, 1 if some prompts can't be run, 130 after an interrupt.

    Raises:
        ValueError: as for `run_file` and `load_model`, or an option that the task does not have.
    """
    settings = {
        "max_new_tokens": max_new_tokens, "temperature": temperature, "top_p": top_p, "seed": seed,
        "stop": tuple(stop) if stop else None, "continuations": continuations,
    }  # fmt: skip
    chosen = make_task(task, {name: value for name, value in settings.items() if value is not None})
    try:
        with join_ranks(device) as own:
            loaded, tokenizer = load_model(model, dtype, own)
            # all ranks choose by the rates of the first
            rates = _rates(model, loaded, own, calibrate) if place()[0] == 0 else None
            apart = [continuations] if continuations else []
            prompts = PromptFile(file, column=column, chat=chat, apart=apart, keep_empty=True)
            summary = run_file(prompts, out, loaded, tokenizer, chosen, calibration=rates, **options)
    except KeyboardInterrupt as interrupt:
        print(f"prepack-lab: {str(interrupt) or 'interrupted; the same command goes on'}", file=sys.stderr)
        return 130
    if summary is None:
        return 0
    print(summary)
    return 1 if summary.errors else 0


def _rates(name: str, model: PreTrainedModel, device: torch.device, measure: bool) -> Calibration | None:
    try:
        sizes = ModelSizes.of(model.config)
    except ValueError:
        return None
    return known_calibration(name, sizes, model.dtype, device, lambda question: measure, model)


def make_task(name: str, settings: dict[str, Any]) -> Task:
    """A task by its name.

    Raises:
        ValueError: there is no such task, or it has no such setting, or needs one.
    """
    if name not in TASKS:
        raise ValueError(f"there is no task {name!r}; there are: {', '.join(TASKS)}")
    options = [field.name for field in fields(TASKS[name])]
    has = f"it has {', '.join(map(_option, options))}" if options else "it has none of its own"
    if foreign := sorted(settings.keys() - {*options}):
        raise ValueError(f"{name} has no option {_option(foreign[0])}; {has}")
    if "continuations" in options and "continuations" not in settings:
        raise ValueError(f"{name} needs --continuations COLUMN: where in each row the continuations are")
    return TASKS[name](**settings)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
