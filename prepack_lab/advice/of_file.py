"""A file of prompts → advice: what padding wastes there, what each method would take, and what to do."""

from __future__ import annotations

import shlex
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prepack_lab.advice.kept_calibration import known_calibration
from prepack_lab.advice.shared_beginnings import SharedBeginnings
from prepack_lab.exactness.support import UnsupportedModelError, check_model
from prepack_lab.measuring.inspection import Inspection, inspect_lengths
from prepack_lab.measuring.machine import GB, choose_device, choose_dtype, device_name, free_memory
from prepack_lab.measuring.memory import USABLE, largest_batch
from prepack_lab.measuring.model_sizes import ModelSizes
from prepack_lab.measuring.table import Table
from prepack_lab.methods import BASELINE, DATASET_METHODS, METHODS, known_options
from prepack_lab.models.loading import DEFAULT_MODEL, RANDOM_MODELS, load_config, load_tokenizer
from prepack_lab.models.zoo import small_model
from prepack_lab.sources.files import PromptFile, count_tokens

WORTH_SAYING = 0.02
"""A smaller share of shared tokens is left out of the advice."""
TRIED = 4096
"""Prompts, from the first on, among which the largest batch that fits is looked for."""


@dataclass(frozen=True)
class FileReading:
    """A file of prompts, counted."""

    name: str
    path: str
    kind: str
    chat: bool | None
    """As for `PromptFile`."""
    column: str | None
    notes: tuple[str, ...]
    lengths: array[int]
    """Tokens of each prompt."""
    shared: int
    """Tokens that an earlier prompt began with as well."""
    seconds: float | None
    """From the first arrival to the last, where the file is a trace."""


