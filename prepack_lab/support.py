"""Which models each method is exact for, and why not.

Packing is exact only if attention is the one thing that lets a token see another, and if that attention obeys the
masks and positions it is given. What a model says about itself rules some out at once. Every other model is asked: a
few tokens, by the method and alone, longer than any window of the model, before and after one step of decoding. The
answer is kept as long as the model lives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import torch
from transformers import PreTrainedConfig, PreTrainedModel

from prepack_lab.attention import Slots, packed_attention
from prepack_lab.cache import join_caches
from prepack_lab.forward import forward_alone, max_positions, takes_positions, vocabulary_size
from prepack_lab.methods import METHODS
from prepack_lab.next_step import Decode, decode_alone, decode_together, most_apart
from prepack_lab.packed_decoding import PackedDecoder
from prepack_lab.passes import Step, run_method
from prepack_lab.prompts import check_prompts

PACKED_METHODS = ("prepacked", "padding_free")
ATTENTION_LAYERS = {"full_attention", "attention", "sliding_attention", "chunked_attention"}
WINDOWS = ("sliding_window", "attention_chunk_size", "window_size")
"""Where a configuration says that a token sees only part of its prompt."""

_SMALL_WINDOW = 5
_AFFORDABLE = 512
"""The largest window, in tokens, that the check goes beyond where it can't be made small."""
_LENGTHS = (4, 9, 1, 2)
_STEPS = 2


class UnsupportedModelError(ValueError):
    """The method is not known to be exact for this model. The message says why, and what to do instead."""


@dataclass(frozen=True)
class ModelSupport:
    """Whether a model can be packed."""

    supported: bool
    """By at least one of `prepacked` and `padding_free`."""
    reason: str
    """In words: what was checked, or what stands in the way."""
    methods: dict[str, str | None] = field(default_factory=dict)
    """For each method what stands in its way; None where it is exact."""
    packed_decoding: dict[str, str | None] = field(default_factory=dict)
    """The same for decoding from the rows of `prepacked` and `padding_free`."""


@dataclass(frozen=True)
class _Answer:
    obstacle: str | None
    longest: int | None = None
    """The longest prompt for which the answer holds; None without a limit."""


_known: WeakKeyDictionary[PreTrainedModel, dict[tuple[str, str, str], _Answer]] = WeakKeyDictionary()


def check_model(model: PreTrainedModel) -> ModelSupport:
    """Say whether `model` can be packed, and why (not). The first call runs a few tokens through the model."""
    obstacles = {method: _ask(model, method).obstacle for method in METHODS}
    decoding = {method: _ask(model, method, "packed").obstacle for method in PACKED_METHODS}
    exact = [method for method in PACKED_METHODS if obstacles[method] is None]
    same = f"{' and '.join(exact)}: the same logits as alone, before and after a step of decoding"
    return ModelSupport(bool(exact), same if exact else str(obstacles["prepacked"]), obstacles, decoding)


