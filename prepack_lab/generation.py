"""Prefill → tokens: `model.generate` goes on from the cache that a prefill left behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.forward import left_pad
from prepack_lab.kv_cache import join_caches
from prepack_lab.methods import Plan
from prepack_lab.prefilling import max_positions, run
from prepack_lab.prompts import InvalidPromptsError, check_prompts


def generate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    method: str = "prepacked",
    max_new_tokens: int = 20,
    **options: Any,
) -> list[list[int]]:
    """Continue every prompt; greedily, unless `options` ask for sampling.

    `one_by_one` and `full_batching` are `model.generate` itself, on each prompt alone and on the padded batch.
    The other methods fill the cache, and `model.generate` decodes all prompts from it.

    Args:
        model, prompts, method: as for `prefill`.
        max_new_tokens: the most tokens to add to a prompt.
        options: how the method shares the prompts out (see `Plan`), and anything else that `model.generate` takes
            (`eos_token_id`, `do_sample`, `temperature`, …), save for several answers a prompt (`num_beams`,
            `num_return_sequences`).

    Returns:
        For each prompt its new ids, the end token included where one came.

    Raises:
        InvalidPromptsError, UnsupportedModelError, ValueError: as for `prefill`; also where a prompt and its new
            tokens together exceed the model's positions.
    """
    plan = {name: options.pop(name) for name in vars(Plan()) if name in options}
    Plan(**plan).check(method)
    if max_new_tokens < 1:
        raise ValueError(f"max_new_tokens is {max_new_tokens}; ask for at least one")
    for option in ("num_beams", "num_return_sequences"):
        if options.get(option, 1) != 1:
            raise ValueError(f"{option}={options[option]} needs several caches a prompt; leave it out")
    prompts = check_prompts(prompts, model.get_input_embeddings().num_embeddings, max_positions(model))
    _check_room(prompts, max_new_tokens, max_positions(model))
    options = {"do_sample": False, "max_new_tokens": max_new_tokens, **options}

    if method == "one_by_one":
        return [ids for prompt in prompts for ids in _continue(model, [prompt], None, options)]
    if method == "full_batching":
        return _continue(model, prompts, None, options)
    parts = [part for _, part in run(model, prompts, method, **plan)]
    # `model.generate` gets all tokens but the last. It computes that one again, and in return every choice stays
    # with it, from the first new token on: sampling, penalties, stop tokens, streamers.
    return _continue(model, prompts, join_caches(parts, model.config, omit_last=True), options)


def _check_room(prompts: list[list[int]], max_new_tokens: int, positions: int | None) -> None:
    for index, prompt in enumerate(prompts):
        if positions is not None and len(prompt) + max_new_tokens > positions:
            raise InvalidPromptsError(
                f"prompt {index} has {len(prompt):,} tokens and may get {max_new_tokens:,} more; the model has "
                f"{positions:,} positions. Shorten the prompt, or ask for at most {positions - len(prompt):,} tokens"
            )


@torch.no_grad()
def _continue(
    model: PreTrainedModel, prompts: list[list[int]], cache: DynamicCache | None, options: dict[str, Any]
) -> list[list[int]]:
    input_ids, attention_mask = left_pad(prompts, model.device)  # [B, L], [B, L]
    out = model.generate(input_ids, attention_mask=attention_mask, past_key_values=cache, **options)
    end = options.get("eos_token_id", model.generation_config.eos_token_id)
    ends = set(end if isinstance(end, list) else [end])
    return [_up_to_end(ids, ends) for ids in out[:, input_ids.shape[1] :].tolist()]


def _up_to_end(ids: list[int], ends: set[int | None]) -> list[int]:
    """The ids up to the first end token; what follows is padding, put there while other prompts went on."""
    first = next((i for i, token in enumerate(ids) if token in ends), len(ids))
    return ids[: first + 1]
