"""What prompts and continuations have in common is read once: continuations branch off where their prompt ends, and
prompts branch off a beginning that they share.

A prompt of 3 tokens with two continuations of which 2 tokens are read, and after it a prompt of 2 tokens without any,
both after a beginning of 4 tokens, which stays in a cache:

    segment_ids    0 0 0 1 1 2 2 3 3       position_ids   4 5 6 7 8 7 8 4 5

The segments 1 and 2 go on from 0, so their tokens see those of 0, but not each other; 0 and 3 go on from the beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.attention import Span
from prepack_lab.exactness.differences import TOLERANCE, most_apart
from prepack_lab.exactness.evidence import in_full_precision, sample_prompts
from prepack_lab.forward import ForwardPass, call, forward_alone, forward_packed, input_device, padded_options, run_rows
from prepack_lab.masks import Slots
from prepack_lab.methods import Pass, plan_passes
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import Packing
from prepack_lab.positions import counts_from_padding


@dataclass(frozen=True)
class Branched:
    """A prompt and its continuations, laid out one after the other."""

    ids: list[int]
    lengths: list[int]
    """Tokens of the prompt, and of each continuation that has to be read."""
    asked: list[list[int]]
    """For each continuation the places in `ids` after which its tokens come."""

    @classmethod
    def off(cls, prompt: Sequence[int], continuations: Sequence[Sequence[int]]) -> Branched:
        """Continuations that branch off a prompt. The last token of each isn't read: nobody asks what follows it."""
        ids, lengths, asked = [*prompt], [len(prompt)], []
        for continuation in continuations:
            asked.append([len(prompt) - 1, *range(len(ids), len(ids) + len(continuation) - 1)])
            ids += continuation[:-1]
            lengths.append(len(continuation) - 1)
        return cls(ids, [length for length in lengths if length], asked)

    @classmethod
    def alone(cls, prompt: Sequence[int], continuation: Sequence[int]) -> Branched:
        """A prompt with a single continuation, as one segment."""
        ids = [*prompt, *continuation[:-1]]
        return cls(ids, [len(ids)], [[*range(len(prompt) - 1, len(ids))]])


@dataclass(frozen=True)
class Read:
    """What a forward pass over branched prompts leaves behind."""

    logits: torch.Tensor
    """[N, V] after the tokens that are asked for."""
    places: list[list[torch.Tensor]]
    """For each branched prompt and each of its continuations the indices of its logits, in the order of its tokens."""


def read_branched(
    model: PreTrainedModel, branched: Sequence[Branched], planned: Pass, beginning: ForwardPass | None = None
) -> Read:
    """Lay out the branched prompts of a planned pass, and run them.

    Args:
        branched: all of them; the pass holds some.
        planned: how they share rows. Only rows with a packed mask, or a row that goes prompt by prompt, may branch.
        beginning: the pass of what all of them go on from.
    """
    own = [branched[index] for index in planned.prompts]
    padded = planned.attention in ("alone", "padded")
    batch = PackedBatch.lay_out([one.ids for one in own], planned.rows, input_device(model), right_aligned=padded)
    first = (batch.first_token[:, 0] * batch.packing.width + batch.first_token[:, 1]).tolist()  # slots, row after row
    asked = [[torch.tensor(places) + start for places in one.asked] for one, start in zip(own, first, strict=True)]
    keep = torch.zeros(batch.shape, dtype=torch.bool).flatten()
    keep[torch.cat([places for each in asked for places in each])] = True
    rank = keep.cumsum(0) - 1
    if padded:
        R, W = batch.shape
        last = W - int(keep.view(R, W).any(0).nonzero()[0])  # the columns that hold all that is asked for
        rank = (torch.arange(W) - (W - last) + torch.arange(R)[:, None] * last).flatten()
        options = padded_options(model, batch, planned.attention)
        logits = call(model, batch.input_ids, _After(None), logits_to_keep=last, **options).logits.flatten(0, 1)
    else:
        logits = _run(model, batch, own, keep.view(batch.shape).to(batch.input_ids.device), planned, beginning)
    return Read(logits, [[rank[places] for places in each] for each in asked])


