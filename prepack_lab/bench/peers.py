"""`prepack-lab bench peers`: other ways to run many prompts, on the same prompts: transformers' continuous batching."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from statistics import median
from typing import Any

from transformers import GenerationConfig, PreTrainedModel
from transformers.utils import logging

from prepack_lab.bench.batches import fill, load_and_draw, time_under_a_bar
from prepack_lab.bench.experiments import Peers
from prepack_lab.bench.report import Report
from prepack_lab.generation import generate
from prepack_lab.measuring.table import Table

OURS = ("full_batching", "prepacked", "padding_free")
THEIRS = "transformers, continuous batching"
OTHERS = ("vllm", "sglang", "flash_attn")


def run_peers(asked: Peers) -> Report:
    model, (batch,) = load_and_draw(asked, [asked.workload], [asked.batch_size])
    prompts = fill(model, batch.lengths, asked.seed)
    calls = {name: partial(_ours, model, prompts, name, asked.max_new_tokens) for name in OURS}
    calls[THEIRS] = partial(continuous_batching, model, prompts, asked.max_new_tokens)
    tokens = {name: call() for name, call in calls.items()}
    times = time_under_a_bar(calls, asked.repeats, str(model.device), warmup=0)
    same = {
        name: sum(ours == theirs for ours, theirs in zip(said, tokens["full_batching"], strict=True))
        for name, said in tokens.items()
    }
    rows = [{"runner": name, "seconds": [*times[name].seconds], "same_prompts": count} for name, count in same.items()]
    return asked.report(rows, _table(rows, asked.batch_size), model=model)


def _ours(model: PreTrainedModel, prompts: list[list[int]], method: str, max_new_tokens: int) -> list[list[int]]:
    return [*generate(model, prompts, method, max_new_tokens=max_new_tokens)]


def continuous_batching(model: Any, prompts: list[list[int]], max_new_tokens: int) -> list[list[int]]:
    """`model.generate_batch`, in the order of the prompts; the model's own attention is put back."""
    before, loud = model.config._attn_implementation, logging.get_verbosity()
    logging.set_verbosity_error()
    config = GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=False,
        eos_token_id=model.generation_config.eos_token_id,
        pad_token_id=model.generation_config.pad_token_id,
    )
    try:
        found = model.generate_batch(prompts, generation_config=config, progress_bar=False)
    finally:
        model.set_attn_implementation(before)
        logging.set_verbosity(loud)
    return [found[key].generated_tokens for key in sorted(found, key=lambda key: int(key.rsplit("_", 1)[-1]))]


def _table(rows: Sequence[dict[str, Any]], batch_size: int) -> Table:
    base = median(rows[0]["seconds"])
    lines: list[tuple[str, ...]] = [
        (
            row["runner"],
            f"{median(row['seconds']):.2f} s",
            f"{base / median(row['seconds']):.2f}×",
            f"{row['same_prompts']} of {batch_size}",
        )
        for row in rows
    ]
    lines += [(name, "installed; not run here" if find_spec(name) else "not installed", "–", "–") for name in OTHERS]
    headings = ("runner", "seconds", "× full_batching", "as full_batching says")
    return Table(headings, lines, f"{batch_size} prompts, a few tokens each")
