"""A method held against each prompt alone: with a few tokens, and again at the lengths that come to be used.

Rules of models may begin late: at a window, at the length that a model was trained for, at a number that a layer's
buffer has room for. So an answer holds up to a prompt length and a row width. A rule may begin at the numbers that the
configuration names, whatever it calls them, and at powers of two; what was seen to hold between two of these is taken
to hold up to the next.
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
"""Lengths of the prompts that a model is tried with first."""
STEPS = 2
"""Tokens that are decoded after them."""
LATEST = 2**40
"""No rule begins beyond it."""


@dataclass
class Evidence:
    """Up to where a method is known to hold on a model."""

    starts: Sequence[int]
    """Lengths and widths at which a rule of the model may begin, rising."""
    length: int = max(FEW_TOKENS) + STEPS
    """Tokens of a prompt, new ones included."""
    width: int = sum(FEW_TOKENS) + STEPS
    """Slots in a row."""

    def covers(self, length: int, width: int) -> bool:
        """Whether prompts of so many tokens, in rows of so many slots, are known to be exact."""
        return length <= self.length and width <= self.width

    def extend(self, length: int, width: int) -> None:
        """Take note that these were seen to be exact, and with them what lies before the next start of a rule."""
        self.length, self.width = max(self.length, self._until(length)), max(self.width, self._until(width))

    def _until(self, size: int) -> int:
        return self.starts[bisect_right(self.starts, size)] - 1


def rule_starts(config: PreTrainedConfig) -> list[int]:
    """Lengths at which something may begin: whole numbers anywhere in the configuration, powers of two, and the length
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
    """A block in which a model of half precision computes in float32, so that its mistakes show as they would there."""
    return InFloat32() if model.dtype in HALF else nullcontext()


def few_tokens_alone(model: PreTrainedModel) -> list[torch.Tensor]:
    """What `try_few_tokens` has to find: the logits after each prompt, and after each of a few tokens, [B, V] each."""
    with in_full_precision(model):
        alone = [forward_alone(model, prompt) for prompt in sample_prompts(model, FEW_TOKENS)]
        decode, found = decode_alone(model, alone), [torch.cat([one.next_token_logits for one in alone])]
        for _ in range(STEPS):
            found.append(decode(found[-1].argmax(-1)))
    return found


def try_few_tokens(model: PreTrainedModel, method: str, decoding: str, alone: Sequence[torch.Tensor]) -> str | None:
    """Hold the method's logits, and those after a few decoded tokens, against the same prompts alone.

    Returns:
        In words where they differ; None where they agree.
    """
    with in_full_precision(model):
        passes = run_method(model, sample_prompts(model, FEW_TOKENS), method)
        found = torch.cat([one.next_token_logits for one in passes])[rising_order(passes)]
        off = most_apart(found, alone[0])
        if not off <= TOLERANCE:  # also true for NaN
            return f"its logits are not those of each prompt alone (off by {off:.0%} of their spread)"
        decode, _ = decode_by(model, passes, decoding)
        for before, expected in pairwise(alone):
            off = most_apart(decode(before.argmax(-1)), expected)
            if not off <= TOLERANCE:
                return f"decoding from its cache gives other logits than alone (off by {off:.0%} of their spread)"
    return None


def try_generating(model: PreTrainedModel) -> str | None:
    """Hold the logits of a few tokens of `model.generate` against those of the model itself: it may be given positions
    there that it would not choose, and then a prefill is not where its answer begins.

    Returns:
        In words where they differ; None where they agree.
    """
    (prompt,) = sample_prompts(model, FEW_TOKENS[:1])
    ids = torch.tensor([prompt], device=input_device(model))
    asked = {"do_sample": False, "num_beams": 1, "output_logits": True, "return_dict_in_generate": True}
    with in_full_precision(model):
        generated: Any = cast(Any, model).generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=STEPS + 1, min_new_tokens=STEPS + 1, **asked
        )
        alone = [forward_alone(model, prompt)]
        decode, found = decode_alone(model, alone), alone[0].next_token_logits
        for step, right in enumerate(generated.logits):
            if not most_apart(found, right) <= TOLERANCE:
                return "model.generate gets other logits than the model alone, so it is given other positions or inputs"
            found = decode(generated.sequences[:, len(prompt) + step])
    return None


