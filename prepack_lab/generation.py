"""Prefill → tokens: `model.generate` goes on from what a prefill left behind.

unpacked    from a cache a prompt, by the library's own loop
packed      from the packed rows as they are: the same processors and stop rules, and less memory
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any, cast

import torch
from transformers import (
    DynamicCache,
    GenerationConfig,
    LogitsProcessorList,
    PreTrainedModel,
    StoppingCriteriaList,
)
from transformers.generation import BaseStreamer, GenerationMode

from prepack_lab.cache import CachePart, cache_bytes, join_caches, unpacked_cache_bytes
from prepack_lab.forward import ForwardPass, left_pad, max_positions
from prepack_lab.methods import Plan
from prepack_lab.packed_decoding import PackedDecoder
from prepack_lab.prefilling import run
from prepack_lab.prompts import InvalidPromptsError
from prepack_lab.support import prompts_for, require_support

DECODINGS = ("unpacked", "packed")


class Continuations(list[list[int]]):
    """A list with the new ids of each prompt, the end token included where one came; and what the cache took."""

    def __init__(self, tokens: Iterable[list[int]], cache_bytes: int, unpacked_cache_bytes: int) -> None:
        super().__init__(tokens)
        self.cache_bytes = cache_bytes
        """Keys and values when the last token was decoded; of the largest cache, where prompts went in turn."""
        self.unpacked_cache_bytes = unpacked_cache_bytes
        """What the prompts in that cache take with a cache each, padded to the longest of them."""


def generate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    method: str = "prepacked",
    max_new_tokens: int = 20,
    decoding: str = "unpacked",
    **options: Any,
) -> Continuations:
    """Continue every prompt; greedily, unless `options` ask for sampling.

    `one_by_one` and `full_batching` are `model.generate` itself, on each prompt alone and on the padded batch.
    The other methods fill the cache, and `model.generate` decodes all prompts from it.

    Args:
        model, prompts, method: as for `prefill`.
        max_new_tokens: the most tokens to add to a prompt.
        decoding: "unpacked", from a cache a prompt; or "packed", from the rows that `prepacked` and `padding_free`
            made, with new slots at their ends.
        options: how the method shares the prompts out (see `Plan`), and anything else that `model.generate` takes
            (`eos_token_id`, `do_sample`, `temperature`, `streamer`, …), save for a whole `generation_config`, and
            several answers a prompt (`num_beams`, `num_return_sequences`).

    Returns:
        A list with the new ids of each prompt, the end token included where one came.

    Raises:
        InvalidPromptsError, UnsupportedModelError, ValueError: as for `prefill`; also where a prompt and its new
            tokens together exceed the model's positions.
    """
    plan = {name: options.pop(name) for name in vars(Plan()) if name in options}
    Plan(**plan).check(method)
    if decoding not in DECODINGS:
        raise ValueError(f"there is no decoding {decoding!r}; there are: {', '.join(DECODINGS)}")
    if max_new_tokens < 1:
        raise ValueError(f"max_new_tokens is {max_new_tokens}; ask for at least one")
    options = {"do_sample": False, "use_cache": True, "max_new_tokens": max_new_tokens, **options}
    config = _require_one_answer(model, options)
    prompts = prompts_for(model, prompts)
    _check_room(prompts, max_new_tokens, max_positions(model))
    if method == "full_batching" or model.training:
        require_support(model, method, max(map(len, prompts)), decoding)
    if method != "one_by_one" and len({*map(len, prompts)}) > 1 and config.no_repeat_ngram_size:
        raise ValueError("no_repeat_ngram_size would read the padding before short prompts; use method='one_by_one'")

    if decoding == "packed":
        steps = run(model, prompts, method, decoding, **plan)
        return _together([(part.prompts, _go_on(model, prompts, out, part, options)) for out, part in steps])
    if method == "one_by_one":
        return _together([([index], _continue(model, [prompt], options)) for index, prompt in enumerate(prompts)])
    if method == "full_batching":
        return _continue(model, prompts, options)
    return _continue(model, prompts, options, _own_caches(model, prompts, method, plan))


def _own_caches(model: PreTrainedModel, prompts: list[list[int]], method: str, plan: dict[str, Any]) -> DynamicCache:
    """A cache for each prompt, of all tokens but the last.

    `model.generate` computes that one again, and in return every choice stays with it, from the first new token on:
    sampling, penalties, stop tokens, streamers.
    """
    return join_caches([part for _, part in run(model, prompts, method, **plan)], model.config, omit_last=True)


def _require_one_answer(model: PreTrainedModel, options: dict[str, Any]) -> GenerationConfig:
    """Refuse what needs several caches a prompt, a second model or no cache, and ends that leave no mark.

    Returns:
        What holds for this generation: the model's own settings, and the options.
    """
    if options.get("generation_config") is not None:
        raise ValueError("generation_config would hide what is set here; name its settings: do_sample=True, …")
    config = deepcopy(model.generation_config)
    config.update(**options)
    mode = config.get_generation_mode(options.get("assistant_model"))
    if mode not in (GenerationMode.GREEDY_SEARCH, GenerationMode.SAMPLE):
        raise ValueError(f"{mode.value.replace('_', ' ')} can't go on from a prefill; decode greedily, or sample")
    for option, plain in (("num_return_sequences", 1), ("return_dict_in_generate", False), ("use_cache", True)):
        value = getattr(config, option, None)
        if value is not None and value != plain:
            raise ValueError(
                f"{option}={value} can't be had here: one list of ids a prompt, from its cache; leave it out"
            )
    for option in ("stop_strings", "stopping_criteria"):
        if options.get(option) or getattr(config, option, None):
            raise ValueError(f"{option} ends a prompt without an end token, and padding follows; use eos_token_id")
    return config


def _check_room(prompts: list[list[int]], max_new_tokens: int, positions: int | None) -> None:
    for index, prompt in enumerate(prompts):
        if positions is not None and len(prompt) + max_new_tokens > positions:
            raise InvalidPromptsError(
                f"prompt {index} has {len(prompt):,} tokens and may get {max_new_tokens:,} more; the model has "
                f"{positions:,} positions. Shorten the prompt, or ask for at most {positions - len(prompt):,} tokens"
            )


def _together(pieces: Sequence[tuple[Sequence[int], Continuations]]) -> Continuations:
    """What was decoded in turn, in the order of the prompts."""
    tokens = {prompt: ids for prompts, found in pieces for prompt, ids in zip(prompts, found, strict=True)}
    largest = max((found for _, found in pieces), key=lambda found: found.cache_bytes)
    in_order = [tokens[prompt] for prompt in sorted(tokens)]
    return Continuations(in_order, largest.cache_bytes, largest.unpacked_cache_bytes)


def _continue(
    model: PreTrainedModel, prompts: list[list[int]], options: dict[str, Any], cache: DynamicCache | None = None
) -> Continuations:
    """The library's own loop, on a cache a prompt."""
    cache = DynamicCache(config=model.config) if cache is None else cache
    tokens = _generate(model, prompts, {**options, "past_key_values": cache})
    taken = cache_bytes(cache)
    return Continuations(tokens, taken, taken)


