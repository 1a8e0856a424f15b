"""What a bare `pip install` leaves out, and the line that brings it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

EXTRAS = {
    "files": "files of prompts in Parquet or packed with zstd",
    "lab": "JupyterLab and the widgets",
    "grading": "grading of notebooks",
    "lm-eval": "lm-evaluation-harness",
}
"""Extra → what it is for."""


class MissingExtraError(ImportError):
    """Something needs an extra that is not installed. The message says which, and how to install it."""


def how_to_install(extra: str) -> str:
    """The command that brings an extra."""
    return f"pip install 'prepack-lab[{extra}]'"


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Around imports of what an extra brings.

    Raises:
        MissingExtraError: one of them fails.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(f"{error}. To have {EXTRAS[extra]}: {how_to_install(extra)}") from error
