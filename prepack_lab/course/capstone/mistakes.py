"""Mistakes that people make in the stages of the capstone: what a result shows → a function that gives it.

The sentences speak about results, because the same numbers can come from another code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from transformers import DynamicCache

from prepack_lab.course.capstone import reference


def _first_tokens_by_row(prompts: Any, bins: Any) -> Any:
    input_ids, segment_ids, first_token = reference.lay_out(prompts, bins)
    return input_ids, segment_ids, first_token[[prompt for members in bins for prompt in members]]


def _padding_is_prompt_0(prompts: Any, bins: Any) -> Any:
    input_ids, segment_ids, first_token = reference.lay_out(prompts, bins)
    return input_ids, segment_ids.clamp(min=0), first_token


def _counted_by_row(prompts: Any, bins: Any) -> Any:
    input_ids, segment_ids, first_token = reference.lay_out(prompts, bins)
    places = {prompt: place for members in bins for place, prompt in enumerate(members)}
    place = torch.tensor([places[prompt] for prompt in range(len(prompts))])
    return input_ids, place[segment_ids].masked_fill(segment_ids < 0, -1), first_token


def _run_on(segment_ids: torch.Tensor, first_token: Any) -> Any:
    return torch.arange(segment_ids.shape[1]).expand_as(segment_ids)


def _from_one(segment_ids: Any, first_token: Any) -> Any:
    return reference.restart_positions(segment_ids, first_token) + 1


def _causal_only(segment_ids: torch.Tensor, dtype: torch.dtype) -> Any:
    return reference.packed_mask(torch.zeros_like(segment_ids), dtype)


def _both_ways(segment_ids: torch.Tensor, dtype: torch.dtype) -> Any:
    mask = reference.packed_mask(segment_ids, dtype)
    return torch.maximum(mask, mask.transpose(2, 3))


def _padding_shown(segment_ids: torch.Tensor, dtype: torch.dtype) -> Any:
    return reference.packed_mask(segment_ids, dtype).masked_fill((segment_ids < 0)[:, None, None], 0)


def _without(*dropped: int) -> Callable[..., Any]:
    """A pass that leaves out inputs: 1 is the mask, 2 the positions."""

    def forward(model: Any, *given: Any) -> Any:
        return reference.forward(model, *(None if place in dropped else one for place, one in enumerate(given)))

    return forward


def _logits_at(slot_of: Callable[..., Any]) -> Callable[..., Any]:
    def last_logits(logits: torch.Tensor, first_token: torch.Tensor, lengths: torch.Tensor) -> Any:
        row, slot = first_token.unbind(1)
        return logits[row, slot_of(slot, lengths)]

    return last_logits


def _by_row(function: Callable[..., Any]) -> Callable[..., Any]:
    """The prompts in the order in which they lie in the rows."""

    def in_order_of_the_rows(held: Any, first_token: torch.Tensor, lengths: torch.Tensor) -> Any:
        order = (first_token[:, 0] * (1 + first_token.max()) + first_token[:, 1]).argsort()
        return function(held, first_token[order], lengths[order])

    return in_order_of_the_rows


def _all_from_row_0(cache: DynamicCache, first_token: torch.Tensor, lengths: Any) -> DynamicCache:
    return reference.unpack(cache, first_token * torch.tensor([0, 1]), lengths)


def _one_late(cache: DynamicCache, *given: Any) -> DynamicCache:
    def moved(held: torch.Tensor) -> torch.Tensor:
        return torch.cat([held[:, :, 1:], held[:, :, -1:]], dim=2)

    layers: Any = cache.layers
    return reference.unpack(_cache((moved(layer.keys), moved(layer.values)) for layer in layers), *given)


def _keys_twice(cache: DynamicCache, *given: Any) -> DynamicCache:
    return _cache((layer.keys, layer.keys) for layer in reference.unpack(cache, *given).layers)


def _cache(layers: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> DynamicCache:
    made = DynamicCache()
    for number, (keys, values) in enumerate(layers):
        made.update(keys, values, number)
    return made


def _step(masked: bool = True, place: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """A step without the mask, or with other positions."""

    def decode_step(model: Any, cache: DynamicCache, tokens: torch.Tensor, lengths: torch.Tensor) -> Any:
        L = cache.get_seq_length()
        mask = (torch.arange(L + 1) >= (L - lengths)[:, None]).long() if masked else None
        positions = lengths if place is None else place(lengths, L)
        return model(tokens[:, None], mask, positions[:, None], cache, use_cache=True).logits[:, -1]

    return decode_step


def _without_end(model: Any, cache: Any, logits: Any, lengths: Any, most: int, end: int) -> Any:
    return reference.decode(model, cache, logits, lengths, most, None)


def _end_left_out(*given: Any) -> Any:
    return [text[:-1] if text[-1] == given[-1] else text for text in reference.decode(*given)]


def _all_stop_at_once(*given: Any) -> Any:
    texts = reference.decode(*given)
    shortest = min(map(len, texts))
    return [text[:shortest] for text in texts]


def _one_more(model: Any, cache: Any, logits: Any, lengths: Any, most: int, end: int) -> Any:
    return reference.decode(model, cache, logits, lengths, most + 1, end)


def _first_left_out(*given: Any) -> Any:
    return [text[1:] for text in reference.decode(*given)]


def _first_left_out_and_one_more(model: Any, cache: Any, logits: Any, lengths: Any, most: int, end: int) -> Any:
    texts = reference.decode(model, cache, logits, lengths, most + 1, end=None)
    return [text[: text.index(end) + 1] if end in text else text for text in (text[1:] for text in texts)]


def _places_stay(model: Any, cache: Any, logits: torch.Tensor, lengths: Any, most: int, end: int) -> Any:
    chosen = [logits.argmax(-1)]
    for _ in range(most - 1):
        L, n = cache.get_seq_length(), lengths[:, None]
        mask = (torch.arange(L + 1) >= L - n).long()
        chosen.append(model(chosen[-1][:, None], mask, n, cache, use_cache=True).logits[:, -1].argmax(-1))
    texts = torch.stack(chosen, 1).tolist()
    return [text[: text.index(end) + 1] if end in text else text for text in texts]


LAY_OUT = {
    "These first tokens come in the order of the rows. Give them in the order of the prompts.": _first_tokens_by_row,
    "Here padding counts as prompt 0. Use -1, which is no prompt.": _padding_is_prompt_0,
    "These count the prompts of each row anew. A slot holds the index of its prompt among all.": _counted_by_row,
}
RESTART_POSITIONS = {
    "These positions run on through the row. They begin again at every prompt.": _run_on,
    "The first token of a prompt is at position 0.": _from_one,
}
PACKED_MASK = {
    "This is the causal mask alone: prompts see those that lie before them in their row.": _causal_only,
    "This mask looks both ways: tokens see later ones.": _both_ways,
    "This mask shows padding to tokens.": _padding_shown,
}
FORWARD = {
    "This is what comes out without the mask.": _without(1),
    "This is what comes out without position_ids.": _without(2),
    "This is what comes out without the mask and without position_ids.": _without(1, 2),
}
LAST_LOGITS = {
    "These stand at the end of each row, and most prompts end before it.": _logits_at(lambda slot, n: slot * 0 - 1),
    "These stand one slot too early: they predict the last token.": _logits_at(lambda slot, n: slot + n - 2),
    "These stand after the first token of each prompt.": _logits_at(lambda slot, n: slot),
    "These stand where each prompt would end if it began its row.": _logits_at(lambda slot, n: n - 1),
    "These come in the order of the rows. Give them in the order of the prompts.": _by_row(reference.last_logits),
}
UNPACK = {
    "These prompts begin one slot late.": _one_late,
    "These prompts all come from row 0.": _all_from_row_0,
    "These come in the order of the rows. Give them in the order of the prompts.": _by_row(reference.unpack),
    "These values are the keys once more.": _keys_twice,
}
DECODE_STEP = {
    "This is what comes without a mask: the new tokens look at padding.": _step(masked=False),
    "This is what comes when all new tokens have the position after the longest prompt. Each has its own.": _step(
        place=lambda lengths, L: torch.full_like(lengths, L)
    ),
    "This is what comes without a mask, and with the position after the longest prompt for all.": _step(
        masked=False, place=lambda lengths, L: torch.full_like(lengths, L)
    ),
    "These positions are one too small: after n tokens, from 0 to n - 1, comes n.": _step(
        place=lambda lengths, L: lengths - 1
    ),
    "These positions are one too large: after n tokens, from 0 to n - 1, comes n.": _step(
        place=lambda lengths, L: lengths + 1
    ),
}
DECODE = {
    "These texts go on after their end.": _without_end,
    "Here the end is left out. It belongs to the text.": _end_left_out,
    "Here all texts stop with the first that ends.": _all_stop_at_once,
    "This is one token too many: the first comes from the logits of the prefill.": _one_more,
    "Here the first token is missing: it comes from the logits of the prefill.": _first_left_out,
    "These texts begin with the second token: the first comes from the logits of the prefill.":
        _first_left_out_and_one_more,
    "This is what comes when the lengths don't grow: each new token is one more in the cache.": _places_stay,
}  # fmt: skip
