"""Whole datasets: more prompts than one forward pass can hold, a batch at a time (see `DATASET_METHODS`).

A batch is freed when the next one is done, so memory does not grow with the dataset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar, Unpack

from tqdm.auto import tqdm
from transformers import PreTrainedModel

from prepack_lab.methods import DATASET_METHODS, DATASET_READS, Plan, RowOptions
from prepack_lab.passes import Step, run_passes
from prepack_lab.prefilling import Prefill, gather
from prepack_lab.support import prompts_for, require_support

Kept = TypeVar("Kept")


def prefill_dataset(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    batch_size: int = 16,
    method: str = "dataset_prepacked",
    cache: bool = True,
    progress: bool = True,
    **plan: Unpack[RowOptions],
) -> Iterator[Prefill]:
    """Run many prompts through the model, and yield each batch as soon as it is done.

    `full_batching`, `prepacked` and `padding_free` go through the prompts in the order given. `length_ordered` and
    `dataset_prepacked` can't: each result says which `prompts` it is about, and `in_order` puts them back.

    Args:
        model: a causal language model of transformers.
        prompts: lists of token ids, as many as you like.
        batch_size: prompts in a batch; for `dataset_prepacked`, rows.
        method: one of `DATASET_METHODS`.
        cache: whether to give each prompt its cache; without, a result holds the next token's logits only.
        progress: show a bar.
        plan: `capacity` and `strategy` for the packed methods, `token_budget` for `padding_free` (see `Plan`).

    Raises:
        InvalidPromptsError, UnsupportedModelError, ValueError: as for `prefill`, before anything is run.
    """
    prompts = prompts_for(model, prompts)
    chosen = Plan(batch_size=batch_size, **plan)
    chosen.check(method, DATASET_READS)
    require_support(model, "prepacked" if method == "dataset_prepacked" else method, max(map(len, prompts)))
    planned = DATASET_METHODS[method]([len(prompt) for prompt in prompts], chosen)
    return _results(model, prompts, run_passes(model, prompts, planned), cache, progress)


def in_order(results: Iterable[Prefill], keep: Callable[[Prefill], Sequence[Kept]]) -> Iterator[Kept]:
    """Yield one value a prompt, in the order of the prompts, whatever the order of the batches.

    Args:
        results: of `prefill_dataset`.
        keep: what to keep of a batch, a value for each of its prompts. Only that is held until its turn comes:
            `lambda batch: batch.next_token_logits.argmax(-1).tolist()`.
    """
    waiting: dict[int, Kept] = {}
    turn = 0
    for result in results:
        waiting.update(zip(result.prompts, keep(result), strict=True))
        while turn in waiting:
            yield waiting.pop(turn)
            turn += 1


def _results(
    model: PreTrainedModel, prompts: list[list[int]], steps: Iterator[Step], cache: bool, progress: bool
) -> Iterator[Prefill]:
    with tqdm(total=len(prompts), unit="prompt", disable=not progress) as bar:
        for step in steps:
            result = gather(model, prompts, [step], cache)
            del step  # the packed cache is not needed any more
            bar.update(len(result.prompts))
            yield result
