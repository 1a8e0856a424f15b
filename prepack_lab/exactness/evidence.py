"""A method compared with each prompt alone: on a few tokens, and again at the lengths that come to be used.

A model may have rules that begin late: at a window, at the length that it was trained for, at the size of a buffer.
So an answer holds up to a prompt length and a row width. A rule is taken to begin only at the whole numbers in the
configuration, whatever they are called, and at powers of two: what is seen to hold at 3,000 tokens is taken to hold up
to 4,095, as 4,096 is a power of two.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import torch
from transformers import PreTrainedConfig, PreTrainedModel

from prepack_lab.decoding import decode_alone, decode_by, rising_order
from prepack_lab.exactness.differences import HALF, TOLERANCE, InFloat32, most_apart
from prepack_lab.forward import ForwardPass, forward_alone, input_device, run_method, run_pass, vocabulary_size

FEW_TOKENS = (4, 9, 1, 2)
"""Lengths of the prompts that a model is tried on first."""
STEPS = 2
"""Tokens that are decoded after each of them."""
CACHE_AS_IT_IS = {"use_cache": True, "cache_implementation": None, "cache_config": None, "max_cache_len": None}
"""A checkpoint may ask for another cache, or for none. That changes no token: the cache is that of the prefill."""
LATEST = 2**40
"""No rule begins beyond it."""


@dataclass
class Evidence:
    """Up to which sizes a method is known to be exact for a model."""

    starts: Sequence[int]
    """Lengths and widths at which a rule of the model may begin, rising."""
    length: int = max(FEW_TOKENS)
    """The most tokens of a prompt, new ones included."""
    width: int = max(FEW_TOKENS)
    """The most slots in a row."""

    def covers(self, length: int, width: int) -> bool:
        """Whether prompts of so many tokens, in rows of so many slots, are known to be exact."""
        return length <= self.length and width <= self.width

    def extend(self, length: int, width: int) -> None:
        """Record that these were seen to be exact, and with them all sizes before the next start of a rule."""
        self.length, self.width = max(self.length, self._until(length)), max(self.width, self._until(width))

    def _until(self, size: int) -> int:
        return self.starts[bisect_right(self.starts, size)] - 1


def rule_starts(config: PreTrainedConfig) -> list[int]:
    """Sizes at which a rule may begin, rising: whole numbers anywhere in the configuration, powers of two, and the size
    after each, since some rules begin at a number and some beyond it."""
    numbers = {*_whole_numbers(config.to_dict()), *(2**power for power in range(41))}
    return sorted({start for number in numbers if 0 < number <= LATEST for start in (number, number + 1)})


def _whole_numbers(value: Any) -> Iterator[int]:
    if isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _whole_numbers(part)
    elif isinstance(value, int | float) and value == value and abs(value) <= LATEST and value == int(value):
        yield int(value)


def in_full_precision(model: PreTrainedModel) -> Any:
    """A block in which a model in half precision computes in float32, so that rounding does not hide mistakes."""
    return InFloat32() if model.dtype in HALF else nullcontext()


def few_tokens_alone(model: PreTrainedModel) -> list[torch.Tensor]:
    """What `try_few_tokens` has to find: the logits after each prompt, and after each of a few tokens, [B, V] each."""
    with in_full_precision(model):
        alone = [forward_alone(model, prompt) for prompt in sample_prompts(model, FEW_TOKENS)]
        decode, found = decode_alone(model, alone), [torch.cat([done.next_token_logits for done in alone])]
        for _ in range(STEPS):
            found.append(decode(found[-1].argmax(-1)))
    return found


def try_few_tokens(model: PreTrainedModel, method: str, decoding: str, alone: Sequence[torch.Tensor]) -> str | None:
    """Compare the method's logits, and those after a few decoded tokens, with those of the same prompts alone.

    Returns:
        How they differ, in words; None if they agree.
    """
    with in_full_precision(model):
        passes = run_method(model, sample_prompts(model, FEW_TOKENS), method)
        found = torch.cat([done.next_token_logits for done in passes])[rising_order(passes)]
        off = most_apart(found, alone[0])
        if not off <= TOLERANCE:  # also true for NaN
            return f"its logits are not those of each prompt alone (off by {off:.0%} of their spread)"
        decode, _ = decode_by(model, passes, decoding)
        for before, expected in pairwise(alone):
            off = most_apart(decode(before.argmax(-1)), expected)
            if not off <= TOLERANCE:
                return f"decoding from its cache changes the logits (off by {off:.0%} of their spread)"
    return None


def try_generating(model: PreTrainedModel) -> str | None:
    """Compare the logits of a few tokens of `model.generate` with those of plain calls of the model: `model.generate`
    may pass positions that the model would not choose itself, and then its answer does not go on from a prefill.

    Returns:
        How they differ, in words; None if they agree.
    """
    (prompt,) = sample_prompts(model, FEW_TOKENS[:1])
    ids = torch.tensor([prompt], device=input_device(model))
    asked: dict[str, Any] = {"do_sample": False, "num_beams": 1, "output_logits": True, "return_dict_in_generate": True}
    asked |= {**CACHE_AS_IT_IS, "stop_strings": None}
    with in_full_precision(model):
        generated: Any = cast(Any, model).generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=STEPS + 1, min_new_tokens=STEPS + 1, **asked
        )
        alone = [forward_alone(model, prompt)]
        decode, found = decode_alone(model, alone), alone[0].next_token_logits
        for step, expected in enumerate(generated.logits):
            if not most_apart(found, expected) <= TOLERANCE:
                return "model.generate gets other logits than the model alone, so it passes other positions or inputs"
            found = decode(generated.sequences[:, len(prompt) + step])
    return None


def sample_prompts(model: PreTrainedModel, lengths: Sequence[int]) -> list[list[int]]:
    """Prompts of these lengths, from ids that the model knows; the same in every call."""
    generator, known = torch.Generator().manual_seed(0), vocabulary_size(model)
    return [torch.randint(known, (length,), generator=generator).tolist() for length in lengths]


def confirm(
    model: PreTrainedModel,
    prompts: list[list[int]],
    done: ForwardPass,
    places: Sequence[int] | None = None,
    decode: bool = True,
) -> str | None:
    """Compare a pass with prompts alone: its logits, and those of one more token from an unpacked cache.

    Args:
        model: the model that was run.
        prompts: all prompts, of which the pass ran some.
        done: the pass.
        places: which prompts to try, by their places in the pass; left out, its `witnesses`.
        decode: whether to try one more token.

    Returns:
        How they differ, in words; None if they agree.
    """
    chosen = witnesses(done) if places is None else places
    difference = _difference(model, prompts, done.only(chosen), decode)
    if difference and chosen_by_rounding(model):
        with InFloat32():
            difference = _difference(model, prompts, run_pass(model, prompts, done.planned).only(chosen), decode)
    return difference


def chosen_by_rounding(model: PreTrainedModel) -> bool:
    """Whether rounding may send a token to other experts, and so change its logits a lot: then float32 decides."""
    return model.dtype in HALF and _names_experts(model.config.to_dict())


def _names_experts(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return any(("expert" in str(name) and bool(part)) or _names_experts(part) for name, part in value.items())


def witnesses(done: ForwardPass) -> list[int]:
    """Places of the longest prompt, the shortest, and the one that ends last. A rule that depends on a prompt's length,
    on the longest of a pass, or on slots in a row affects at least one of them."""
    lengths, ends = done.batch.lengths.tolist(), done.batch.last_token[:, 1].tolist()
    places = range(len(lengths))
    longest, shortest = max(places, key=lengths.__getitem__), min(places, key=lengths.__getitem__)
    return sorted({longest, shortest, max(places, key=ends.__getitem__)})


def _difference(model: PreTrainedModel, prompts: list[list[int]], done: ForwardPass, decode: bool) -> str | None:
    own = [prompts[index] for index in done.prompts]
    alone = [forward_alone(model, prompt) for prompt in own]
    expected = torch.cat([each.next_token_logits for each in alone])  # [b, V]
    tokens = expected.argmax(-1)
    off = [_too_far(model, *each) for each in zip(done.next_token_logits, expected, own, strict=True)]
    if decode and not any(off):
        rising = sorted(range(len(own)), key=done.prompts.__getitem__)
        decoded = decode_by(model, [done], "unpacked")[0](tokens[rising])[torch.tensor(rising).argsort()]
        after = decode_alone(model, alone)(tokens)
        longer = [[*prompt, token] for prompt, token in zip(own, tokens.tolist(), strict=True)]
        off = [_too_far(model, *each) for each in zip(decoded, after, longer, strict=True)]
    for place, prompt in enumerate(own):
        if off[place]:
            return f"prompt {done.prompts[place]} ({len(prompt):,} tokens) gets other logits than alone, {off[place]}"
    return None


def confirm_decoding(model: PreTrainedModel, sequence: list[int], logits: torch.Tensor) -> str | None:
    """Compare the logits after the last token of a decoded sequence, [V], with those of the sequence run alone."""
    off = _too_far(model, logits, forward_alone(model, sequence).next_token_logits[0], sequence)
    return off and f"after {len(sequence):,} tokens a prompt gets other logits than alone, {off}"


def _too_far(model: PreTrainedModel, found: torch.Tensor, expected: torch.Tensor, tokens: list[int]) -> str | None:
    """How far off the logits of a prompt are, [V], in words; None if rounding explains it. In half precision that is up
    to three times what rounding does to the prompt alone."""
    off = most_apart(found[None].to(expected.device), expected[None])
    allowed = TOLERANCE
    if not off <= allowed and model.dtype in HALF:
        with InFloat32():
            allowed = 3 * most_apart(expected[None], forward_alone(model, tokens).next_token_logits)
    return None if off <= allowed else f"off by {off:.1%} of their spread"
