"""Prompts + continuations → log-likelihoods: nothing but prefill, for evaluation, reranking and filtering.

Only the logits before the continuations' tokens are computed. What prompts and continuations have in common is read
once, where the model is known to be exact then (`branches.py`).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain, pairwise
from typing import Any, overload

import torch
from tqdm.auto import tqdm
from transformers import PreTrainedModel

from prepack_lab.exactness.differences import InFloat32
from prepack_lab.exactness.evidence import Evidence, chosen_by_rounding, confirm_decoding
from prepack_lab.exactness.support import PACKED_METHODS, ask
from prepack_lab.forward import ForwardPass, vocabulary_size
from prepack_lab.gate import Admitted, admit
from prepack_lab.methods import Pass, plan_passes
from prepack_lab.packing import pack
from prepack_lab.positions import max_positions
from prepack_lab.prompts import InvalidPromptsError, check_ids, elements
from prepack_lab.scoring.beginnings import shared_beginnings
from prepack_lab.scoring.branches import Branched, read_beginning, read_branched, try_branches

LEAST_SHARED = 1024
"""Tokens that a shared beginning has to save, since it costs a forward pass of its own."""
MOST_LOGITS = 2**27
"""Logits that a forward pass may leave behind, unless a single prompt needs more: half a gigabyte in float32."""


@dataclass(frozen=True)
class Score:
    """How likely a model finds a continuation of a prompt."""

    log_likelihood: float
    """The natural logarithm of its probability: the sum over its tokens."""
    token_log_likelihoods: tuple[float, ...]
    """Of each of its tokens, after the prompt and the tokens before it."""
    greedy: bool
    """Whether greedy decoding would say it: each of its tokens is the most likely one."""


@overload
def score(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    continuations: Sequence[Sequence[int]],
    method: str = ...,
    share: bool = ...,
    verify: bool = ...,
    progress: bool = ...,
    **options: Any,
) -> list[Score]: ...
@overload
def score(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    continuations: Sequence[Sequence[Sequence[int]]],
    method: str = ...,
    share: bool = ...,
    verify: bool = ...,
    progress: bool = ...,
    **options: Any,
) -> list[list[Score]]: ...
def score(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    continuations: Sequence[Any],
    method: str = "prepacked",
    share: bool = True,
    verify: bool = False,
    progress: bool = False,
    **options: Any,
) -> list[Score] | list[list[Score]]:
    """How likely the model finds each continuation of its prompt.

    Args:
        model: a causal language model of transformers.
        prompts: B lists of token ids.
        continuations: for each prompt a list of token ids, or a list of several continuations.
        method: a key of `DATASET_METHODS`.
        share: let `prepacked` and `padding_free` read once what prompts and continuations have in common, if that is
            known to be exact for the model: a prompt with several continuations, a long beginning of many prompts.
        verify: compare every continuation with itself alone, at the cost of running each alone.
        progress: show a progress bar.
        options: how the method shares the prompts out (see `plan_passes`).

    Returns:
        A score for each prompt, or, where each has several continuations, a list of scores.

    Raises:
        InvalidPromptsError: names the prompt or the continuation that can't be run, and why.
        UnsupportedModelError, ValueError: as for `prefill`.
    """
    admitted = admit(model, prompts, method, **options)
    several, asked = _check(admitted, continuations)
    if options.get("capacity") is not None:  # of prompts with their continuations, before any is run
        longest = [max(map(len, each)) - 1 for each in asked]
        pack([len(own) + more for own, more in zip(admitted.prompts, longest, strict=True)], options["capacity"])
    pairs = {(prompt, place): ids for prompt, each in enumerate(asked) for place, ids in enumerate(each)}
    scores: dict[Pair, Score] = {}
    with tqdm(total=len(pairs), unit="continuation", disable=not progress) as bar:
        for job in _plan(admitted, pairs, share):
            for done in job.run(verify):
                scores |= done
                bar.update(len(done))
    in_order = [[scores[prompt, place] for place in range(len(each))] for prompt, each in enumerate(asked)]
    return in_order if several else [only for (only,) in in_order]


Pair = tuple[int, int]
"""A prompt, and which of its continuations."""


@dataclass(frozen=True)
class _Job:
    """Prompts that may share passes."""

    admitted: Admitted
    evidence: Evidence
    """Up to where it is known that they may."""
    tokens: dict[Pair, list[int]]
    """All continuations."""
    beginning: list[int]
    """What all prompts of the job go on from."""
    branched: list[Branched]
    pairs: list[list[Pair]]
    """For each of them which continuations it holds."""

    def run(self, verify: bool) -> Iterator[dict[Pair, Score]]:
        """Run the passes one by one: the scores of each."""
        before = self._read_beginning()
        for planned in self._passes():
            read = read_branched(self.admitted.model, self.branched, planned, before)
            own = [pair for index in planned.prompts for pair in self.pairs[index]]
            places = dict(zip(own, chain(*read.places), strict=True))
            self._confirm(planned, places, read.logits, verify)
            scores = _scores(read.logits, [*places.values()], [self.tokens[pair] for pair in own])
            yield dict(zip(own, scores, strict=True))

    def _read_beginning(self) -> ForwardPass | None:
        model, segmented = self.admitted.model, self.admitted.method == "padding_free"
        return read_beginning(model, self.beginning, segmented) if self.beginning else None

    def _passes(self) -> Iterator[Pass]:
        """The passes of the method, over as many prompts at a time as `MOST_LOGITS` allows."""
        most = MOST_LOGITS // vocabulary_size(self.admitted.model)
        ends = [*accumulate(sum(map(len, one.asked)) for one in self.branched)]
        first = 0
        while first < len(ends):
            last = max(first + 1, bisect_right(ends, (ends[first - 1] if first else 0) + most))
            lengths = [len(one.ids) for one in self.branched[first:last]]
            for planned in plan_passes(self.admitted.method, lengths, **self.admitted.options):
                yield replace(planned, prompts=[first + index for index in planned.prompts])
            first = last

    def _confirm(self, planned: Pass, places: dict[Pair, torch.Tensor], logits: torch.Tensor, verify: bool) -> None:
        """If this goes beyond what is known, compare the longest continuation, the shortest and the last one with
        themselves alone; all of them with `verify`."""
        model = self.admitted.model
        paths = {pair: [*self.admitted.prompts[pair[0]], *self.tokens[pair][:-1]] for pair in places}
        by_length = sorted(paths, key=lambda pair: len(paths[pair]))
        size = len(paths[by_length[-1]]), planned.rows.width + len(self.beginning)
        if self.admitted.method == "one_by_one" or (self.evidence.covers(*size) and not verify):
            return
        tried = paths if verify else {by_length[0], by_length[-1], [*paths][-1]}

        def difference(logits: torch.Tensor) -> str | None:
            found = (confirm_decoding(model, paths[pair], logits[places[pair][-1]]) for pair in tried)
            return next(filter(None, found), None)

        obstacle = difference(logits)
        if obstacle and chosen_by_rounding(model):
            with InFloat32():
                obstacle = difference(read_branched(model, self.branched, planned, self._read_beginning()).logits)
        self.admitted.require(obstacle, self.evidence, *size)


def _plan(admitted: Admitted, tokens: dict[Pair, list[int]], share: bool) -> list[_Job]:
    """What is run together."""
    paths = [[*admitted.prompts[prompt], *ids[:-1]] for (prompt, _), ids in tokens.items()]
    sides = replace(admitted, prompts=paths).sides()
    kind = "prepacked" if admitted.method == "dataset_prepacked" else admitted.method
    if share and kind in PACKED_METHODS and len(sides) == 1:
        known, capacity = ask(admitted.model, kind, "branched", try_branches), admitted.options.get("capacity")
        jobs = _share(admitted, known.prefill, tokens)
        longest = max(len(one.ids) for job in jobs for one in job.branched)
        if known.obstacle is None and (capacity is None or longest <= capacity):
            return jobs
    jobs, pairs = [], [*tokens]
    for side in sides:
        own = [pairs[index] for index in side]
        branched = [Branched.alone(admitted.prompts[pair[0]], tokens[pair]) for pair in own]
        jobs.append(_Job(admitted, admitted.known.prefill, tokens, [], branched, [[pair] for pair in own]))
    return jobs


def _share(admitted: Admitted, evidence: Evidence, tokens: dict[Pair, list[int]]) -> list[_Job]:
    """A job for each beginning that is worth reading by itself; in it each prompt is read once."""
    alike: dict[tuple[int, ...], list[Pair]] = {}
    for pair in tokens:
        alike.setdefault(tuple(admitted.prompts[pair[0]]), []).append(pair)
    prompts, jobs = [*alike], []
    for length, members in shared_beginnings(prompts, LEAST_SHARED):
        own = [alike[prompts[index]] for index in members]
        branched = [
            Branched.off(prompts[index][length:], [tokens[pair] for pair in each])
            for index, each in zip(members, own, strict=True)
        ]
        jobs.append(_Job(admitted, evidence, tokens, [*prompts[members[0]][:length]], branched, own))
    return jobs


def _scores(logits: torch.Tensor, places: list[torch.Tensor], tokens: list[list[int]]) -> list[Score]:
    """From the logits, [N, V], at the places before each token of each continuation."""
    where = torch.cat(places).to(logits.device)
    ids = torch.tensor([*chain(*tokens)], device=logits.device)
    whole = torch.cat([part.float().logsumexp(-1) for part in logits.split(256)])  # [N]
    found = (logits[where, ids].float() - whole[where]).tolist()
    likely = (logits.argmax(-1)[where] == ids).tolist()
    scores = []
    for start, end in pairwise([0, *accumulate(map(len, tokens))]):
        scores.append(Score(math.fsum(found[start:end]), tuple(found[start:end]), all(likely[start:end])))
    return scores


def _check(admitted: Admitted, continuations: Any) -> tuple[bool, list[list[list[int]]]]:
    """Whether there are several continuations per prompt; and for each prompt the list of them."""
    form = "a list of token ids for each prompt, or a list of several such lists"
    given = elements("continuations", continuations, form)
    if len(given) != len(admitted.prompts):
        raise InvalidPromptsError(
            f"there are {len(admitted.prompts):,} prompts, and continuations for {len(given):,}; pass {form}"
        )
    each = [elements(f"the continuation of prompt {index}", own, form) for index, own in enumerate(given)]
    several = any(_is_list(part) for own in each for part in own[:1])
    known, positions = vocabulary_size(admitted.model), max_positions(admitted.model)
    checked: list[list[list[int]]] = []
    for prompt, own in enumerate(each):
        if several and not own:
            raise InvalidPromptsError(f"prompt {prompt} has no continuation; give it one, or leave it out")
        checked.append([])
        for place, ids in enumerate(own if several else [own]):
            where = f"continuation {place} of prompt {prompt}" if several else f"the continuation of prompt {prompt}"
            checked[-1].append(check_ids(where, ids, known))
            last = len(admitted.prompts[prompt]) + len(checked[-1][-1])
            if positions is not None and last - 1 > positions:  # the last token needs no position
                raise InvalidPromptsError(
                    f"{where} ends after {last:,} tokens; the model has {positions:,} positions. Shorten one of both"
                )
    return several, checked


def _is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str) and getattr(value, "ndim", 1) > 0
