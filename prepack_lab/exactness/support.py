"""Which models each method is exact for, why not for others, and up to which lengths that is known.

Packing is exact only if attention is the one thing that lets a token see another, and if that attention obeys the
masks and positions it is given. Some models are ruled out by their own configuration. Every other model is tried
(`evidence.py`): on a few tokens when it is first met, and again by the first pass that goes beyond what is known. The
answers are kept as long as the model lives.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.attention import packable, packed_attention
from prepack_lab.exactness.differences import most_apart
from prepack_lab.exactness.evidence import (
    Evidence,
    few_tokens_alone,
    rule_starts,
    sample_prompts,
    try_few_tokens,
    try_generating,
)
from prepack_lab.forward import cache_argument, call, input_device
from prepack_lab.masks import Slots
from prepack_lab.methods import METHODS
from prepack_lab.positions import takes_positions

PACKED_METHODS = ("prepacked", "padding_free")
ATTENTION_LAYERS = {"full_attention", "attention", "sliding_attention", "chunked_attention"}


class UnsupportedModelError(ValueError):
    """The method is not known to be exact for this model. The message says why, and what to do instead."""


@dataclass(frozen=True)
class ModelSupport:
    """Whether a model can be packed."""

    supported: bool
    """Whether `prepacked` or `padding_free` is exact for it."""
    reason: str
    """What was checked, or what stands in the way, in words."""
    methods: dict[str, str | None] = field(default_factory=dict)
    """For each method what stands in its way; None if it is exact."""
    packed_decoding: dict[str, str | None] = field(default_factory=dict)
    """The same for decoding from the rows of `prepacked` and `padding_free`."""
    known_up_to: dict[str, tuple[int, int]] = field(default_factory=dict)
    """For each exact method, up to how many tokens per prompt and slots per row that is known. The first pass beyond
    is compared with some of its prompts alone."""


@dataclass
class Known:
    """What is known about one way to run a model."""

    obstacle: str | None
    """What stands in its way, in words; None if it is exact."""
    prefill: Evidence
    decoding: Evidence


Trial = Callable[[PreTrainedModel, str], str | None]
"""A model and a method → what stands in the way, in words; None if nothing does."""
_known: WeakKeyDictionary[PreTrainedModel, dict[Any, dict[Any, Any]]] = WeakKeyDictionary()
"""For each model, dtype and attention what is `Known` of each method, and the logits of a few tokens "alone"."""


def check_model(model: Any) -> ModelSupport:
    """Find out whether `model` can be packed, why or why not, and up to which lengths that is known so far.

    The first call for a model runs a few tokens through it.
    """
    model = unwrap(model)
    known = {method: ask(model, method) for method in METHODS}
    obstacles = {method: answer.obstacle for method, answer in known.items()}
    rows = {method: ask(model, method, "packed").obstacle for method in PACKED_METHODS}
    exact = [method for method in PACKED_METHODS if obstacles[method] is None]
    same = f"{' and '.join(exact)}: the same logits as alone, before and after a step of decoding"
    reached = {
        method: (answer.prefill.length, answer.prefill.width)
        for method, answer in known.items()
        if answer.obstacle is None
    }
    return ModelSupport(bool(exact), same if exact else str(obstacles["prepacked"]), obstacles, rows, reached)


def unwrap(model: Any) -> PreTrainedModel:
    """The model in a wrapper that leaves its results as they are: `torch.compile`, PEFT's adapters, data parallelism.

    Raises:
        UnsupportedModelError: the wrapper adds tokens of its own to every prompt.
    """
    if getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False):
        raise UnsupportedModelError(
            f"{type(model).__name__} puts virtual tokens before every prompt, which rows have no room for. Use "
            "model.generate itself"
        )
    for name in ("_orig_mod", "get_base_model", "module"):
        if not isinstance(model, PreTrainedModel) and (inner := getattr(model, name, None)) is not None:
            return unwrap(inner if isinstance(inner, torch.nn.Module) else inner())
    return model


def alternatives(model: PreTrainedModel, refused: str, decoding: str) -> str:
    """What to do instead of what was refused: a sentence without its full stop."""
    if refused == "generate":
        return "Use method='one_by_one'"
    if decoding == "packed" and ask(model, refused).obstacle is None:
        return "Use decoding='unpacked'"
    others = [method for method in METHODS if method != refused and ask(model, method).obstacle is None]
    return f"Use method={' or '.join(map(repr, others))}" if others else "Use model.generate itself"


def ask(model: PreTrainedModel, method: str, decoding: str = "unpacked", trial: Trial | None = None) -> Known:
    """What is known about a way to run a model, or about the method "generate"; the first call for each finds out.

    Args:
        decoding: how the prompts go on: "unpacked", "packed", or whatever `trial` tries.
        trial: compares the method with prompts alone on a few tokens; left out, `try_few_tokens` does.
    """
    starts = rule_starts(model.config)
    if model.training:
        reason = "it is in training mode, where dropout changes every run; call model.eval() first"
        return Known(reason, Evidence(starts), Evidence(starts))
    answers = _known.setdefault(model, {}).setdefault((model.dtype, model.config._attn_implementation), {})
    if (method, decoding) not in answers:
        obstacle = _obstacle(model) if decoding == "unpacked" else ask(model, method).obstacle
        obstacle = obstacle or (
            _answer(partial(trial, model, method)) if trial else _try(model, method, decoding, answers)
        )
        answers[method, decoding] = Known(obstacle, Evidence(starts), Evidence(starts))
    return answers[method, decoding]


def foreign_input(model: PreTrainedModel) -> str | None:
    takes_ids = hasattr(model.get_input_embeddings(), "num_embeddings")
    return None if takes_ids else "its input is not one list of token ids per prompt"


def _obstacle(model: PreTrainedModel) -> str | None:
    """What in the model's configuration rules out every method; None if nothing does."""
    config = model.config.get_text_config(decoder=True)
    if foreign := foreign_input(model):
        return foreign
    if model.config.is_encoder_decoder:
        return "it has an encoder, which reads a prompt in both directions"
    if getattr(model, "_is_stateful", False):
        return "it carries a state from token to token instead of keys and values"
    others = sorted(set(getattr(config, "layer_types", None) or ()) - ATTENTION_LAYERS)
    if others:
        return f"some of its layers are not plain attention ({', '.join(others)})"
    return None


