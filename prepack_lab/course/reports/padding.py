"""What padding wastes: slots of recorded workloads, and operations of a model."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev

from prepack_lab.measuring.cost import estimate_cost
from prepack_lab.measuring.table import Table
from prepack_lab.models.loading import load_sizes
from prepack_lab.packing import Packing
from prepack_lab.sources.lengths import list_profiles, load_profile


def waste_table(
    profiles: Sequence[str] | None = None, batch_sizes: Sequence[int] = (4, 16, 64), draws: int = 50
) -> Table:
    """The share of padding in batches of recorded workloads: the mean of random batches, and how far they spread.

    Args:
        profiles: names of length profiles; all where left out.
        batch_sizes: one column each.
        draws: random batches for each mean.
    """

    def row(name: str) -> tuple[object, ...]:
        profile = load_profile(name)
        cells = []
        for size in batch_sizes:
            shares = [Packing.padded(profile.sample(size, seed)).padding_share for seed in range(draws)]
            cells.append(f"{mean(shares):.0%} ± {stdev(shares):.0%}")
        return profile.title, *cells

    headings = ("workload", *(f"batches of {size}" for size in batch_sizes))
    caption = f"Slots that are padding, in random batches: mean and standard deviation of {draws}"
    return Table(headings, [row(name) for name in profiles or list_profiles()], caption)


def operations_table(model: str, lengths: Sequence[int], methods: Sequence[str]) -> Table:
    """What the prefill of one batch computes, by method: linear layers and attention apart.

    Args:
        model: one of `list_models()`.
        lengths: tokens of each prompt.
        methods: of `METHODS`.
    """
    sizes = load_sizes(model)
    rows = []
    for method in methods:
        cost = estimate_cost(sizes, lengths, method)
        rows.append(
            (
                method,
                f"{cost.slots:,}",
                f"{cost.linear_flops / 1e9:,.0f}",
                f"{cost.attention_flops / 1e9:,.1f}",
                f"{cost.attention_flops / cost.flops:.0%}",
            )
        )
    caption = f"{model}, {len(lengths)} prompts, {sum(lengths):,} tokens: billions of floating-point operations"
    return Table(("method", "slots", "linear layers", "attention", "attention's share"), rows, caption)