class _After(DynamicCache):
    """What layers see before the rows: one beginning for all rows, or nothing. The rows themselves aren't kept."""

    def __init__(self, beginning: ForwardPass | None) -> None:
        super().__init__()
        self._layers: Sequence[Any] = beginning.cache.layers if beginning else ()

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_: Any, **__: Any) -> Any:
        """[R, H, W, D] keys and values of the rows → those of the beginning and the rows."""
        if not self._layers:
            return key_states, value_states
        layer, R = self._layers[layer_idx], len(key_states)
        both = (layer.keys, key_states), (layer.values, value_states)
        return tuple(torch.cat([before.expand(R, -1, -1, -1), rows], dim=2) for before, rows in both)


def _run(
    model: PreTrainedModel,
    batch: PackedBatch,
    own: Sequence[Branched],
    keep: torch.Tensor,  # [R, W]
    planned: Pass,
    beginning: ForwardPass | None,
) -> torch.Tensor:
    segmented, cache = planned.attention == "segmented", _After(beginning)
    before = beginning.batch.packing.width if beginning else 0
    if not before and all(len(one.lengths) == 1 for one in own):
        return run_rows(model, batch, keep, cache, spans=batch.spans if segmented else None)
    batch, spans, seen = _branch(batch, own, before)
    keys = batch.slots
    if before:  # to the left of every row
        places = torch.arange(before, device=batch.input_ids.device).expand(batch.shape[0], before)
        ids = torch.full_like(places, len(spans))
        keys = Slots(torch.cat([ids, keys.segment_ids], 1), torch.cat([places, keys.position_ids], 1))
    return run_rows(model, batch, keep, cache, keys, *([spans, seen] if segmented else []))


def _branch(
    batch: PackedBatch, own: Sequence[Branched], before: int
) -> tuple[PackedBatch, list[Span], list[list[Span]]]:
    """The rows with a segment for each prompt and for each continuation, and one more for a beginning of so many slots;
    the slots of every segment of the rows; and the keys that it sees, counted from the beginning."""
    segment_ids, position_ids = batch.segment_ids.clone(), batch.position_ids + before
    beginning = sum(len(one.lengths) for one in own)
    parents: list[int] = []
    spans: list[Span] = []
    seen: list[list[Span]] = []
    for (row, start), one in zip(batch.first_token.tolist(), own, strict=True):
        prompt, branch_off = len(parents), start + one.lengths[0]
        for begin, end in pairwise([start, *(start + end for end in accumulate(one.lengths))]):
            parents.append(prompt if begin > start or not before else beginning)
            segment_ids[row, begin:end] = len(spans)
            position_ids[row, begin:end] -= begin - branch_off if begin > start else 0
            spans.append((begin, end))
            above = seen[prompt] if begin > start else [(0, before)] if before else []
            seen.append([*above, (begin + before, end + before)])
    linked = torch.tensor([*parents, beginning] if before else parents, device=segment_ids.device)
    return replace(batch, segment_ids=segment_ids, position_ids=position_ids, parents=linked), spans, seen


def read_beginning(model: PreTrainedModel, ids: Sequence[int], segmented: bool) -> ForwardPass:
    """Run what several prompts go on from, as a row of its own."""
    batch = PackedBatch.lay_out([ids], Packing.concatenated([len(ids)]), input_device(model))
    return forward_packed(model, batch, segmented)


def try_branches(model: PreTrainedModel, method: str) -> str | None:
    """Compare the logits after a few tokens that branch off two prompts, which branch off a beginning, with those of
    the same tokens alone.

    Returns:
        How they differ, in words; None if they agree.
    """
    if counts_from_padding(model) is not None:
        return "it counts positions from its padding"
    beginning, *ends = sample_prompts(model, (5, 3, 1, 1, 2, 4))
    branched = [Branched.off(end, ends[2:]) for end in ends[:2]]
    (planned,) = plan_passes(method, [len(one.ids) for one in branched])
    with in_full_precision(model):
        for shared in ([], beginning):
            before = read_beginning(model, shared, planned.attention == "segmented") if shared else None
            read = read_branched(model, branched, planned, before)
            for end, places in zip(ends[:2], read.places, strict=True):
                for continuation, own in zip(ends[2:], places, strict=True):
                    alone = forward_alone(model, [*shared, *end, *continuation[:-1]])
                    off = most_apart(read.logits[own[-1:]], alone.next_token_logits)
                    if not off <= TOLERANCE:
                        return f"branches change the logits (off by {off:.0%} of their spread)"
    return None