def _try(model: PreTrainedModel, method: str, decoding: str, answers: dict[Any, Any]) -> str | None:
    """Try the method on a few tokens: what stands in its way, in words; None if nothing does."""
    if method == "generate":
        return _answer(partial(try_generating, model))

    def trial() -> str | None:
        if "alone" not in answers:
            answers["alone"] = few_tokens_alone(model)
        return try_few_tokens(model, method, decoding, answers["alone"])

    obstacle = _answer(trial)
    if obstacle is not None and decoding == "unpacked":
        with suppress(Exception):  # the search for a cause may fail as the model did
            obstacle = _why(model, method) or obstacle
    return obstacle


def _answer(trial: Callable[[], str | None]) -> str | None:
    """The answer of a trial. A failure inside the model is an answer, too, but not a warning that was made an error."""
    try:
        return trial()
    except Warning:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _answer(trial)
    except Exception as error:
        return f"it fails on a few tokens ({type(error).__name__}: {(str(error).splitlines() or [''])[0][:120]})"


def _why(model: PreTrainedModel, method: str) -> str | None:
    """The cause of a failure or of other logits, if it is a known one."""
    try:
        cache_argument(model)
    except TypeError as error:
        return str(error)
    if method == "one_by_one":
        return None
    if not takes_positions(model):
        effect = "so they can't restart for each prompt" if method in PACKED_METHODS else "and counts padding"
        return f"it works out positions by itself, {effect}"
    prompt = torch.tensor(sample_prompts(model, [4]), device=input_device(model))  # [1, n]
    places = torch.arange(4, device=prompt.device)[None]  # [1, n]
    own = call(model, prompt, DynamicCache()).logits
    if most_apart(call(model, prompt, DynamicCache(), position_ids=places).logits, own) > 0.001:
        return "it counts positions in a way of its own, not from 0"
    with packed_attention(Slots(torch.zeros_like(places), places)) as run:
        call(packable(model), prompt, DynamicCache(), position_ids=places)
    if method == "padding_free" and not run.layers:
        return "its layers compute attention by themselves, so it can't go prompt by prompt"
    return None