def _go_on(
    model: PreTrainedModel, prompts: list[list[int]], out: ForwardPass, part: CachePart, options: dict[str, Any]
) -> Continuations:
    """Our loop, on the rows of one forward pass; the library prepares what chooses and what stops."""
    chosen = [prompts[index] for index in part.prompts]
    decoder = PackedDecoder(model, part.cache, part.rows)
    tokens = _generate(
        model, chosen, {**options, "custom_generate": _loop(out.next_token_logits, decoder, options.get("streamer"))}
    )
    longest = max(map(len, chosen)) + max(map(len, tokens)) - 1
    unpacked = unpacked_cache_bytes(decoder.cache, model.config, len(chosen), longest)
    return Continuations(tokens, cache_bytes(decoder.cache), unpacked)


def _loop(logits: torch.Tensor, decoder: PackedDecoder, streamer: BaseStreamer | None) -> Callable[..., torch.Tensor]:
    """The decoding loop that `model.generate` is to run, from the logits [B, V] after the prompts."""

    def loop(
        model: PreTrainedModel,
        input_ids: torch.Tensor,  # [B, L]
        logits_processor: LogitsProcessorList,
        stopping_criteria: StoppingCriteriaList,
        generation_config: GenerationConfig,
        **_: Any,
    ) -> torch.Tensor:
        after = logits
        going_on = torch.ones(len(input_ids), dtype=torch.bool, device=input_ids.device)  # [B]
        while True:
            scores = logits_processor(cast(torch.LongTensor, input_ids), cast(torch.FloatTensor, after.float()))
            if generation_config.do_sample:
                tokens = torch.multinomial(scores.softmax(dim=-1), num_samples=1).squeeze(1)
            else:
                tokens = scores.argmax(dim=-1)
            tokens = tokens.where(going_on, generation_config.pad_token_id or 0)
            input_ids = torch.cat([input_ids, tokens[:, None]], dim=1)
            if streamer is not None:
                streamer.put(tokens.cpu())
            going_on &= ~stopping_criteria(input_ids, None)
            if not going_on.any():
                break
            after = decoder.step(tokens)
        if streamer is not None:
            streamer.end()
        return input_ids

    return loop


@torch.no_grad()
def _generate(model: PreTrainedModel, prompts: list[list[int]], options: dict[str, Any]) -> list[list[int]]:
    """`model.generate` on left-padded prompts, and only the new ids of each.

    The padding before a prompt repeats its first token. No attention sees it, but penalties for tokens that were there
    do: so they find what they would find in the prompt alone.
    """
    input_ids, attention_mask = left_pad(prompts, model.device)  # [B, L], [B, L]
    first = torch.tensor([prompt[0] for prompt in prompts], device=model.device)  # [B]
    input_ids = input_ids.where(attention_mask.bool(), first[:, None])
    out = cast(Any, model).generate(input_ids, attention_mask=attention_mask, **options)
    end = options.get("eos_token_id", model.generation_config.eos_token_id)
    ends = set(end if isinstance(end, list) else [end])
    return [_up_to_end(ids, ends) for ids in out[:, input_ids.shape[1] :].tolist()]


def _up_to_end(ids: list[int], ends: set[int | None]) -> list[int]:
    """The ids up to the first end token; what follows is padding, put there while other prompts went on."""
    first = next((i for i, token in enumerate(ids) if token in ends), len(ids))
    return ids[: first + 1]
