"""Which models each method is exact for, and why not.

Packing is exact only if attention is the one thing that lets a token see another, and if that attention obeys the
masks and positions it is given. What a model says about itself rules some out at once. Every other model is asked: a
few tokens, by the method and alone, longer than any window of the model, before and after one step of decoding. The
answer is kept as long as the model lives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import torch
from transformers import DynamicCache, PreTrainedConfig, PreTrainedModel

from prepack_lab.forward import ForwardPass, forward_alone, left_padded_mask, takes_positions
from prepack_lab.kv_cache import CachePart, join_caches
from prepack_lab.methods import METHODS, Plan

PACKED_METHODS = ("prepacked", "padding_free")
ATTENTION_LAYERS = {"full_attention", "attention", "sliding_attention", "chunked_attention"}
WINDOWS = ("sliding_window", "attention_chunk_size")
"""Where a configuration says that a token sees only part of its prompt."""

_SMALL_WINDOW = 5
_LENGTHS = (4, 9, 1, 2)


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


@dataclass(frozen=True)
class _Answer:
    obstacle: str | None
    longest: int | None = None
    """The longest prompt for which the answer holds; None without a limit."""


_known: WeakKeyDictionary[PreTrainedModel, dict[tuple[str, str], _Answer]] = WeakKeyDictionary()


def check_model(model: PreTrainedModel) -> ModelSupport:
    """Say whether `model` can be packed, and why (not). The first call runs a few tokens through the model."""
    obstacles = {method: _ask(model, method).obstacle for method in METHODS}
    exact = [method for method in PACKED_METHODS if obstacles[method] is None]
    reason = f"{' and '.join(exact)}: the same logits as alone, before and after a step of decoding"
    return ModelSupport(bool(exact), reason if exact else obstacles["prepacked"], obstacles)


def require_support(model: PreTrainedModel, method: str, longest: int) -> None:
    """Refuse a method that is not known to be exact for this model and prompts of up to `longest` tokens.

    Raises:
        UnsupportedModelError: names the model, the reason and the way out.
    """
    answer = _ask(model, method)
    reason = answer.obstacle
    if reason is None and answer.longest is not None and longest > answer.longest:
        reason = (
            f"a token of it sees only the last {answer.longest:,} tokens, by a rule of its own, and the longest prompt "
            f"has {longest:,}"
        )
    if reason is not None:
        others = [other for other in METHODS if other != method and _ask(model, other).obstacle is None]
        instead = f"Use method={' or '.join(map(repr, others))}" if others else "Use model.generate itself"
        raise UnsupportedModelError(f"{type(model).__name__} can't be run by {method!r}: {reason}. {instead}")


def _ask(model: PreTrainedModel, method: str) -> _Answer:
    if model.training:
        return _Answer("it is in training mode, where dropout changes every run; call model.eval() first")
    answers = _known.setdefault(model, {})
    key = (method, model.config._attn_implementation)
    if key not in answers:
        obstacle = _obstacle(model)
        answers[key] = _try(model, method) if obstacle is None else _Answer(obstacle)
    return answers[key]


def _obstacle(model: PreTrainedModel) -> str | None:
    """What the model says about itself that rules every method out."""
    config = model.config.get_text_config(decoder=True)
    if model.config.is_encoder_decoder:
        return "it has an encoder, which reads a prompt in both directions"
    if getattr(model, "_is_stateful", False):
        return "it carries a state from token to token instead of keys and values"
    foreign = sorted(set(getattr(config, "layer_types", None) or ()) - ATTENTION_LAYERS)
    if foreign:
        return f"some of its layers are not plain attention ({', '.join(foreign)})"
    return None


def _try(model: PreTrainedModel, method: str) -> _Answer:
    """Run a few prompts by the method and alone, under a window that they exceed."""
    config = model.config.get_text_config(decoder=True)
    window = min((getattr(config, name, None) or 0 for name in WINDOWS), key=lambda size: size or torch.inf)
    try:
        with _small_windows(config):
            obstacle = _differs(model, method)
        if obstacle is not None:
            obstacle = _why(model, method) or obstacle
        obeyed = not window or _obeys_windows(model, config)
        if obstacle is None and not obeyed:
            obstacle = _differs(model, method)  # once more, as the model is
    except Exception as error:  # any failure inside a foreign model is an answer
        return _Answer(f"it fails on a few tokens ({type(error).__name__}: {str(error).splitlines()[0][:120]})")
    return _Answer(obstacle, longest=None if obeyed else window)


def _why(model: PreTrainedModel, method: str) -> str | None:
    """A cause that can be shown, where the logits differ."""
    if method not in PACKED_METHODS:
        return None
    if not takes_positions(model):
        return "it works out positions by itself, so they can't restart for each prompt"
    prompt = torch.tensor(_prompts(model)[:1], device=model.device)
    with torch.no_grad():
        own = model(prompt, use_cache=False).logits
        from_zero = model(
            prompt, use_cache=False, position_ids=torch.arange(prompt.shape[1], device=model.device)[None]
        )
    if _disagreement(from_zero.logits, own) > 0.001:
        return "it counts positions in a way of its own, not from 0"
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
    """Whether the window is the one that the configuration names now; a layer may have kept its own."""
    prompt = _prompts(model)[1]
    as_it_is = forward_alone(model, prompt).next_token_logits
    with _small_windows(config):
        small = forward_alone(model, prompt).next_token_logits
    already_small = all((getattr(config, name, None) or 0) <= _SMALL_WINDOW for name in WINDOWS)
    return already_small or _disagreement(as_it_is, small) > 0


def _differs(model: PreTrainedModel, method: str) -> str | None:
    """Hold the method's logits and one decoded step against the same prompts alone."""
    prompts = _prompts(model)
    alone = [forward_alone(model, prompt) for prompt in prompts]
    passes, parts = zip(*METHODS[method](model, prompts, Plan()), strict=True)
    order = torch.tensor([prompt for part in parts for prompt in part.prompts], device=model.device)
    logits = torch.cat([one.next_token_logits for one in passes])[order.argsort()]
    tolerance = 2 * torch.finfo(model.dtype).eps ** 0.5
    before = _disagreement(logits, torch.cat([one.next_token_logits for one in alone]))
    if not before <= tolerance:  # also true for NaN
        return f"its logits are not those of each prompt alone (off by {before:.0%} of their spread)"
    after = _disagreement(*_decode_step(model, parts, alone))
    if not after <= tolerance:
        return f"decoding from its cache gives other logits than alone (off by {after:.0%} of their spread)"
    return None


