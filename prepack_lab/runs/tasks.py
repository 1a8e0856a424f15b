"""What can be done with a file of prompts: prefill, generate or score.

A task says which prompts can be run, which of them meet in a batch, and what is found for each. A batch depends on
nothing but its window of the file: not on when it is run, nor on how many devices there are. Nor does its result.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar

import numpy as np
import torch
from transformers import PreTrainedModel

from prepack_lab.exactness.support import PACKED_METHODS, ask
from prepack_lab.forward import input_device, vocabulary_size
from prepack_lab.generation import generate
from prepack_lab.measuring.calibration import Calibration
from prepack_lab.measuring.cost import cost_of_passes
from prepack_lab.measuring.model_sizes import ModelSizes
from prepack_lab.methods import DATASET_METHODS, known_options, plan_passes
from prepack_lab.positions import max_positions
from prepack_lab.prefilling import Prefill, in_order, prefill_dataset
from prepack_lab.prompts import InvalidPromptsError, check_ids
from prepack_lab.scoring.scores import Score, score


@dataclass(frozen=True)
class Request:
    """A prompt that can be run."""

    index: int
    """Its place in the file, from 0."""
    label: dict[str, Any]
    """What names it in the results: its own id, or where it is in the file."""
    ids: list[int]
    continuations: list[list[int]]
    """What is to be scored after it; empty for other tasks."""


@dataclass(frozen=True)
class Sizes:
    """How large a forward pass may be."""

    rows: int
    """The most rows; for generation, the most prompts that are decoded together."""
    tokens: int
    """The most slots of all rows, or, for generation, of all caches; a single prompt may have more."""

    def options(self, method: str, lengths: Sequence[int]) -> dict[str, Any]:
        """The options of a method for prompts of these lengths: rows are as long as the longest of them."""
        rows = max(1, min(self.rows, self.tokens // max(lengths)))
        options = {"batch_size": rows, "token_budget": self.tokens, "capacity": max(lengths)}
        return {name: value for name, value in options.items() if name in known_options(method)}


class Task(ABC):
    """What is done with every prompt."""

    name: ClassVar[str]
    columns: ClassVar[dict[str, Any]]
    """What is found for a prompt, and its types: a column of Parquet each."""
    max_new_tokens: int = 0
    """The most tokens that a prompt may get."""

    def request(self, index: int, prompt: Any, ids: list[int], model: PreTrainedModel, tokenizer: Any) -> Request:
        """Check a prompt of the file.

        Raises:
            InvalidPromptsError: it can't be run; says where it is, why, and what to do.
        """
        continuations = self.continuations_of(prompt, tokenizer)
        known, positions = vocabulary_size(model), max_positions(model)
        check_ids(prompt.where, ids, known, positions)
        for number, continuation in enumerate(continuations):
            check_ids(f"{prompt.where}: continuation {number}", continuation, known)
        more = max([self.max_new_tokens, *map(len, continuations)])
        if positions is not None and len(ids) + more - 1 > positions:  # the last token needs no position
            raise InvalidPromptsError(
                f"{prompt.where} has {len(ids):,} tokens, and {more:,} more may follow; the model has {positions:,} "
                "positions. Shorten it, or let fewer follow"
            )
        return Request(index, label(prompt), ids, continuations)

    def continuations_of(self, prompt: Any, tokenizer: Any) -> list[list[int]]:
        """What is to be scored after a prompt."""
        return []

    def lengths(self, requests: Sequence[Request], method: str) -> list[int]:
        """Tokens of each sequence that a prefill by this method reads."""
        return [len(request.ids) for request in requests]

    @abstractmethod
    def batches(self, window: Sequence[Request], method: str, sizes: Sizes) -> list[list[Request]]:
        """Which prompts of a window are run, and recorded, together."""

    @abstractmethod
    def answers(
        self, model: PreTrainedModel, tokenizer: Any, batch: Sequence[Request], method: str, options: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """What is found for each prompt of a batch: its `columns`."""

    def allowed(self, model: PreTrainedModel) -> list[str]:
        """The methods that are known to be exact for the model; `one_by_one`, if there is no other."""
        kinds = {method: "prepacked" if method == "dataset_prepacked" else method for method in DATASET_METHODS}
        exact = [method for method, kind in kinds.items() if ask(model, kind).obstacle is None]
        if self.max_new_tokens and ask(model, "generate").obstacle is not None:
            exact = []
        return [method for method in exact if method != "one_by_one" or not self.max_new_tokens] or ["one_by_one"]


@dataclass(frozen=True)
class Prefilling(Task):
    """The most likely next token of every prompt."""

    name: ClassVar = "prefill"
    columns: ClassVar = {"next_token": int, "text": str, "log_probability": float}

    def batches(self, window: Sequence[Request], method: str, sizes: Sizes) -> list[list[Request]]:
        """A forward pass each."""
        lengths = self.lengths(window, method)
        passes = plan_passes(method, lengths, **sizes.options(method, lengths))
        return [[window[index] for index in planned.prompts] for planned in passes]

    def answers(
        self, model: PreTrainedModel, tokenizer: Any, batch: Sequence[Request], method: str, options: dict[str, Any]
    ) -> list[dict[str, Any]]:
        def keep(done: Prefill) -> list[tuple[int, float]]:
            likely, tokens = done.next_token_logits.float().log_softmax(-1).max(-1)
            return [*zip(tokens.tolist(), likely.tolist(), strict=True)]

        prompts = [request.ids for request in batch]
        passes = prefill_dataset(model, prompts, method=method, cache=False, progress=False, **options)
        return [
            {"next_token": token, "text": tokenizer.decode([token]), "log_probability": likely}
            for token, likely in in_order(passes, keep)
        ]


@dataclass(frozen=True)
class Generating(Task):
    """New tokens for every prompt; greedily, unless there is a temperature."""

    max_new_tokens: int = 20
    temperature: float = 0.0
    """0 for the most likely token; above, samples."""
    top_p: float = 1.0
    """Samples come from the likeliest tokens that have this probability together."""
    seed: int = 0
    """Of the samples: the same seed gives the same tokens, also after an interrupt or on more devices."""
    stop: tuple[str, ...] = ()
    """Texts after which a prompt is done."""

    name: ClassVar = "generate"
    columns: ClassVar = {"text": str, "token_ids": list[int], "finish_reason": str}

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens is {self.max_new_tokens}; ask for at least 1")
        if self.temperature < 0 or self.seed < 0:
            raise ValueError(f"temperature is {self.temperature} and seed {self.seed}; neither may be below 0")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}; it is a probability above 0, and 1 keeps all tokens")

    def batches(self, window: Sequence[Request], method: str, sizes: Sizes) -> list[list[Request]]:
        """Prompts of similar length, as their caches are padded to the longest."""
        batches: list[list[Request]] = [[]]
        for request in sorted(window, key=lambda request: len(request.ids)):
            slots = (len(batches[-1]) + 1) * (len(request.ids) + self.max_new_tokens)
            if batches[-1] and (len(batches[-1]) == sizes.rows or slots > sizes.tokens):
                batches.append([])
            batches[-1].append(request)
        return batches

    def answers(
        self, model: PreTrainedModel, tokenizer: Any, batch: Sequence[Request], method: str, options: dict[str, Any]
    ) -> list[dict[str, Any]]:
        if self.temperature:
            options = options | {"do_sample": True, "temperature": self.temperature, "top_p": self.top_p, "top_k": 0}
        if self.stop:
            options = options | {"stop_strings": [*self.stop], "tokenizer": tokenizer}
        device = input_device(model)
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(int(np.random.SeedSequence((self.seed, batch[0].index)).generate_state(1)[0]))
            found = generate(model, [request.ids for request in batch], method, self.max_new_tokens, **options)
        return [self._answer(model, tokenizer, tokens) for tokens in found]

    def _answer(self, model: PreTrainedModel, tokenizer: Any, tokens: list[int]) -> dict[str, Any]:
        ends = model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [ends]
        text = tokenizer.decode(tokens, skip_special_tokens=True)
        stopped = len(tokens) < self.max_new_tokens or tokens[-1] in ends or any(stop in text for stop in self.stop)
        return {"text": text, "token_ids": tokens, "finish_reason": "stop" if stopped else "length"}


@dataclass(frozen=True)
class Scoring(Task):
    """How likely the continuations of every prompt are."""

    continuations: str
    """The column of the file that holds them: a string, or a list of strings."""

    name: ClassVar = "score"
    columns: ClassVar = {
        "log_likelihoods": list[float], "greedy": list[bool], "continuation_tokens": list[int], "best": int,
    }  # fmt: skip
    PROMPTS: ClassVar[int] = 64
    """Prompts in a batch, neighbours in the file: what many of them begin with is read once for all of them."""

    def continuations_of(self, prompt: Any, tokenizer: Any) -> list[list[int]]:
        texts = prompt.columns.get(self.continuations)
        texts = [texts] if isinstance(texts, str) else texts
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            raise InvalidPromptsError(
                f"{prompt.where} has no string, or list of strings, under {self.continuations!r}; write its "
                "continuations there"
            )
        return [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]

    def lengths(self, requests: Sequence[Request], method: str) -> list[int]:
        """Methods that let continuations branch read a prompt once, with all of them; others once for each."""
        more = [[len(ids) - 1 for ids in request.continuations] for request in requests]
        if method in (*PACKED_METHODS, "dataset_prepacked"):
            return [len(request.ids) + sum(own) for request, own in zip(requests, more, strict=True)]
        return [len(request.ids) + one for request, own in zip(requests, more, strict=True) for one in own]

    def batches(self, window: Sequence[Request], method: str, sizes: Sizes) -> list[list[Request]]:
        return [[*window[start : start + self.PROMPTS]] for start in range(0, len(window), self.PROMPTS)]

    def answers(
        self, model: PreTrainedModel, tokenizer: Any, batch: Sequence[Request], method: str, options: dict[str, Any]
    ) -> list[dict[str, Any]]:
        continuations = [request.continuations for request in batch]
        found = score(model, [request.ids for request in batch], continuations, method, **options)
        return [self._answer(scores) for scores in found]

    def _answer(self, scores: Sequence[Score]) -> dict[str, Any]:
        likely = [each.log_likelihood for each in scores]
        return {
            "log_likelihoods": likely,
            "greedy": [each.greedy for each in scores],
            "continuation_tokens": [len(each.token_log_likelihoods) for each in scores],
            "best": likely.index(max(likely)),
        }


TASKS: dict[str, type[Any]] = {kind.name: kind for kind in (Prefilling, Generating, Scoring)}


def label(prompt: Any) -> dict[str, Any]:
    """What names a prompt of a file in the results."""
    for name in ("id", "custom_id"):
        if isinstance(prompt.columns.get(name), (str, int)):
            return {"id": prompt.columns[name]}
    return {"where": prompt.where}


def fastest_method(
    task: Task,
    model: PreTrainedModel,
    model_sizes: ModelSizes | None,
    window: Sequence[Request],
    sizes: Sizes,
    calibration: Calibration | None,
) -> str:
    """The method whose prefill of a window is predicted to take the least time; of equals, that with the fewest passes.

    Args:
        model_sizes: of the model; without them slots are counted, and with them, but no calibration, operations.
    """

    def price(method: str) -> tuple[float, int]:
        options = sizes.options(method, task.lengths(window, method))
        batches = (task.lengths(batch, method) for batch in task.batches(window, method, sizes))
        passes = [*chain.from_iterable(plan_passes(method, lengths, **options) for lengths in batches)]
        amount = float(sum(planned.rows.slots for planned in passes))
        if model_sizes is not None:
            cost = cost_of_passes(model_sizes, passes, method, model.dtype)
            amount = cost.flops if calibration is None else calibration.seconds(cost)
        return float(f"{amount:.3g}"), len(passes)

    return min(task.allowed(model), key=price)
