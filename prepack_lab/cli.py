"""The command `prepack-lab`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

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
    return parser.parse_args(arguments).run()


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
