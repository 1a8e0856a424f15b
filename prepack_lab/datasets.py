"""Whole datasets: more prompts than one forward pass can hold, a batch at a time.

    full_batching       as they come, each batch padded to its longest prompt
    length_ordered      sorted by length first: little padding, if all lengths are known ahead
    prepacked           as they come, each batch packed
    dataset_prepacked   all prompts packed first, then the rows taken in batches
    padding_free        as they come, as many as a token budget holds, in one row

A batch is freed when the next one is done, so memory does not grow with the dataset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from tqdm.auto import tqdm
from transformers import PreTrainedModel

from prepack_lab.forward import forward_packed
from prepack_lab.kv_cache import CachePart
from prepack_lab.methods import METHODS, READS, Plan, Step
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import pack
from prepack_lab.prefilling import Prefill, gather, max_positions
from prepack_lab.prompts import check_prompts
from prepack_lab.support import require_support

Kept = TypeVar("Kept")


def prefill_dataset(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    batch_size: int = 16,
    method: str = "dataset_prepacked",
    cache: bool = True,
    progress: bool = True,
    **plan: int | str | None,
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
    prompts = check_prompts(prompts, model.get_input_embeddings().num_embeddings, max_positions(model))
    chosen = Plan(batch_size=batch_size, **plan)
    chosen.check(method, DATASET_READS)
    require_support(model, "prepacked" if method == "dataset_prepacked" else method, max(map(len, prompts)))
    return _results(model, prompts, DATASET_METHODS[method](model, prompts, chosen), cache, progress)


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


def _in_batches(method: str) -> Callable[[PreTrainedModel, list[list[int]], Plan], Iterator[Step]]:
    """A method on one batch after another."""

    def steps(model: PreTrainedModel, prompts: list[list[int]], plan: Plan) -> Iterator[Step]:
        for start in range(0, len(prompts), plan.batch_size):
            for out, part in METHODS[method](model, prompts[start : start + plan.batch_size], plan):
                yield out, replace(part, prompts=[start + index for index in part.prompts])

    return steps


def _dataset_prepacked(model: PreTrainedModel, prompts: list[list[int]], plan: Plan) -> Iterator[Step]:
    packing = pack([len(prompt) for prompt in prompts], plan.capacity, plan.strategy)
    for start in range(0, packing.num_bins, plan.batch_size):
        chosen, rows = packing.part(start, start + plan.batch_size)
        batch = PackedBatch.from_prompts([prompts[index] for index in chosen], rows, device=model.device)
        out = forward_packed(model, batch)
        yield out, CachePart.packed(out.cache, batch, chosen)


DATASET_METHODS: dict[str, Callable[[PreTrainedModel, list[list[int]], Plan], Iterator[Step]]] = {
    "one_by_one": METHODS["one_by_one"],
    "full_batching": _in_batches("full_batching"),
    "length_ordered": METHODS["length_ordered"],
    "prepacked": _in_batches("prepacked"),
    "dataset_prepacked": _dataset_prepacked,
    "padding_free": METHODS["padding_free"],
}
DATASET_READS: dict[str, tuple[str, ...]] = READS | {
    "full_batching": ("batch_size",),
    "prepacked": ("batch_size", "capacity", "strategy"),
    "dataset_prepacked": ("batch_size", "capacity", "strategy"),
}
"""The fields of a plan that each method reads."""