def prompts_for(model: PreTrainedModel, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
    """The prompts as lists of ids that this model can read.

    Raises:
        InvalidPromptsError: names the prompt that can't be run, and why.
        UnsupportedModelError: the model reads something else than a list of ids a prompt.
    """
    obstacle = _foreign_input(model)
    if obstacle is not None:
        raise UnsupportedModelError(f"{type(model).__name__} can't be run here: {obstacle}. Use model.generate itself")
    return check_prompts(prompts, vocabulary_size(model), max_positions(model))


def require_support(model: PreTrainedModel, method: str, longest: int, decoding: str = "unpacked") -> None:
    """Refuse a method that is not known to be exact for this model and prompts of up to `longest` tokens.

    Raises:
        UnsupportedModelError: names the model, the reason and the way out.
        ValueError: rows are to be decoded, and the method makes none.
    """
    if decoding == "packed" and method not in PACKED_METHODS:
        raise ValueError(f"{method!r} makes no rows of several prompts to decode; use {' or '.join(PACKED_METHODS)}")
    answer = _ask(model, method, decoding)
    reason = answer.obstacle
    if reason is None and answer.longest is not None and longest > answer.longest:
        reason = (
            f"a token of it sees only the last {answer.longest:,} tokens, by a rule of its own, and the longest prompt "
            f"has {longest:,}"
        )
    if reason is not None:
        name = method if decoding == "unpacked" else f"{method} with packed decoding"
        raise UnsupportedModelError(
            f"{type(model).__name__} can't be run by {name!r}: {reason}. {_instead(model, method, decoding)}"
        )


def _instead(model: PreTrainedModel, refused: str, decoding: str) -> str:
    if decoding == "packed" and _ask(model, refused).obstacle is None:
        return "Use decoding='unpacked'"
    others = [method for method in METHODS if method != refused and _ask(model, method).obstacle is None]
    return f"Use method={' or '.join(map(repr, others))}" if others else "Use model.generate itself"


def _ask(model: PreTrainedModel, method: str, decoding: str = "unpacked") -> _Answer:
    if model.training:
        return _Answer("it is in training mode, where dropout changes every run; call model.eval() first")
    answers = _known.setdefault(model, {})
    key = (method, decoding, model.config._attn_implementation)
    if key not in answers:
        obstacle = _obstacle(model) if decoding == "unpacked" else _ask(model, method).obstacle
        answers[key] = _try(model, method, decoding) if obstacle is None else _Answer(obstacle)
    return answers[key]


def _foreign_input(model: PreTrainedModel) -> str | None:
    there = hasattr(model.get_input_embeddings(), "num_embeddings")
    return None if there else "its input is not one list of token ids a prompt"


def _obstacle(model: PreTrainedModel) -> str | None:
    """What the model says about itself that rules every method out."""
    config = model.config.get_text_config(decoder=True)
    foreign_input = _foreign_input(model)
    if foreign_input is not None:
        return foreign_input
    if model.config.is_encoder_decoder:
        return "it has an encoder, which reads a prompt in both directions"
    if getattr(model, "_is_stateful", False):
        return "it carries a state from token to token instead of keys and values"
    foreign = sorted(set(getattr(config, "layer_types", None) or ()) - ATTENTION_LAYERS)
    if foreign:
        return f"some of its layers are not plain attention ({', '.join(foreign)})"
    return None


def _try(model: PreTrainedModel, method: str, decoding: str = "unpacked") -> _Answer:
    """Run a few prompts by the method and alone, one of them longer than any window."""
    config = model.config.get_text_config(decoder=True)
    window = min((getattr(config, name, None) or 0 for name in WINDOWS), key=lambda size: size or torch.inf)
    longest = None
    try:
        with _small_windows(config):
            obstacle = _differs(model, method, decoding)
        if obstacle is None and window and not _obeys_windows(model, config):  # so go beyond the window as it is
            affordable = window <= _AFFORDABLE
            obstacle = _differs(model, method, decoding, (4, window + 4, 1, 2) if affordable else _LENGTHS)
            longest = None if affordable else window
    except Exception as error:  # any failure inside a foreign model is an answer
        obstacle = f"it fails on a few tokens ({type(error).__name__}: {str(error).splitlines()[0][:120]})"
    if obstacle is not None and decoding == "unpacked":
        with suppress(Exception):  # the search for a cause may fail as the model did
            obstacle = _why(model, method) or obstacle
    return _Answer(obstacle, longest)


@torch.no_grad()
def _why(model: PreTrainedModel, method: str) -> str | None:
    """A cause that can be shown, where a method fails or the logits differ."""
    prompt = torch.tensor(_prompts(model)[:1], device=model.device)  # [1, n]
    if getattr(model(prompt, use_cache=True), "past_key_values", None) is None:
        return "it keeps no cache of keys and values"
    if method == "one_by_one":
        return None
    if not takes_positions(model):
        beside = "so they can't restart for each prompt" if method in PACKED_METHODS else "and counts padding"
        return f"it works out positions by itself, {beside}"
    places = torch.arange(prompt.shape[1], device=model.device)[None]  # [1, n]
    own = model(prompt, use_cache=False).logits
    from_zero = model(prompt, use_cache=False, position_ids=places).logits
    if most_apart(from_zero, own) > 0.001:
        return "it counts positions in a way of its own, not from 0"
    with packed_attention(model, Slots(torch.zeros_like(places), places)) as run:
        model(prompt, use_cache=False, position_ids=places)
    if method == "padding_free" and not run.layers:
        return "its layers compute attention by themselves, so it can't go prompt by prompt"
    return None


@contextmanager
def _small_windows(config: PreTrainedConfig) -> Iterator[None]:
    """Give the model windows that a few tokens exceed, for as long as the block lasts."""
    kept = {name: getattr(config, name) for name in WINDOWS if getattr(config, name, None)}
    for name, size in kept.items():
        setattr(config, name, min(size, _SMALL_WINDOW))
    try:
        yield
    finally:
        for name, size in kept.items():
            setattr(config, name, size)


def _obeys_windows(model: PreTrainedModel, config: PreTrainedConfig) -> bool:
    """Whether the few tokens reached beyond the window: it is small already, or it is what the configuration names
    now. A layer may have kept the one that it was made with."""
    prompt = _prompts(model)[1]
    as_it_is = forward_alone(model, prompt).next_token_logits
    with _small_windows(config):
        small = forward_alone(model, prompt).next_token_logits
    already_small = all((getattr(config, name, None) or 0) < len(prompt) for name in WINDOWS)
    return already_small or most_apart(as_it_is, small) > 0


def _differs(model: PreTrainedModel, method: str, decoding: str, lengths: Sequence[int] = _LENGTHS) -> str | None:
    """Hold the method's logits, and those after each of a few decoded tokens, against the same prompts alone."""
    prompts = _prompts(model, lengths)
    alone = [forward_alone(model, prompt) for prompt in prompts]
    steps = run_method(model, prompts, method)
    order = torch.tensor([prompt for _, part in steps for prompt in part.prompts], device=model.device).argsort()
    tolerance = 2 * torch.finfo(model.dtype).eps ** 0.5
    expected = torch.cat([one.next_token_logits for one in alone])  # [B, V]
    off = most_apart(torch.cat([out.next_token_logits for out, _ in steps])[order], expected)
    if not off <= tolerance:  # also true for NaN
        return f"its logits are not those of each prompt alone (off by {off:.0%} of their spread)"
    if decoding == "packed":
        decode = _from_rows(model, steps, order)
    else:
        decode = decode_together(model, join_caches([part for _, part in steps], model.config), lengths)
    each_alone = decode_alone(model, alone, lengths)
    for _ in range(_STEPS):
        tokens = expected.argmax(-1)  # [B]
        expected = each_alone(tokens)
        off = most_apart(decode(tokens), expected)
        if not off <= tolerance:
            return f"decoding from its cache gives other logits than alone (off by {off:.0%} of their spread)"
    return None


def _prompts(model: PreTrainedModel, lengths: Sequence[int] = _LENGTHS) -> list[list[int]]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(vocabulary_size(model), (length,), generator=generator).tolist() for length in lengths]


def _from_rows(model: PreTrainedModel, steps: Sequence[Step], order: torch.Tensor) -> Decode:
    """Decode from packed rows, as `generate` does with packed decoding."""
    decoders = [(part.prompts, PackedDecoder(model, out.cache, part.rows)) for out, part in steps]
    return lambda tokens: torch.cat([decoder.step(tokens[[*prompts]]) for prompts, decoder in decoders])[order]
