"""Tables that hold methods against each other: the same logits, the same words, the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean, stdev

import torch
from transformers import PreTrainedTokenizerBase

from prepack_lab.cost import estimate_cost
from prepack_lab.lengths import list_profiles, load_profile
from prepack_lab.models import load_sizes
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import one_prompt_a_row
from prepack_lab.prefilling import Prefill
from prepack_lab.tables import Table
from prepack_lab.timing import Measurement


def prompts_table(texts: Sequence[str], prompts: Sequence[Sequence[int]]) -> Table:
    """The prompts, and how many tokens each has."""
    rows = [(index, len(prompt), text) for index, (text, prompt) in enumerate(zip(texts, prompts, strict=True))]
    tokens = sum(len(prompt) for prompt in prompts)
    return Table(("prompt", "tokens", "text"), rows, f"{len(prompts)} prompts, {tokens:,} tokens")


def seam_table(batch: PackedBatch, tokenizer: PreTrainedTokenizerBase, around: int = 3) -> Table:
    """The slots around the first seam, where one prompt of a row ends and the next begins.

    Raises:
        ValueError: no row holds two prompts.
    """
    seams = [(row, ends[1]) for row, ends in enumerate(batch.cu_seqlens) if len(ends) > 2]
    if not seams:
        raise ValueError("no row holds two prompts, so there is no seam; pack shorter prompts beside longer ones")
    row, seam = seams[0]
    slots = range(max(seam - around, 0), min(seam + around, batch.packing.bin_lengths[row]))
    rows = [
        (
            slot,
            repr(tokenizer.decode([int(batch.input_ids[row, slot])])),
            int(batch.segment_ids[row, slot]),
            int(batch.position_ids[row, slot]),
        )
        for slot in slots
    ]
    caption = f"A seam in row {row}: at slot {seam} the next prompt begins, and so do its positions"
    return Table(("slot", "token", "prompt", "position"), rows, caption)


def agreement_table(results: Mapping[str, Prefill], reference: str = "one_by_one") -> Table:
    """How far each method's logits are from the reference's, and what it computed for them."""
    expected = results[reference].next_token_logits

    def row(method: str, result: Prefill) -> tuple[object, ...]:
        difference = (result.next_token_logits - expected).abs().max().item()
        same = torch.equal(result.next_token_logits.argmax(-1), expected.argmax(-1))
        return method, result.rows, f"{result.slots:,}", f"{difference:.6f}", "yes" if same else "no"

    headings = ("method", "rows", "slots computed", f"largest difference from {reference}", "same next tokens")
    caption = f"{expected.numel():,} logits by every method; the largest is {expected.max().item():.1f}"
    return Table(headings, [row(method, result) for method, result in results.items()], caption)


def continuations_table(
    prompts: Sequence[Sequence[int]],
    tokens: Mapping[str, Sequence[Sequence[int]]],
    tokenizer: PreTrainedTokenizerBase,
) -> Table:
    """What the last method named in `tokens` says after each prompt, and whether the first one says the same."""
    (reference, expected), *_, (method, found) = tokens.items()
    rows = [
        (index, f"…{tokenizer.decode(prompt)[-30:]}", tokenizer.decode(ids), "yes" if ids == single else "no")
        for index, (prompt, single, ids) in enumerate(zip(prompts, expected, found, strict=True))
    ]
    same = sum(ids == single for ids, single in zip(found, expected, strict=True))
    caption = f"{same} of {len(rows)} continuations are the same as {reference}, token for token"
    return Table(("prompt", "ends with", f"the model goes on ({method})", "same"), rows, caption)


def times_table(times: Mapping[str, Measurement], baseline: str = "full_batching") -> Table:
    """Median and quartiles of each method, and its speed-up over the baseline."""

    def row(method: str, time: Measurement) -> tuple[str, ...]:
        lower, upper = time.spread
        speed_up = times[baseline].median / time.median
        return (
            method,
            f"{1000 * time.median:.0f} ms",
            f"{1000 * lower:.0f} to {1000 * upper:.0f} ms",
            f"{speed_up:.1f}×",
        )

    repeats = len(times[baseline].seconds)
    caption = f"{repeats} runs each, in turn, measured just now on {times[baseline].device}"
    headings = ("method", "median", "half of the runs", f"times as fast as {baseline}")
    return Table(headings, [row(method, time) for method, time in times.items()], caption)


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
            shares = [one_prompt_a_row(profile.sample(size, seed)).padding_share for seed in range(draws)]
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


def batch_cost_table(seconds: Mapping[int, Mapping[int, float]]) -> Table:
    """How long a batch of equal prompts takes, and how many times longer than a batch of one.

    Args:
        seconds: tokens of every prompt → prompts in the batch → seconds.
    """
    sizes = sorted({size for by_size in seconds.values() for size in by_size})
    rows = [
        (f"{tokens} tokens", *(f"{by_size[size]:.3f} s ({by_size[size] / by_size[1]:.1f}×)" for size in sizes))
        for tokens, by_size in seconds.items()
    ]
    headings = ("every prompt has", *(f"batch of {size}" for size in sizes))
    return Table(headings, rows, "Seconds for a batch without padding (and times a batch of one)")