@dataclass(frozen=True)
class Advice:
    """What to do with a file of prompts, for a model and a machine. Prints as text."""

    file: FileReading
    model: str
    counter: str
    """The model whose tokenizer counted."""
    dtype: str
    device: str
    free_bytes: int
    inspection: Inspection
    refused: dict[str, str]
    """Methods that are not exact for the model, and why."""
    asked: dict[str, str]
    """The device and the dtype, where they were asked for."""
    largest: dict[str, int]
    """Prompts of the file, from the first on, whose prefill fits into the free memory as one batch, by method."""

    @property
    def recommendation(self) -> str:
        """What to do, and the reason."""
        found, best = self.inspection, self.inspection.best
        said = found.advice
        if found.gain(best) >= 1.05:
            slots, before = found.costs[best].slots, found.costs[BASELINE].slots
            said += f" It computes {slots:,} slots instead of {before:,}, for {found.costs[best].tokens:,} tokens."
        if self.shared >= WORTH_SAYING:
            said += (
                f" {self.shared:.0%} of the tokens repeat what an earlier prompt began with: a server with a prefix "
                "cache reads them once, and so does lab.score where they are long."
            )
        return said

    @property
    def shared(self) -> float:
        """The share of tokens that an earlier prompt began with as well, from 0 to 1."""
        return self.file.shared / sum(self.file.lengths)

    @property
    def command(self) -> str:
        """The command that runs the file so."""
        options = {
            "out": "results.jsonl", "model": self.model, "method": self._method, **self._sizes, **self.asked,
            "column": self.file.column,
        }  # fmt: skip
        given = (f"--{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in options.items() if value)
        chat = [] if self.file.chat is None else ["--chat" if self.file.chat else "--no-chat"]
        return " ".join(["prepack-lab run", shlex.quote(self.file.path), *given, *chat])

    @property
    def python(self) -> str:
        """The lines of Python that run the file so."""
        placed = "".join(f", {name}={value!r}" for name, value in self.asked.items())
        read = {"column": self.file.column, "chat": self.file.chat}
        options = "".join(f", {name}={value!r}" for name, value in read.items() if value is not None)
        sizes = "".join(f", {name}={value}" for name, value in self._sizes.items())
        return (
            "import prepack_lab as lab\n"
            "from prepack_lab.sources.files import PromptFile, tokenized\n\n"
            f"model, tokenizer = lab.load_model({self.model!r}{placed})\n"
            f"file = PromptFile({self.file.path!r}{options})\n"
            "prompts = [ids for _, ids in tokenized(file, tokenizer)]\n"
            f"batches = lab.prefill_dataset(model, prompts, method={self._method!r}{sizes}, cache=False)\n"
            "next_tokens = [*lab.in_order(batches, lambda batch: batch.next_token_logits.argmax(-1).tolist())]"
        )

    @property
    def _sizes(self) -> dict[str, int]:
        """The batch size, where the method has one."""
        size = {"batch_size": self.inspection.batch_size}
        return size if size.keys() <= known_options(self._method).keys() else {}

    @property
    def _method(self) -> str:
        return self.inspection.best if self.inspection.gain(self.inspection.best) >= 1.05 else BASELINE

    @property
    def prices(self) -> str:
        """Whose seconds they are, or why there are none."""
        rates = self.inspection.calibration
        if rates is None:
            return "No seconds are known for this model on this machine: --calibrate measures them, once, in a minute."
        if rates.taken.startswith("recorded"):
            there = f"Seconds are those of {rates.device} ({rates.taken})."
            return f"{there} --calibrate measures this machine, once, in a minute."
        return f"Seconds are those of {rates.device}, {rates.taken or 'measured just now'}."

    def table(self) -> Table:
        """A row per method: work, predicted seconds, memory, and the largest batch that fits."""
        table = self.inspection.table(self.recommendation)
        fits = [(*row, f"{self.largest[row[0]]:,}" if row[0] in self.largest else "–") for row in table.rows]
        return Table((*table.headings, "largest batch"), fits, table.caption)

    def __str__(self) -> str:
        lengths = self.file.lengths
        many = f"{len(lengths):,} prompts of {min(lengths):,} to {max(lengths):,} tokens, {sum(lengths):,} in all"
        counted = "" if self.file.kind in ("token ids", "lengths") else f", counted by the tokenizer of {self.counter}"
        head = [f"{self.file.name}: {many}{counted}", *self.file.notes]
        if self.file.seconds:
            rate = len(lengths) / self.file.seconds
            tokens = rate * sum(lengths) / len(lengths)
            head.append(
                f"a trace of {self.file.seconds:,.0f} s: {rate:.2f} prompts and {tokens:,.0f} tokens per second"
            )
        refused = [f"{method} is not exact for this model: {why}" for method, why in self.refused.items()]
        room = f"{self.device} has {self.free_bytes / GB:.1f} GB free; sizes are those of {self.model} in {self.dtype}"
        said = ["\n".join(head), str(self.table()), "\n".join([self.prices, f"{room}.", *refused])]
        if self.file.kind != "lengths":
            said.append(f"To run it:\n\n    {self.command}\n\nor in Python:\n\n{_indented(self.python)}")
        return "\n\n".join(said)

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        found, lengths = self.inspection, self.file.lengths
        methods = {
            method: {
                "passes": cost.passes,
                "rows": cost.rows,
                "slots": cost.slots,
                "padding_share": 1 - cost.tokens / cost.slots,
                "flop": cost.flops,
                "seconds": None if found.calibration is None else found.price(method),
                "times_as_fast": found.gain(method),
                "pass_bytes": cost.pass_bytes,
                "weight_bytes": cost.weight_bytes,
                "largest_batch": self.largest.get(method),
            }
            for method, cost in found.costs.items()
        }
        rates = found.calibration
        return {
            "file": self.file.path,
            "kind": self.file.kind,
            "notes": [*self.file.notes],
            "prompts": len(lengths),
            "tokens": sum(lengths),
            "longest": max(lengths),
            "shared_tokens": self.file.shared,
            "trace_seconds": self.file.seconds,
            "model": self.model,
            "tokenizer": self.counter,
            "dtype": self.dtype,
            "device": self.device,
            "free_bytes": self.free_bytes,
            "batch_size": found.batch_size,
            "seconds_of": None if rates is None else {"device": rates.device, "taken": rates.taken or "just now"},
            "waste": found.waste,
            "methods": methods,
            "not_exact": self.refused,
            "best": self._method,
            "recommendation": self.recommendation,
            "command": self.command,
            "python": self.python,
        }


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())


