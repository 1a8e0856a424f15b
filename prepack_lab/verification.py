"""Does every method give here what each prompt gives alone? On this device, in its dtypes, for models that people use.

Other checks ask whether a model can be packed. This one asks whether torch, transformers and the device do as they did
where the lab was made: one command of about a minute, whose report belongs to a bug.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from tqdm.auto import tqdm
from transformers import PreTrainedModel

from prepack_lab import __version__
from prepack_lab.decoding import Decode, decode_alone, decode_by, rising_order
from prepack_lab.exactness.differences import HALF, TOLERANCE, InFloat32, most_apart
from prepack_lab.exactness.evidence import sample_prompts
from prepack_lab.exactness.support import PACKED_METHODS
from prepack_lab.forward import forward_alone, run_method, vocabulary_size
from prepack_lab.measuring.calibration import calibrate
from prepack_lab.measuring.cost import estimate_cost
from prepack_lab.measuring.machine import choose_device, choose_dtype, describe_machine
from prepack_lab.measuring.table import Table
from prepack_lab.measuring.timing import measure_together
from prepack_lab.methods import DATASET_METHODS, METHODS
from prepack_lab.models.loading import DEFAULT_MODEL, load_model
from prepack_lab.models.zoo import every_class, small_model
from prepack_lab.prompts import random_prompts
from prepack_lab.scoring.scores import score
from prepack_lab.sources.lengths import load_profile

FAMILIES = (
    "LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM", "Gemma2ForCausalLM",
    "Gemma3ForCausalLM", "PhiForCausalLM", "Phi3ForCausalLM", "GPT2LMHeadModel", "GPTNeoXForCausalLM",
)  # fmt: skip
"""Small models of these are tried: full and sliding attention, shared keys, capped scores, learned positions."""
LENGTHS = (11, 4, 40, 1, 20)
"""Tokens of the prompts; a window of the small models is six."""
STEPS = 3
"""Tokens that are decoded after each."""
DTYPES = {"cuda": ("bfloat16", "float16", "float32"), "mps": ("float32", "float16"), "cpu": ("float32", "bfloat16")}
"""Kind of device → the dtypes that people use on it."""
TIMED = {"cuda": 32, "mps": 16, "cpu": 4}
"""Kind of device → prompts that are timed."""
WORKLOAD = "gsm8k"
COMPARED = tuple(method for method in DATASET_METHODS if method != "one_by_one")
"""That one runs each prompt alone."""


@dataclass(frozen=True)
class Comparison:
    """One thing that a method found, beside what each prompt gives alone."""

    model: str
    dtype: str
    method: str
    what: str
    """The logits after the prompts, those after decoded tokens, or the scores of continuations."""
    off: float | None
    """The largest difference, as a share of the spread of the logits; None where it failed."""
    allowed: float
    """The largest that rounding explains."""
    failure: str = ""
    """What it failed with."""

    @property
    def in_order(self) -> bool:
        return self.off is not None and self.off <= self.allowed  # no NaN is

    def __str__(self) -> str:
        where = f"✗ {self.model} in {self.dtype}, {self.method}: {self.what}"
        if self.off is None:
            return f"{where} failed: {self.failure}"
        return f"{where} is off by {self.off:.2%} of the spread of the logits; rounding explains {self.allowed:.2%}"


@dataclass(frozen=True)
class Timing:
    """How long a method takes here, and how long it was expected to."""

    method: str
    seconds: float
    predicted: float


@dataclass(frozen=True)
class Verification:
    """What was found. Prints as text."""

    machine: Mapping[str, str]
    taken: str
    """When, in UTC."""
    compared: Sequence[Comparison]
    kernels: Sequence[tuple[str, str, str]]
    """Dtype, method, and the attention kernels of torch that it took, on the first model."""
    timings: Sequence[Timing]
    timed: str
    """What was timed, in words."""

    @property
    def in_order(self) -> bool:
        return all(one.in_order for one in self.compared)

    @property
    def verdict(self) -> str:
        off = sum(not one.in_order for one in self.compared)
        return f"{'✗' if off else '✓'} {len(self.compared)} comparisons, {off or 'none'} off"

    @property
    def tables(self) -> list[Table]:
        """What was compared, which kernels ran, and how long it took."""
        methods = [*dict.fromkeys(one.method for one in self.compared)]
        kinds = [*dict.fromkeys((one.model, one.dtype) for one in self.compared)]

        def cell(model: str, dtype: str, method: str) -> str:
            own = [one for one in self.compared if (one.model, one.dtype, one.method) == (model, dtype, method)]
            return "✓" if own and all(one.in_order for one in own) else "✗"

        exact = [(model, dtype, *(cell(model, dtype, method) for method in methods)) for model, dtype in kinds]
        taken: dict[tuple[str, str], list[str]] = {}
        for dtype, method, kernel in self.kernels:
            taken.setdefault((dtype, kernel), []).append(method)
        kernels = [(*kernel, ", ".join(by)) for kernel, by in taken.items()]
        seconds = [
            (one.method, f"{one.seconds:.3f} s", f"{one.predicted:.3f} s", f"{one.seconds / one.predicted:.2f}×")
            for one in self.timings
        ]
        return [
            Table(("model", "dtype", *methods), exact, "The same as each prompt alone: prefill, decoding and scores"),
            Table(("dtype", "kernels", "methods"), kernels, "Attention kernels of torch"),
            Table(("method", "measured", "predicted", "ratio"), seconds, self.timed),
        ]

    def __str__(self) -> str:
        where = ", ".join(f"{name} {value}" for name, value in self.machine.items() if name != "device")
        wrong = [str(one) for one in self.compared if not one.in_order]
        parts = [*map(str, self.tables), *(["\n".join(wrong)] if wrong else [])]
        return "\n\n".join([*parts, f"{self.machine['device']}; {where}; {self.taken}\n{self.verdict}"])

    def write_json(self, path: Path) -> None:
        """Everything, to compare with other machines."""
        path.write_text(json.dumps({"in_order": self.in_order, **asdict(self)}, indent=1) + "\n", encoding="utf-8")

    def write_report(self, path: Path) -> None:
        """The same as a page of markdown, to attach to a bug."""
        path.write_text(f"# prepack-lab verify: {self.verdict}\n\n```\n{self}\n```\n", encoding="utf-8")


def verify(
    name: str = DEFAULT_MODEL, device: str | None = None, dtype: str | None = None, families: Sequence[str] = FAMILIES
) -> Verification:
    """Compare every method with each prompt alone, and time them beside what was predicted.

    Args:
        name: as for `load_model`: this model is also timed.
        device: as for `load_model`.
        dtype: left out, those that people use on the device.
        families: classes of causal language models, of which small ones are tried, too.

    Raises:
        ModelUnavailableError, ValueError: as for `load_model`.
    """
    chosen = choose_device(device)
    dtypes = [choose_dtype(one, chosen) for one in ((dtype,) if dtype else DTYPES[chosen.type])]
    compared: list[Comparison] = []
    kernels: list[tuple[str, str, str]] = []
    timings: list[Timing] = []
    count = TIMED[chosen.type]
    timed = f"Seconds of {name} in {_word(dtypes[0])}, {count} prompts like {WORKLOAD}"
    with tqdm(total=len(dtypes) * (1 + len(families)), unit="model", leave=False) as bar:
        for one in dtypes:
            model = load_model(name, one, chosen)[0]
            compared += compare(model, name)
            kernels += [(_word(one), method, kernels_of(model, method)) for method in METHODS]
            if one == dtypes[0]:
                try:
                    timings = time_methods(model, count)
                except ValueError as error:  # a model with experts, whose cost can't be counted
                    timed = f"{timed}: not taken, since {error}"
            bar.update()
            for family in families:
                compared += compare(_small(family, chosen, one), family)
                bar.update()
    machine = {**describe_machine(chosen), "prepack_lab": __version__}
    return Verification(machine, datetime.now(UTC).isoformat(timespec="seconds"), compared, kernels, timings, timed)


def compare(model: PreTrainedModel, name: str) -> list[Comparison]:
    """Every method beside each prompt alone; in half precision also as it is computed in float32, where a mistake can't
    hide behind rounding."""
    drawn = sample_prompts(model, (*LENGTHS, *[STEPS] * len(LENGTHS)))
    asked = Asked(model, drawn[: len(LENGTHS)], torch.tensor(drawn[len(LENGTHS) :], device=model.device))
    kept = partial(Comparison, name, _word(model.dtype))
    alone = asked.alone()
    if model.dtype not in HALF:
        return [*_differences(asked, alone, TOLERANCE, kept)]
    with InFloat32():
        exact = asked.alone()
        compared = [*_differences(asked, exact, TOLERANCE, kept, " in float32")]
    return [*_differences(asked, alone, 3 * most_apart(alone.flatten(1), exact.flatten(1)), kept), *compared]


def _word(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _small(family: str, device: torch.device, dtype: torch.dtype) -> PreTrainedModel:
    model: Any = small_model(every_class()[family])
    return model.to(device, dtype)


@dataclass(frozen=True)
class Asked:
    """Prompts, and the tokens that follow each."""

    model: PreTrainedModel
    prompts: list[list[int]]
    tokens: torch.Tensor
    """[B, S]"""

    def alone(self) -> torch.Tensor:
        """[B, 1 + S, V] the logits after each prompt and after each of its tokens, every prompt by itself."""
        passes = [forward_alone(self.model, prompt) for prompt in self.prompts]
        logits = torch.cat([done.next_token_logits for done in passes])
        return self._decoded(logits, decode_alone(self.model, passes))

    def decoded(self, method: str, decoding: str) -> torch.Tensor:
        """[B, 1 + S, V] the same by a method."""
        passes = run_method(self.model, self.prompts, method)
        logits = torch.cat([done.next_token_logits for done in passes])[rising_order(passes)]
        return self._decoded(logits, decode_by(self.model, passes, decoding)[0])

    def scored(self, method: str) -> torch.Tensor:
        """[B, S] the log-likelihoods of its tokens."""
        found = score(self.model, self.prompts, self.tokens.tolist(), method)
        return torch.tensor([one.token_log_likelihoods for one in found])

    def _decoded(self, logits: torch.Tensor, decode: Decode) -> torch.Tensor:
        return torch.stack([logits, *(decode(tokens) for tokens in self.tokens.T)], dim=1)


def _differences(
    asked: Asked, alone: torch.Tensor, allowed: float, kept: Callable[..., Comparison], how: str = ""
) -> Iterator[Comparison]:
    """How far every method is off what each prompt gives alone, [B, 1 + S, V]; whatever fails is off, too."""
    for method in COMPARED:
        for what, found in _ways(asked, method, alone, scored=not how).items():
            try:
                off, failure = found(), ""
            except Exception as error:
                off, failure = None, f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            yield kept(method, what + how, off, allowed, failure)


def _ways(asked: Asked, method: str, alone: torch.Tensor, scored: bool) -> dict[str, Callable[[], float]]:
    """What is compared → how far it is off, found out when it is called."""
    decoded = cache(asked.decoded)

    def scores() -> float:
        likely = alone[:, :-1].float().log_softmax(-1).gather(2, asked.tokens[..., None])[..., 0]  # [B, S]
        return ((asked.scored(method) - likely.cpu()).abs().max() / alone.float().std().cpu()).item()

    ways: dict[str, Callable[[], float]] = {
        "prefill": lambda: most_apart(decoded(method, "unpacked")[:, 0], alone[:, 0]),
        "decoding": lambda: most_apart(decoded(method, "unpacked")[:, 1:], alone[:, 1:]),
    }
    if method in PACKED_METHODS:
        ways["decoding from rows"] = lambda: most_apart(decoded(method, "packed")[:, 1:], alone[:, 1:])
    return ways | ({"scores": scores} if scored else {})


def kernels_of(model: PreTrainedModel, method: str) -> str:
    """The attention kernels of torch that a method takes, in words."""
    with _Watched() as watched:
        run_method(model, sample_prompts(model, LENGTHS), method)
    return ", ".join(sorted(watched.names)) or "plain matrix products"


class _Watched(TorchDispatchMode):
    """Inside this block, notes the operations of torch that are attention."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.split("::")[-1]
        if "attention" in name or "attn" in name:
            self.names.add(name.removeprefix("_").removeprefix("scaled_dot_product_"))
        return func(*args, **(kwargs or {}))


def time_methods(model: PreTrainedModel, count: int) -> list[Timing]:
    """Seconds of a prefill by every method, beside those that a calibration predicts."""
    lengths = load_profile(WORKLOAD).sample(count, seed=0)
    prompts = random_prompts(lengths, vocabulary_size(model))
    calls = {method: partial(run_method, model, prompts, method) for method in METHODS}
    measured, rates = measure_together(calls, 0, 2, str(model.device)), calibrate(model, repeats=1)
    return [
        Timing(method, taken.median, rates.seconds(estimate_cost(model.config, lengths, method, model.dtype)))
        for method, taken in measured.items()
    ]
