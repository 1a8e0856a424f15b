"""The command `prepack-lab`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prepack_lab import __version__
from prepack_lab.course.grading import command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit code: 0 if all is well."""
    parser = argparse.ArgumentParser(
        prog="prepack-lab", description="Why padded batches waste prefill, and how prepacking wins it back."
    )
    parser.add_argument("--version", action="version", version=f"prepack-lab {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    doctor = commands.add_parser("doctor", help="check that this machine is ready; exit code 1 if it is not")
    doctor.set_defaults(run=_doctor)
    support = commands.add_parser("support", help="which of transformers' models each method is exact for")
    support.set_defaults(run=_support)
    _add_inspect(
        commands.add_parser(
            "inspect",
            help="what padding costs a file of prompts, and what to do; exit code 1 if there is nothing to win",
        )
    )
    command.add_arguments(
        commands.add_parser("grade", help="grade a folder of students' notebooks; writes pages and CSV files")
    )
    bench = commands.add_parser("bench", help="measure on this machine what the paper measured on its own")
    commands.add_parser(
        "lm-eval", help="lm-evaluation-harness, which gains the model prepack; takes what lm_eval takes"
    )
    arguments = sys.argv[1:] if arguments is None else arguments
    if "lm-eval" in arguments[:1]:
        return _lm_eval(arguments[1:])
    if "bench" in arguments[:1]:  # the experiments load torch
        _add_bench(bench)
    chosen = vars(parser.parse_args(arguments))
    del chosen["command"]
    try:
        return chosen.pop("run")(**chosen)
    except (ValueError, RuntimeError) as error:
        if not _says_what_to_do(error):
            raise
        parser.exit(2, f"prepack-lab: {error}\n")


def _says_what_to_do(error: Exception) -> bool:
    """Whether the message is all that people need: an unknown name, an unreadable file, a model that does not fit."""
    if isinstance(error, ValueError):
        return True
    from prepack_lab.models.embedded_model import ModelUnavailableError

    return isinstance(error, ModelUnavailableError)


def _add_bench(bench: argparse.ArgumentParser) -> None:
    from prepack_lab.bench import EXPERIMENTS

    experiments = bench.add_subparsers(dest="experiment", metavar="experiment", required=True)
    for name, experiment in EXPERIMENTS.items():
        parser = experiments.add_parser(name, help=experiment.summary(), description=experiment.__doc__)
        experiment.add_arguments(parser)
        parser.set_defaults(run=_bench)


def _bench(
    experiment: str, json: Path | None, record: bool, quick: bool, plot: Path | None = None, **settings: Any
) -> int:
    from prepack_lab.bench import EXPERIMENTS
    from prepack_lab.bench.report import check_plot
    from prepack_lab.measuring.recordings import FOLDER

    for path in (json, plot):
        if path is not None and not path.resolve().parent.is_dir():
            raise ValueError(f"{path} can't be written: there is no folder {path.parent}; create it first")
    if plot is not None:
        check_plot(plot)
    chosen = EXPERIMENTS[experiment]
    report = chosen(**(chosen.quick if quick else {}) | settings).run()
    print(report)
    if json is not None:
        report.save(json)
    if record:
        print(f"recorded as {report.record(FOLDER).name}")
    if plot is not None:  # last, since it is the likeliest to fail
        report.plot(plot)
    return 0


def _add_inspect(inspect: argparse.ArgumentParser) -> None:
    inspect.add_argument("file", type=Path, help="prompts: .txt (one per line), .jsonl or .csv")
    inspect.add_argument("--model", default="smollm2-135m", help="the model to run them; default: %(default)s")
    inspect.add_argument("--batch-size", type=int, default=16, help="prompts per batch; default: %(default)s")
    inspect.add_argument("--calibrate", action="store_true", help="predict seconds for this machine; takes a minute")
    inspect.add_argument(
        "--at-least", type=float, default=1.05, metavar="GAIN",
        help="exit code 0 if the best method is GAIN times as fast as full batching, or more; default: %(default)s",
    )  # fmt: skip
    inspect.set_defaults(run=_inspect)


def _inspect(file: Path, model: str, batch_size: int, calibrate: bool, at_least: float) -> int:
    from prepack_lab.measuring import calibration, inspection
    from prepack_lab.measuring.model_sizes import ModelSizes
    from prepack_lab.models import loading
    from prepack_lab.prompts import tokenize
    from prepack_lab.sources.files import read_prompts

    texts, tokenizer, rates = read_prompts(file), None, None
    if calibrate:
        loaded, tokenizer = loading.load_model(model)
        sizes, rates = ModelSizes.of(loaded.config), calibration.calibrate(loaded)
    else:
        sizes = loading.load_sizes(model)
        rates = calibration.recorded_calibration() if model == loading.DEFAULT_MODEL else None
    counter = loading.DEFAULT_MODEL if model in loading.RANDOM_MODELS else model  # random weights know bytes only
    if tokenizer is None or counter != model:
        tokenizer = loading.load_model(counter, device="cpu")[1]
    lengths = [len(prompt) for prompt in tokenize(tokenizer, texts)]
    found = inspection.inspect_lengths(lengths, sizes, batch_size, rates)
    print(f"{found}\n\nTokens are counted by the tokenizer of {counter}.")
    return 0 if found.gain(found.best) >= at_least else 1


def _lm_eval(arguments: Sequence[str]) -> int:
    try:
        from prepack_lab.scoring.harness import run_command
    except ImportError as error:
        print(f"prepack-lab: {error}; lm-eval is an extra: pip install 'prepack-lab[lm-eval]'", file=sys.stderr)
        return 2
    run_command([*arguments])
    return 0


def _doctor() -> int:
    from prepack_lab.doctor import diagnose

    diagnosis = diagnose()
    print(diagnosis)
    return 0 if diagnosis.healthy else 1


def _support() -> int:
    import warnings

    from tqdm import tqdm
    from transformers.utils import logging

    from prepack_lab.methods import METHODS
    from prepack_lab.models.zoo import every_class, support_of_every_class, support_table

    logging.set_verbosity(logging.CRITICAL)
    warnings.simplefilter("ignore")
    found = [*tqdm(support_of_every_class(), total=len(every_class()), unit="class", leave=False)]
    print(support_table(found, tuple(METHODS)))
    return 0
