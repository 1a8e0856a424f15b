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
    return parser.parse_args(arguments).run()


def _doctor() -> int:
    from prepack_lab.doctor import diagnose

    diagnosis = diagnose()
    print(diagnosis)
    return 0 if diagnosis.healthy else 1
