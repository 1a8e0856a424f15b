"""Prompts → Prefill: the next token's logits and a cache for every prompt, by any method; one batch, or a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from tqdm.auto import tqdm
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.cache import join_caches
from prepack_lab.forward import ForwardPass, input_device, left_padded_mask
from prepack_lab.gate import Admitted, admit
from prepack_lab.methods import known_options

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Prefill:
    """What decoding needs, in the order of the prompts."""

    prompts: tuple[int, ...]
    """Indices of the B prompts in the list given, rising: all of them, or a batch of a dataset."""
    next_token_logits: torch.Tensor
    """[B, V] the logits after each prompt's last token."""
    cache: DynamicCache | None
    """Left-padded keys and values, [B, H, L, D] per layer, in the model's own kind of layers; None if left out."""
    attention_mask: torch.Tensor
    """[B, L] 0 on padding, 1 on tokens."""
    rows: int
    """Rows computed, over all forward passes."""
    slots: int
    """Slots computed, tokens and padding, over all forward passes."""


def prefill(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    method: str = "prepacked",
    verify: bool = False,
    **options: Any,
) -> Prefill:
    """Run the prompts through the model once.

    Args:
        model: a causal language model of transformers.
        prompts: B lists of token ids.
        method: a key of `DATASET_METHODS`.
        verify: compare every prompt with itself alone, at the cost of running each alone.
        options: how the method shares the prompts out (see `plan_passes`): `token_budget` for `padding_free`,
            `batch_size` for all others but `one_by_one`, `capacity` and `strategy` for methods that pack.

    Raises:
        InvalidPromptsError: names the prompt that can't be run, and why.
        UnsupportedModelError: the method is not known to be exact for this model, or turns out not to be.
        ValueError: an unknown method, strategy or option, or a capacity that a prompt exceeds.
    """
    admitted = admit(model, prompts, method, **options)
    return gather(admitted, [*admitted.run(verify)])


def prefill_dataset(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    batch_size: int = 16,
    method: str = "dataset_prepacked",
    cache: bool = True,
    progress: bool = True,
    verify: bool = False,
    **options: Any,
) -> Iterator[Prefill]:
    """Run many prompts through the model, and yield each batch as soon as it is done: a batch at a time is in memory.

    `length_ordered` and `dataset_prepacked` do not go through the prompts in the order given: each result says which
    `prompts` it is about, and `in_order` restores their order.

    Args:
        model, prompts, verify, options: as for `prefill`.
        batch_size: prompts per batch; rows, for `dataset_prepacked`. `padding_free` has a `token_budget` instead.
        method: a key of `DATASET_METHODS`.
        cache: whether to give each prompt its cache; if not, a result only has the next token's logits.
        progress: show a progress bar.

    Raises:
        InvalidPromptsError, UnsupportedModelError, ValueError: as for `prefill`.
    """
    if "batch_size" in known_options(method):
        options["batch_size"] = batch_size
    return _results(admit(model, prompts, method, **options), cache, progress, verify)


def in_order(results: Iterable[Prefill], keep: Callable[[Prefill], Sequence[Kept]]) -> Iterator[Kept]:
    """Yield a value per prompt, in the order of the prompts, whatever the order of the batches.

    Args:
        results: what `prefill_dataset` yields.
        keep: what to keep of a batch, a value per prompt: `lambda batch: batch.next_token_logits.argmax(-1).tolist()`.
            Nothing else is held until a prompt's turn comes.
    """
    waiting: dict[int, Kept] = {}
    turn = 0
    for result in results:
        waiting.update(zip(result.prompts, keep(result), strict=True))
        while turn in waiting:
            yield waiting.pop(turn)
            turn += 1
    if waiting:
        raise ValueError(f"prompt {turn} is in none of the results, and prompt {min(waiting)} is; pass all of them")


def gather(admitted: Admitted, passes: Sequence[ForwardPass], cache: bool = True) -> Prefill:
    """What some forward passes left behind, in the order of the prompts.

    Args:
        admitted: what was run.
        passes: all of its passes, or some.
        cache: whether to give each prompt its cache.
    """
    rising, order = torch.tensor([prompt for done in passes for prompt in done.prompts]).sort()  # [B], [B]
    lengths = [len(admitted.prompts[index]) for index in rising.tolist()]
    return Prefill(
        prompts=tuple(rising.tolist()),
        next_token_logits=torch.cat([done.next_token_logits for done in passes])[order],
        cache=join_caches(passes, admitted.model.config) if cache else None,
        attention_mask=left_padded_mask(lengths, input_device(admitted.model)),
        rows=sum(done.batch.packing.num_bins for done in passes),
        slots=sum(done.batch.packing.slots for done in passes),
    )


def _results(admitted: Admitted, cache: bool, progress: bool, verify: bool) -> Iterator[Prefill]:
    with tqdm(total=len(admitted.prompts), unit="prompt", disable=not progress) as bar:
        for done in admitted.run(verify):
            result = gather(admitted, [done], cache)
            del done  # frees the cache of the rows before the caller works on the result
            bar.update(len(result.prompts))
            yield result