def read_file(file: PromptFile, tokenizer: Any, progress: Callable[[int], Any] = lambda place: None) -> FileReading:
    """Count a file: memory stays that of a chunk of prompts, and eight bytes per prompt.

    Raises:
        InvalidPromptsError: as for `PromptFile.read`.
    """
    lengths, shared, arrivals = array("q"), SharedBeginnings(), array("d")
    for prompt, tokens, ids in count_tokens(file, tokenizer, progress):
        lengths.append(tokens)
        shared.add(ids)
        if isinstance(prompt.columns.get("hash_ids"), list):
            shared.add_blocks(prompt.columns["hash_ids"], tokens)
        if prompt.kind == "lengths" and (arrival := prompt.arrival) is not None:
            arrivals.append(arrival)
    seconds = max(arrivals) - min(arrivals) if arrivals else None
    return FileReading(
        file.name, file.path, str(file.kind), file.chat, file.column, tuple(file.notes), lengths, shared.tokens, seconds
    )


def advise(
    path: str | Path,
    model: str = DEFAULT_MODEL,
    batch_size: int = 16,
    *,
    column: str | None = None,
    chat: bool | None = None,
    device: str | None = None,
    dtype: str | None = None,
    calibrating: Callable[[str], bool] = lambda question: False,
    progress: Callable[[int, int], Any] = lambda place, size: None,
) -> Advice:
    """Read a file, and say what to do with it. Weights are loaded for a calibration only.

    Args:
        path, column, chat: as for `PromptFile`.
        model: as for `load_model`.
        batch_size: prompts in a batch, or rows where the method packs the whole file.
        device, dtype: as for `load_model`.
        calibrating: is asked whether to measure this machine where no calibration of it is kept; gets the question.
        progress: is called with the bytes read so far, and with all bytes of the file.

    Raises:
        InvalidPromptsError: as for `PromptFile.read`.
        ModelUnavailableError: as for `load_config`.
        UnsupportedModelError: not even padded batches are exact for the model.
        ValueError: a batch size below 1, an unknown device or dtype, or a model whose cost can't be counted.
    """
    where = choose_device(device)
    numbers = choose_dtype(dtype, where)
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; give 1 or more")
    file = PromptFile(path, column=column, chat=chat)
    config = load_config(model)
    sizes, refused = ModelSizes.of(config), _refused(config)
    exact = [method for method in DATASET_METHODS if method not in refused]
    if BASELINE not in exact:
        raise UnsupportedModelError(f"{model}: padded batches are not exact: {refused[BASELINE]}")
    counter = DEFAULT_MODEL if model in RANDOM_MODELS else model  # random weights know bytes only
    tokenizer = load_tokenizer(counter) if file.first_kind() in ("texts", "conversations") else None
    reading = read_file(file, tokenizer, lambda place: progress(place, file.size))
    rates = known_calibration(model, sizes, numbers, where, calibrating)
    found = inspect_lengths(reading.lengths, sizes, batch_size, rates, numbers, exact)
    free = free_memory(where)
    first = reading.lengths[:TRIED].tolist()
    largest = {
        method: largest_batch(sizes, first, method, USABLE * free, numbers) for method in METHODS if method in exact
    }
    asked = {name: value for name, value in {"device": device, "dtype": dtype}.items() if value is not None}
    return Advice(
        reading, model, counter, str(numbers).removeprefix("torch."), device_name(where), free, found, refused, asked,
        largest,
    )  # fmt: skip


def _refused(config: Any) -> dict[str, str]:
    """The methods that are not exact for a small model of this kind, and why; none where there is no small model."""
    try:
        support = check_model(small_model(type(config)))
    except RuntimeError:
        return {}
    found = {method: why for method, why in support.methods.items() if why is not None}
    return {**found, "dataset_prepacked": found["prepacked"]} if "prepacked" in found else found
