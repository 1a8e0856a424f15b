"""The stages of the capstone: what each is tried on, what is wrong with what it returns, and which mistake that shows.

Each stage gets the right inputs, whatever the others do, so that the first one that fails is the one to mend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from inspect import signature
from itertools import combinations
from random import Random
from types import SimpleNamespace
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.course.capstone import mistakes, reference
from prepack_lab.course.exercises.judges import bins_hold_all
from prepack_lab.exactness.differences import TOLERANCE, most_apart
from prepack_lab.models.loading import load_model

WHOLE = (12, 7, 1, 3, 9, 2)
"""Lengths of the prompts that go through all stages."""
NEW_TOKENS = 6
PACKED = (
    ((2,), [[0]]),
    ((1, 2), [[1, 0]]),
    ((2, 4, 1), [[1], [0, 2]]),
    ((3, 1, 4, 2, 5, 1), [[4, 5], [3, 2], [0, 1]]),
    (WHOLE, [[4, 3], [0], [1, 5, 2]]),
)
"""Lengths of prompts, and bins for them, the smallest first."""


@dataclass(frozen=True)
class Stage:
    """A function of the capstone."""

    right: Callable[..., Any]
    arguments: Callable[[SimpleNamespace], tuple[Any, ...]]
    """Packed prompts, with all that belongs to them → what the stage is given."""
    judge: Callable[..., str | None]
    """(returned, expected, *arguments as the function left them) → what is wrong, or None."""
    mistakes: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    """What a result shows → a function that gives it."""

    @property
    def name(self) -> str:
        """Of the function."""
        return self.right.__name__

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its arguments."""
        return tuple(signature(self.right).parameters)

    def cases(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """In words, and the arguments, the smallest first."""
        for lengths, bins in PACKED:
            words = f"prompts of {', '.join(map(str, lengths))} tokens"
            yield (
                words if self.name == "pack_prompts" else f"{words} in the bins {bins}",
                self.arguments(inputs(lengths, bins)),
            )

    def wrong(self, returned: Any, arguments: Sequence[Any], before: Sequence[Any]) -> str | None:
        """What is wrong with a result, and what it shows; None where it is right.

        Args:
            returned: by the function.
            arguments: that it was given, and may have changed.
            before: the same as they were.
        """

        def judged(function: Callable[..., Any]) -> str | None:
            try:
                return self.judge(returned, function(*fresh(before)), *arguments)
            except Exception:  # it can't even be looked at
                return f"This {type(returned).__name__} can't be compared with what is asked for."

        wrong = judged(self.right)
        if wrong is None:
            return None
        shown = next((words for words, mistake in self.mistakes.items() if judged(mistake) is None), None)
        return f"{wrong}\n{shown}" if shown else wrong


def fresh(arguments: Sequence[Any]) -> tuple[Any, ...]:
    """Copies of arguments, so that a cache may grow; a model is not copied."""
    return tuple(one if isinstance(one, torch.nn.Module) else deepcopy(one) for one in arguments)


@cache
def small_model() -> PreTrainedModel:
    """A random model whose attention is sharp, so that a wrong position or a wrong key changes its tokens."""
    model, _ = load_model("tiny-llama", dtype="float32", device="cpu")
    with torch.no_grad():
        for layer in model.model.layers:
            for projection in (layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj):
                projection.weight *= 8
    texts, _ = run_alone(model, prompts_of(WHOLE), NEW_TOKENS, end=None)
    model.config.eos_token_id = model.generation_config.eos_token_id = texts[0][NEW_TOKENS // 2]
    return model


def prompts_of(lengths: Sequence[int]) -> list[list[int]]:
    """Random prompts, for the small model."""
    draw = Random(0)
    return [[draw.randrange(3, 200) for _ in range(length)] for length in lengths]


@torch.no_grad()
def run_alone(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], max_new_tokens: int, end: int | None
) -> tuple[list[list[int]], torch.Tensor]:
    """What every prompt gets alone, without mask, positions or padding: its new tokens, and the logits after it."""
    texts, logits = [], []
    for prompt in prompts:
        cache, ids, text = DynamicCache(), torch.tensor([[*prompt]], device=model.device), [-1]
        while len(text) <= max_new_tokens and text[-1] != end:
            after = model(ids, None, None, cache, use_cache=True).logits[:, -1]
            logits += [after] if len(text) == 1 else []
            ids = after.argmax(-1, keepdim=True)
            text.append(int(ids))
        texts.append(text[1:])
    return texts, torch.cat(logits)


@cache
def _inputs(lengths: tuple[int, ...], bins: tuple[tuple[int, ...], ...]) -> SimpleNamespace:
    model, prompts = small_model(), prompts_of(lengths)
    input_ids, segment_ids, first_token = reference.lay_out(prompts, bins)
    mask = reference.packed_mask(segment_ids, torch.float32)
    position_ids = reference.restart_positions(segment_ids, first_token)
    counts = torch.tensor(lengths)
    with torch.no_grad():
        everywhere, rows = reference.forward(model, input_ids, mask, position_ids)
        logits, own = (
            reference.last_logits(everywhere, first_token, counts),
            reference.unpack(rows, first_token, counts),
        )
    return SimpleNamespace(
        model=model, prompts=prompts, lengths=[*lengths], bins=[[*members] for members in bins], input_ids=input_ids,
        segment_ids=segment_ids, first_token=first_token, mask=mask, position_ids=position_ids, everywhere=everywhere,
        rows=rows, counts=counts, logits=logits, own=own, end=model.config.eos_token_id,
    )  # fmt: skip


def inputs(lengths: Sequence[int], bins: Sequence[Sequence[int]]) -> SimpleNamespace:
    """All that belongs to prompts in bins: what each stage is given, if those before it are right."""
    return _inputs(tuple(lengths), tuple(map(tuple, bins)))


def _bins(returned: Any, expected: Any, lengths: list[int], capacity: int) -> str | None:
    bins = [[int(prompt) for prompt in members] for members in returned]
    wrong = bins_hold_all(bins, lengths, capacity)
    if wrong is not None:
        return wrong
    held = [sum(lengths[prompt] for prompt in members) for members in bins]
    for (first, one), (second, other) in combinations(enumerate(held), 2):
        if one + other <= capacity:
            return f"Bins {first} and {second} hold {one} and {other} tokens, and would fit into one of {capacity}."
    return None


def _layout(returned: Any, expected: Any, prompts: list[list[int]], bins: list[list[int]]) -> str | None:
    if len(returned) != 3:
        return f"Three tensors are asked for, and {len(returned)} came back."
    tokens = expected[1] >= 0
    for name, ours, theirs in zip(("input_ids", "segment_ids", "first_token"), returned, expected, strict=True):
        wrong = _numbers(name, ours, theirs, tokens if name == "input_ids" else None)
        if wrong:
            return wrong
    return None


def _positions(returned: Any, expected: torch.Tensor, segment_ids: torch.Tensor, first_token: Any) -> str | None:
    wrong = _numbers("position_ids", returned, expected, segment_ids >= 0)
    if wrong is None and bool((torch.as_tensor(returned) < 0).any()):
        return "Positions on padding are below 0. A model looks positions up, and there are none below 0."
    return wrong


def _mask(returned: Any, expected: torch.Tensor, segment_ids: torch.Tensor, dtype: torch.dtype) -> str | None:
    mask = torch.as_tensor(returned)
    if mask.shape != expected.shape:
        return f"The mask has the shape {[*mask.shape]}, and [R, 1, W, W] is {[*expected.shape]}."
    if mask.dtype != dtype:
        return f"The mask is {_kind(mask)}, and the model's dtype is {_kind(expected)}: it is added to scores."
    seen, hidden, right = mask == 0, mask <= torch.finfo(dtype).min / 2, expected == 0
    tokens = (segment_ids >= 0)[:, None, :, None]  # padding may look where it likes
    for row, _, query, key in (((seen != right) | ~(seen | hidden)) & tokens).nonzero().tolist():
        asks, asked = (f"slot {slot} ({_owner(segment_ids[row, slot])})" for slot in (query, key))
        if not seen[row, 0, query, key] and not hidden[row, 0, query, key]:
            return f"In row {row}, from {asks} to {asked}, the mask holds {mask[row, 0, query, key]:g}."
        if right[row, 0, query, key]:
            return f"In row {row}, {asks} may look at {asked}, and your mask hides it."
        return f"In row {row}, {asks} must not look at {asked}, and your mask shows it."
    if not bool(mask.isfinite().any(-1).all()):
        return "Some padding sees no slot at all: a softmax over nothing is NaN."
    return None


def _pass(
    returned: Any, expected: Any, model: Any, input_ids: torch.Tensor, mask: Any, position_ids: Any
) -> str | None:
    if len(returned) != 2:
        return f"Logits and a cache are asked for, and {len(returned)} things came back."
    tokens = mask[:, 0].diagonal(dim1=-2, dim2=-1) == 0  # [R, W]: every slot sees itself
    (logits, rows), (right, right_rows) = returned, expected
    return _values("The logits", logits, right, tokens) or _caches(rows, right_rows, tokens)


def _last(returned: Any, expected: torch.Tensor, *_: Any) -> str | None:
    return _values("The logits", returned, expected)


def _unpacked(returned: Any, expected: DynamicCache, rows: Any, first_token: Any, lengths: torch.Tensor) -> str | None:
    L = int(lengths.max())
    own = torch.arange(L) >= (L - lengths)[:, None]
    wrong = _caches(returned, expected, own, "prompt")
    if wrong and _caches(_pushed_right(returned, lengths), expected, own) is None:
        return f"{wrong}\nThese prompts are aligned at the left. Decoding goes on at the right end."
    return wrong


def _pushed_right(cache: Any, lengths: torch.Tensor) -> DynamicCache:
    """What a cache would be if its prompts, at the left, were moved to the right."""
    moved = DynamicCache()
    for number, layer in enumerate(cache.layers):
        keys, values = (
            torch.stack([row.roll(-int(length), 1) for row, length in zip(held, lengths, strict=True)])
            for held in (layer.keys, layer.values)
        )
        moved.update(keys, values, number)
    return moved


def _step(
    returned: Any, expected: torch.Tensor, model: Any, cache: DynamicCache, tokens: Any, lengths: torch.Tensor
) -> str | None:
    wrong = _values("The logits", returned, expected)
    if wrong is None and cache.get_seq_length() != int(lengths.max()) + 1:
        return "The logits are right, and the cache has not gained the new token: hand it to the model."
    return wrong


def _texts(returned: Any, expected: list[list[int]], *_: Any) -> str | None:
    texts = [[int(token) for token in text] for text in returned]
    if len(texts) != len(expected):
        return f"There are {len(expected)} prompts, and {len(texts)} lists came back."
    return tokens_differ(texts, expected, "right is")


def tokens_differ(texts: Sequence[Sequence[int]], expected: Sequence[Sequence[int]], right: str) -> str | None:
    """The first prompt with other new tokens than expected, in words."""
    for prompt, (ours, theirs) in enumerate(zip(texts, expected, strict=True)):
        if [*ours] != [*theirs]:
            return f"Prompt {prompt} goes on with {[*ours]}, and {right} {[*theirs]}."
    return None


def _numbers(name: str, returned: Any, expected: torch.Tensor, where: torch.Tensor | None = None) -> str | None:
    """The first place at which whole numbers differ, in words."""
    ours = torch.as_tensor(returned)
    if ours.shape != expected.shape:
        return f"{name} has the shape {[*ours.shape]}, and right is {[*expected.shape]}."
    differs = ours != expected
    for place in (differs if where is None else differs & where).nonzero().tolist()[:1]:
        return f"{name}{place} is {ours[tuple(place)]}, and right is {expected[tuple(place)]}."
    return None


def _values(name: str, returned: Any, expected: torch.Tensor, where: torch.Tensor | None = None) -> str | None:
    """How far values are off, prompt by prompt or row by row; None where it is rounding."""
    ours = torch.as_tensor(returned)
    if ours.shape != expected.shape:
        return f"{name} have the shape {[*ours.shape]}, and right is {[*expected.shape]}."
    if where is not None:
        ours, expected = ours[where][None], expected[where][None]
    off = most_apart(ours, expected)
    if off <= TOLERANCE:
        return None
    if not ours.isfinite().all():
        return f"{name} hold values that are no numbers."
    return f"{name} are off by {off:.1%} of how far they spread."


def _caches(cache: Any, expected: DynamicCache, where: torch.Tensor, line: str = "row") -> str | None:
    """The first layer at which a cache differs, in words."""
    if len(cache.layers) != len(expected.layers):
        return f"The model has {len(expected.layers)} layers, and the cache {len(cache.layers)}."
    for number, (ours, theirs) in enumerate(zip(cache.layers, expected.layers, strict=True)):
        for name in ("keys", "values"):
            held, right = getattr(ours, name), getattr(theirs, name)
            if held is None or held.shape != right.shape:
                shape = "nothing" if held is None else [*held.shape]
                return f"The {name} of layer {number} have the shape {shape}, and right is {[*right.shape]}."
            for index, own in enumerate(where):
                if most_apart(held[index, :, own][None], right[index, :, own][None]) > TOLERANCE:
                    return f"The {name} of layer {number} are others than {line} {index} should have."
            if not held.isfinite().all():
                return f"The {name} of layer {number} hold values that are no numbers, which no mask can hide."
    return None


def _kind(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _owner(segment: torch.Tensor) -> str:
    return "padding" if segment < 0 else f"prompt {int(segment)}"


STAGES = (
    Stage(reference.pack_prompts, lambda x: (x.lengths, max(x.lengths)), _bins),
    Stage(reference.lay_out, lambda x: (x.prompts, x.bins), _layout, mistakes.LAY_OUT),
    Stage(
        reference.restart_positions, lambda x: (x.segment_ids, x.first_token), _positions, mistakes.RESTART_POSITIONS
    ),
    Stage(reference.packed_mask, lambda x: (x.segment_ids, torch.float32), _mask, mistakes.PACKED_MASK),
    Stage(reference.forward, lambda x: (x.model, x.input_ids, x.mask, x.position_ids), _pass, mistakes.FORWARD),
    Stage(reference.last_logits, lambda x: (x.everywhere, x.first_token, x.counts), _last, mistakes.LAST_LOGITS),
    Stage(reference.unpack, lambda x: (x.rows, x.first_token, x.counts), _unpacked, mistakes.UNPACK),
    Stage(
        reference.decode_step,
        lambda x: (x.model, x.own, x.logits.argmax(-1), x.counts),
        _step,
        mistakes.DECODE_STEP,
    ),
    Stage(
        reference.decode,
        lambda x: (x.model, x.own, x.logits, x.counts, NEW_TOKENS, x.end),
        _texts,
        mistakes.DECODE,
    ),
)
"""In the order in which they run; `prepack` puts them together."""
