"""A share as people read it: a plain number where it counts, a power of ten where it is rounding."""

from __future__ import annotations


def share(value: float) -> str:
    """0.12 is "0.12", 0.0000094 is "9.4e-06", and 0 says that the bits are the same."""
    if value == 0:
        return "0: the same bits"
    return f"{value:.2f}" if value >= 0.005 else f"{value:.1e}"