def sample_prompts(model: PreTrainedModel, lengths: Sequence[int]) -> list[list[int]]:
    """Prompts of these lengths, always the same, of ids that the model knows."""
    generator, known = torch.Generator().manual_seed(0), vocabulary_size(model)
    return [torch.randint(known, (length,), generator=generator).tolist() for length in lengths]


def confirm(
    model: PreTrainedModel,
    prompts: list[list[int]],
    done: ForwardPass,
    places: Sequence[int] | None = None,
    decode: bool = True,
) -> str | None:
    """Hold what a pass left behind against prompts alone: logits, and those of one more token from an unpacked cache.

    Args:
        model: what was run.
        prompts: all of them.
        done: the pass.
        places: of the prompts to try, among those of the pass; where left out, those that show a rule that begins late.
        decode: whether to try the token after it.

    Returns:
        In words where they differ; None where they agree.
    """
    chosen = witnesses(done) if places is None else places
    difference = _difference(model, prompts, done.only(chosen), decode)
    if difference and chosen_by_rounding(model):
        with InFloat32():
            difference = _difference(model, prompts, run_pass(model, prompts, done.planned).only(chosen), decode)
    return difference


def chosen_by_rounding(model: PreTrainedModel) -> bool:
    """Whether rounding may send a token to other experts, and far away with it: then float32 decides."""
    return model.dtype in HALF and _names_experts(model.config.to_dict())


def _names_experts(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return any(("expert" in str(name) and bool(part)) or _names_experts(part) for name, part in value.items())


def witnesses(done: ForwardPass) -> list[int]:
    """Places of the longest prompt, the shortest, and the one that ends last: of them one is touched by any rule that
    looks at a prompt's length, at the longest of a pass, or at places in a row."""
    lengths, ends = done.batch.lengths.tolist(), done.batch.last_token[:, 1].tolist()
    places = range(len(lengths))
    longest, shortest = max(places, key=lengths.__getitem__), min(places, key=lengths.__getitem__)
    return sorted({longest, shortest, max(places, key=ends.__getitem__)})


def _difference(model: PreTrainedModel, prompts: list[list[int]], done: ForwardPass, decode: bool) -> str | None:
    own = [prompts[index] for index in done.prompts]
    alone = [forward_alone(model, prompt) for prompt in own]
    expected = torch.cat([one.next_token_logits for one in alone])  # [b, V]
    tokens = expected.argmax(-1)
    off = [_too_far(model, *pair) for pair in zip(done.next_token_logits, expected, own, strict=True)]
    if decode and not any(off):
        rising = sorted(range(len(own)), key=done.prompts.__getitem__)
        decoded = decode_by(model, [done], "unpacked")[0](tokens[rising])[torch.tensor(rising).argsort()]
        after = decode_alone(model, alone)(tokens)
        longer = [[*prompt, token] for prompt, token in zip(own, tokens.tolist(), strict=True)]
        off = [_too_far(model, *pair) for pair in zip(decoded, after, longer, strict=True)]
    for place, prompt in enumerate(own):
        if off[place]:
            return f"prompt {done.prompts[place]} ({len(prompt):,} tokens) gets other logits than alone, {off[place]}"
    return None


def confirm_decoding(model: PreTrainedModel, sequence: list[int], logits: torch.Tensor) -> str | None:
    """Hold the logits after the last token of a sequence that was decoded, [V], against those of the sequence alone."""
    off = _too_far(model, logits, forward_alone(model, sequence).next_token_logits[0], sequence)
    return off and f"after {len(sequence):,} tokens a prompt gets other logits than alone, {off}"


def _too_far(model: PreTrainedModel, found: torch.Tensor, expected: torch.Tensor, tokens: list[int]) -> str | None:
    """How far the logits of a prompt, [V], are off, where that is further than rounding takes them: in half precision,
    further than three times what it takes those of the prompt alone from float32."""
    off = most_apart(found[None].to(expected.device), expected[None])
    allowed = TOLERANCE
    if not off <= allowed and model.dtype in HALF:
        with InFloat32():
            allowed = 3 * most_apart(expected[None], forward_alone(model, tokens).next_token_logits)
    return None if off <= allowed else f"off by {off:.1%} of their spread"
