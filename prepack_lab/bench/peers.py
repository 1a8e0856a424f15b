"""`prepack-lab bench peers`: other ways to run many prompts, on the same prompts: transformers' continuous batching."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from transformers import GenerationConfig, PreTrainedModel
from transformers.utils import logging

from prepack_lab.bench.batches import load_and_draw
from prepack_lab.bench.options import command_of
from prepack_lab.bench.report import Report
from prepack_lab.forward import vocabulary_size
from prepack_lab.generation import generate
from prepack_lab.measuring.timing import summarize, time_in_turn
from prepack_lab.prompts import random_prompts
from prepack_lab.table import Table

OURS = ("full_batching", "prepacked", "padding_free")
THEIRS = "transformers, continuous batching"
OTHERS = ("vllm", "sglang", "flash_attn")


def peers_benchmark(
    model: str = "smollm2-135m",
    workload: str = "mmlu",
    prompts: Path | None = None,
    batch_size: int = 8,
    max_new_tokens: int = 2,
    dtype: str | None = None,
    device: str | None = None,
    repeats: int = 1,
    seed: int = 0,
) -> Report:
    """Generate a few tokens by the lab's methods and by what else is installed."""
    settings = dict(locals())
    loaded, (batch,) = load_and_draw(settings, [workload], [batch_size])
    ids = random_prompts(batch.lengths, vocabulary_size(loaded), seed)
    runs = {name: partial(_ours, loaded, ids, name, max_new_tokens) for name in OURS}
    runs[THEIRS] = partial(_continuous_batching, loaded, ids, max_new_tokens)
    tokens = {name: run() for name, run in runs.items()}
    times = summarize(time_in_turn(runs, 0, repeats, str(loaded.device)), str(loaded.device))
    reference = tokens["full_batching"]
    rows = [
        {"runner": name, "seconds": [*times[name].seconds],
         "same_prompts": sum(a == b for a, b in zip(tokens[name], reference, strict=True))}
        for name in runs
    ]  # fmt: skip
    settings |= {"dtype": str(loaded.dtype).removeprefix("torch."), "prompts": prompts and str(prompts)}
    return Report.now(command_of("peers", settings), str(loaded.device), settings, rows, _table(rows, batch_size))


def _ours(model: PreTrainedModel, prompts: list[list[int]], method: str, max_new_tokens: int) -> list[list[int]]:
    return [*generate(model, prompts, method, max_new_tokens=max_new_tokens)]


def _continuous_batching(model: Any, prompts: list[list[int]], max_new_tokens: int) -> list[list[int]]:
    """`model.generate_batch`, in the order of the prompts; the model's own attention is put back."""
    before, loud = model.config._attn_implementation, logging.get_verbosity()
    logging.set_verbosity_error()
    config = GenerationConfig(
        max_new_tokens=max_new_tokens, do_sample=False, eos_token_id=model.generation_config.eos_token_id,
        pad_token_id=model.generation_config.pad_token_id,
    )  # fmt: skip
    try:
        found = model.generate_batch(prompts, generation_config=config, progress_bar=False)
    finally:
        model.set_attn_implementation(before)
        logging.set_verbosity(loud)
    return [found[key].generated_tokens for key in sorted(found, key=lambda key: int(key.rsplit("_", 1)[-1]))]


def _table(rows: list[dict[str, Any]], batch_size: int) -> Table:
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
