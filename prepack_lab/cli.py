"""The command `prepack-lab`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prepack_lab import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 where all is well."""
    parser = argparse.ArgumentParser(
        prog="prepack-lab", description="Why padded batches waste prefill, and how prepacking wins it back."
    )
    parser.add_argument("--version", action="version", version=f"prepack-lab {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    doctor = commands.add_parser("doctor", help="check that this machine is ready; exit code 1 where it is not")
    doctor.set_defaults(run=_doctor)
    support = commands.add_parser("support", help="which of transformers' models each method is exact for")
    support.set_defaults(run=_support)
    _add_bench(commands.add_parser("bench", help="measure on this machine what the paper measured on its own"))
    chosen = vars(parser.parse_args(arguments))
    del chosen["command"]
    try:
        return chosen.pop("run")(**chosen)
    except ValueError as error:  # an unknown name, a model that does not fit: the message says what to do
        parser.exit(2, f"prepack-lab: {error}\n")


def _add_bench(bench: argparse.ArgumentParser) -> None:
    experiments = bench.add_subparsers(dest="experiment", metavar="experiment", required=True)
    prefill = experiments.add_parser("prefill", help="every method on one batch of prompts")
    prefill.add_argument("--workload", default="mmlu", help="a length profile; default: %(default)s")
    prefill.add_argument("--batch-size", type=int, default=32, help="prompts in the batch; default: %(default)s")
    prefill.add_argument("--methods", type=lambda names: names.split(","), help="separated by commas; default: all")
    prefill.add_argument("--seed", type=int, default=0, help="of the prompts; default: %(default)s")
    prefill.add_argument("--quick", action="store_true", help="8 prompts, 3 runs: under two minutes on two cores")
    calibrate = experiments.add_parser("calibrate", help="how fast this machine is, so that seconds can be told ahead")
    widgets = experiments.add_parser("widgets", help="from a slider to the new figure, in a browser")
    for experiment in (prefill, calibrate):
        experiment.add_argument("--model", default="smollm2-135m", help="as for load_model; default: %(default)s")
        experiment.add_argument("--dtype", help="float32, bfloat16 or float16; default: what suits the device")
        experiment.add_argument("--device", help="cuda, mps or cpu; default: the best there is")
    for experiment, repeats in ((prefill, 5), (calibrate, 5), (widgets, 20)):
        experiment.add_argument("--repeats", type=int, default=repeats, help="runs that count; default: %(default)s")
        experiment.add_argument("--json", type=Path, metavar="FILE", help="write the record there, too")
        experiment.set_defaults(run=_bench)


def _bench(experiment: str, json: Path | None, quick: bool = False, **settings: Any) -> int:
    from prepack_lab.bench import EXPERIMENTS

    if quick:
        settings |= {"batch_size": 8, "repeats": 3}
    if json is not None and not json.resolve().parent.is_dir():
        raise ValueError(f"{json} can't be written: there is no folder {json.parent}; create it first")
    report = EXPERIMENTS[experiment](**{name: value for name, value in settings.items() if value is not None})
    print(report)
    if json is not None:
        report.save(json)
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
    from prepack_lab.model_zoo import every_class, support_of_every_class, support_table

    logging.set_verbosity(logging.CRITICAL)
    warnings.simplefilter("ignore")
    found = [*tqdm(support_of_every_class(), total=len(every_class()), unit="class", leave=False)]
    print(support_table(found, tuple(METHODS)))
    return 0
