"""The peak of a prefill by method: estimated, and measured on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from transformers import PreTrainedModel

from prepack_lab.forward import run_method, vocabulary_size
from prepack_lab.measuring.cost import estimate_cost
from prepack_lab.measuring.machine import MB, device_name
from prepack_lab.measuring.memory import peak_memory
from prepack_lab.measuring.table import Table
from prepack_lab.prompts import random_prompts


def memory_table(model: PreTrainedModel, lengths: Sequence[int], methods: Sequence[str]) -> Table:
    """What each method holds at its peak beside the weights, before unpacking.

    Args:
        model: to run.
        lengths: tokens of each prompt; the ids are random.
        methods: of `METHODS`.
    """
    prompts = random_prompts(lengths, vocabulary_size(model))
    rows = []
    for method in methods:
        cost = estimate_cost(model.config, lengths, method, model.dtype)
        estimated = cost.pass_bytes
        run_method(model, prompts, method)  # what is made once is not its peak
        taken = peak_memory(partial(run_method, model, prompts, method), str(model.device))
        measured, ratio = (
            ("not measured here", "–") if taken is None else (f"{taken / MB:,.0f} MB", f"{taken / estimated:.2f}×")
        )
        rows.append((method, f"{cost.slots:,}", f"{estimated / MB:,.0f} MB", measured, ratio))
    headings = ("method", "slots", "estimated", "measured", "measured over estimated")
    caption = f"{len(lengths)} prompts, beside the weights, before unpacking; on {device_name(model.device)}"
    return Table(headings, rows, caption)
