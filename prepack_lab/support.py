"""Which models can be packed, and why not.

Packing is exact only if a model's attention is the one thing that lets a token see another, and if that
attention obeys the mask and the positions it is given. What a model says about itself rules out most others at
once. Where that leaves a doubt, the model is asked: a few tokens packed against the same tokens alone, before
and after one step of decoding. The answer is kept as long as the model lives.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from transformers import PreTrainedModel

from prepack_lab.forward import ForwardPass, forward_alone, forward_packed, left_padded_mask, takes_positions
from prepack_lab.kv_cache import unpack_cache
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import pack

MASKED_ATTENTION = ("eager", "sdpa")
"""The attention implementations of transformers that obey a 4-D additive mask."""

ATTENTION_LAYERS = {"full_attention", "attention", "sliding_attention", "chunked_attention"}


class UnsupportedModelError(ValueError):
    """Packing is not known to be exact for this model. The message says why, and what to do instead."""


@dataclass(frozen=True)
class ModelSupport:
    """Whether a model can be packed."""

    supported: bool
    reason: str
    """In words: what was checked, or what stands in the way."""


_known: WeakKeyDictionary[PreTrainedModel, dict[str, ModelSupport]] = WeakKeyDictionary()


def check_model(model: PreTrainedModel) -> ModelSupport:
    """Say whether `model` can be packed, and why (not). The first call runs a few tokens through the model."""
    attention = model.config._attn_implementation
    answers = _known.setdefault(model, {})
    if attention not in answers:
        obstacle = _obstacle(model) or _differs(model)
        answers[attention] = ModelSupport(
            supported=obstacle is None,
            reason=obstacle or "packed and alone agree on this model, in its logits and after a step of decoding",
        )
    return answers[attention]


def require_support(model: PreTrainedModel, longest: int) -> None:
    """Refuse a model for which packing prompts of up to `longest` tokens is not known to be exact.

    Raises:
        UnsupportedModelError: names the model, the reason and the way out.
    """
    support = check_model(model)
    reason = support.reason
    window = attention_window(model)
    if support.supported and window is not None and longest > window:
        reason = (
            f"a token sees only the last {window:,} tokens (its window), the packed mask lets it see its whole "
            f"prompt, and the longest prompt has {longest:,}"
        )
    elif support.supported:
        return
    raise UnsupportedModelError(
        f"{type(model).__name__} can't be prepacked: {reason}. Use method='full_batching' or 'one_by_one'"
    )


def attention_window(model: PreTrainedModel) -> int | None:
    """The fewest tokens that any layer's sliding window or chunk holds; None where every layer sees all."""
    config = model.config.get_text_config(decoder=True)
    windows = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")]
    return min((window for window in windows if window), default=None)


def _obstacle(model: PreTrainedModel) -> str | None:
    """What the model says about itself that rules packing out."""
    config = model.config.get_text_config(decoder=True)
    if model.config.is_encoder_decoder:
        return "it has an encoder, which reads a prompt in both directions"
    if getattr(model, "_is_stateful", False):
        return "it carries a state from token to token, which would leak from one prompt into the next"
    foreign = sorted(set(getattr(config, "layer_types", None) or ()) - ATTENTION_LAYERS)
    if foreign:
        return f"some of its layers are not plain attention ({', '.join(foreign)})"
    if not takes_positions(model):
        return "it works out positions by itself, so they can't restart for each prompt"
    if model.config._attn_implementation not in MASKED_ATTENTION:
        return (
            f"its attention is {model.config._attn_implementation!r}, which takes no 4-D mask; "
            "load it with attn_implementation='sdpa' or 'eager'"
        )
    return None


def _differs(model: PreTrainedModel) -> str | None:
    """Pack a few prompts, and hold logits and one decoded step against the same prompts alone."""
    generator = torch.Generator().manual_seed(0)
    vocab_size = model.get_input_embeddings().num_embeddings
    prompts = [torch.randint(vocab_size, (n,), generator=generator).tolist() for n in (4, 7, 1, 2)]
    batch = PackedBatch.from_prompts(prompts, pack([4, 7, 1, 2]), device=model.device)
    try:
        alone = [forward_alone(model, prompt) for prompt in prompts]
        packed = forward_packed(model, batch)
        before = _disagreement(packed.next_token_logits, torch.cat([one.next_token_logits for one in alone]))
        after = _disagreement(*_decode_step(model, batch, packed, alone))
    except Exception as error:  # any failure inside a foreign model is an answer: it can't be packed
        return f"it failed when a few tokens were packed ({type(error).__name__}: {error})"
    tolerance = 2 * torch.finfo(model.dtype).eps ** 0.5
    if not before <= tolerance:  # also true for NaN
        return f"packed prompts gave other logits than alone (off by {before:.1e} of their size)"
    if not after <= tolerance:
        return f"decoding from the unpacked cache gave other logits than alone (off by {after:.1e} of their size)"
    return None


@torch.no_grad()
def _decode_step(
    model: PreTrainedModel, batch: PackedBatch, packed: ForwardPass, alone: list[ForwardPass]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The logits after one more token, [B, V]: from the unpacked cache, and from each prompt's own."""
    token = packed.next_token_logits.argmax(-1, keepdim=True)  # [B, 1]
    lengths = batch.lengths
    mask = left_padded_mask([*batch.packing.lengths], model.device)
    mask = torch.nn.functional.pad(mask, (0, 1), value=1)  # [B, L + 1]
    cache = unpack_cache(packed.cache, batch, model.config)
    together = model(token, attention_mask=mask, position_ids=lengths[:, None], past_key_values=cache).logits
    singly = [
        model(token[i : i + 1], position_ids=lengths[i, None, None], past_key_values=one.cache).logits
        for i, one in enumerate(alone)
    ]
    return together[:, -1], torch.cat(singly)[:, -1]


def _disagreement(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest difference, as a share of how far the logits spread."""
    return ((ours - theirs).abs().max() / theirs.float().std()).item()
