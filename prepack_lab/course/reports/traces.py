"""Datasets against production: what the recorded lengths of each say of padding, packing and masks."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from prepack_lab.measuring.machine import GB, MB
from prepack_lab.measuring.table import Table
from prepack_lab.packing import Packing, pack
from prepack_lab.sources.lengths import LengthProfile, load_profile


def traces_table(workloads: Sequence[str], batch_size: int = 16, draws: int = 30) -> Table:
    """For each workload: its prompts and answers, and the means of random batches.

    Args:
        workloads: names of length profiles.
        batch_size: prompts in a batch.
        draws: random batches for each mean.
    """

    def row(name: str) -> tuple[object, ...]:
        profile = load_profile(name)
        batches = [profile.sample(batch_size, seed) for seed in range(draws)]
        packings = [pack(batch) for batch in batches]
        rows = sum(packing.num_bins for packing in packings)
        return (
            profile.title,
            f"{profile.median:,.0f}",
            f"{profile.longest:,}",
            _answers(profile),
            f"{mean(Packing.padded(batch).padding_share for batch in batches):.0%}",
            f"{batch_size * draws / rows:.1f}",
            _size(mean(2 * packing.num_bins * packing.width**2 for packing in packings)),
        )

    headings = ("workload", "median prompt", "longest", "mean answer", "padding", "k/r", "a dense mask")
    caption = f"Tokens; batches of {batch_size}, means of {draws} draws; a mask of the packed rows, 2 bytes a number"
    return Table(headings, [row(name) for name in workloads], caption)


def _answers(profile: LengthProfile) -> str:
    return "not recorded" if profile.output_histogram is None else f"{profile.output_mean:,.0f}"


def _size(taken: float) -> str:
    return f"{taken / GB:,.1f} GB" if taken > GB else f"{taken / MB:,.1f} MB"
