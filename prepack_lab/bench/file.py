"""`prepack-lab bench file`: a file of prompts by `prepack-lab run`, beside what people do without it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import PreTrainedModel

from prepack_lab.bench.batches import fill, load
from prepack_lab.bench.experiments import File
from prepack_lab.bench.peers import continuous_batching
from prepack_lab.bench.report import Report
from prepack_lab.forward import input_device
from prepack_lab.measuring.calibration import Calibration, calibrate
from prepack_lab.measuring.table import Table
from prepack_lab.measuring.timing import measure
from prepack_lab.models.loading import load_tokenizer
from prepack_lab.runs import running
from prepack_lab.runs.tasks import Generating
from prepack_lab.sources.files import PromptFile, tokenized
from prepack_lab.sources.lengths import load_profile

LOOP, THEIRS, OURS = "a loop of padded batches", "transformers, generate_batch", "prepack-lab run"
WARM = 64
"""Prompts that each runner has before it is timed: what it learns about a model is learned once."""


def run_file(asked: File) -> Report:
    model, tokenizer = load(asked), load_tokenizer(asked.model)
    if asked.prompts is None:
        prompts = fill(model, load_profile(asked.workload).sample(asked.count, asked.seed), asked.seed)
    else:
        prompts = [ids for _, ids in islice(tokenized(PromptFile(asked.prompts), tokenizer), asked.count)]
    rates = calibrate(model)
    runners: dict[str, Callable[[Sequence[list[int]]], list[list[int]]]] = {
        LOOP: partial(_padded, model, asked.batch_size, asked.max_new_tokens),
        THEIRS: lambda some: continuous_batching(model, [*some], asked.max_new_tokens),
        OURS: partial(_ours, model, tokenizer, asked.batch_size, asked.max_new_tokens, rates),
    }
    rows, said = [], dict[str, Any]()
    for name, runner in runners.items():
        runner(prompts[:WARM])
        took = measure(partial(_keep, said, name, runner, prompts), 0, 1, str(model.device))
        same = sum(ours == theirs for ours, theirs in zip(said[name], said[LOOP], strict=True))
        rows.append({"runner": name, "seconds": took.median, "as_the_loop": same})
    tokens = sum(map(len, prompts))
    whose = f"like {asked.workload}" if asked.prompts is None else f"of {asked.prompts.name}"
    asked_for = f"{len(prompts):,} prompts {whose}, {tokens:,} tokens"
    caption = f"{asked_for}; new tokens each: {asked.max_new_tokens}. One run each, after {WARM} prompts"
    headings = ("runner", "seconds", "tokens per second", f"× {LOOP}", "tokens as the loop's")
    lines = [
        (
            row["runner"],
            f"{row['seconds']:,.1f} s",
            f"{tokens / row['seconds']:,.0f}",
            f"{rows[0]['seconds'] / row['seconds']:.2f}×",
            f"{row['as_the_loop']:,} of {len(prompts):,}",
        )
        for row in rows
    ]
    return asked.report(rows, Table(headings, lines, caption), model=model)


def _keep(said: dict[str, Any], name: str, runner: Callable[..., Any], prompts: Sequence[list[int]]) -> None:
    said[name] = runner(prompts)


@torch.no_grad()
def _padded(model: Any, batch_size: int, max_new_tokens: int, prompts: Sequence[list[int]]) -> list[list[int]]:
    """In the order of the file, padded on the left, as the library's own pages show it."""
    said: list[list[int]] = []
    pad, ends = model.generation_config.pad_token_id, model.generation_config.eos_token_id
    for start in range(0, len(prompts), batch_size):
        batch = prompts[start : start + batch_size]
        width = max(map(len, batch))
        ids = torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in batch], device=input_device(model))
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in batch], device=ids.device)
        found = model.generate(ids, attention_mask=mask, max_new_tokens=max_new_tokens, do_sample=False)
        said += [_up_to_end(row, ends) for row in found[:, width:].tolist()]
    return said


def _up_to_end(tokens: list[int], ends: int | list[int] | None) -> list[int]:
    """Without what pads a row whose prompt is done."""
    stop = {*ends} if isinstance(ends, list) else {ends}
    last = next((place for place, token in enumerate(tokens) if token in stop), len(tokens))
    return tokens[: last + 1]


def _ours(
    model: PreTrainedModel,
    tokenizer: Any,
    batch_size: int,
    max_new_tokens: int,
    rates: Calibration,
    prompts: Sequence[list[int]],
) -> list[list[int]]:
    """The whole of it: the file is read, each batch is written as it is done, and the output at the end."""
    with TemporaryDirectory() as folder:
        file, out = Path(folder, "prompts.jsonl"), Path(folder, "out.jsonl")
        file.write_text("\n".join(json.dumps({"input_ids": prompt}) for prompt in prompts), encoding="utf-8")
        task = Generating(max_new_tokens=max_new_tokens)
        running.run_file(PromptFile(file), out, model, tokenizer, task, batch_size=batch_size, calibration=rates)
        return [json.loads(line)["token_ids"] for line in out.read_text(encoding="utf-8").splitlines()]