def _prompts(model: PreTrainedModel) -> list[list[int]]:
    generator = torch.Generator().manual_seed(0)
    vocab_size = model.get_input_embeddings().num_embeddings
    return [torch.randint(vocab_size, (length,), generator=generator).tolist() for length in _LENGTHS]


@torch.no_grad()
def _decode_step(
    model: PreTrainedModel, parts: Sequence[CachePart], alone: list[ForwardPass]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The logits after one more token, [B, V]: from the joined cache, and from each prompt's own."""
    token = torch.cat([one.next_token_logits for one in alone]).argmax(-1, keepdim=True)  # [B, 1]
    mask = torch.nn.functional.pad(left_padded_mask(_LENGTHS, model.device), (0, 1), value=1)  # [B, L + 1]
    position = torch.tensor(_LENGTHS, device=model.device)[:, None]  # [B, 1]

    def step(rows: slice, cache: DynamicCache, mask: torch.Tensor | None) -> torch.Tensor:
        positions = {"position_ids": position[rows]} if takes_positions(model) else {}
        return model(token[rows], attention_mask=mask, past_key_values=cache, **positions).logits[:, -1]

    together = step(slice(None), join_caches(parts, model.config), mask)
    singly = [step(slice(index, index + 1), one.cache, None) for index, one in enumerate(alone)]
    return together, torch.cat(singly)


def _disagreement(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest difference, as a share of how far the logits spread."""
    return ((ours - theirs).abs().max() / theirs.float().std()).item()
