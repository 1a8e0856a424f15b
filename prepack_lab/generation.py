"""Prefill → tokens: decoding goes on from what the prefill left behind, and chooses tokens as `model.generate` does.

unpacked    from a cache per prompt
packed      from the packed rows as they are: the same tokens, and less memory

The first token is chosen from the logits of the prefill. Choosing tokens, and when to stop, is in `choosing.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from typing import Any, cast

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel, StoppingCriteriaList
from transformers.generation import GenerationMode, StopStringCriteria

from prepack_lab.cache import cache_bytes, unpacked_cache_bytes
from prepack_lab.choosing import choose_tokens, make_choosers
from prepack_lab.decoding import decode_by, most_prompts, rising_order
from prepack_lab.exactness.differences import InFloat32
from prepack_lab.exactness.evidence import CACHE_AS_IT_IS, chosen_by_rounding, confirm_decoding
from prepack_lab.forward import ForwardPass, cache_argument, input_device, run_pass
from prepack_lab.gate import Admitted, admit
from prepack_lab.methods import SHARING, Pass
from prepack_lab.packing import Packing

DECODINGS = ("unpacked", "packed")


class Continuations(list[list[int]]):
    """A list with the new ids of each prompt, an end token included; and the bytes that the cache took."""

    def __init__(self, tokens: Iterable[list[int]], cache_bytes: int, unpacked_cache_bytes: int) -> None:
        super().__init__(tokens)
        self.cache_bytes = cache_bytes
        """Keys and values when the last token was decoded; of the largest cache, if there was one after another."""
        self.unpacked_cache_bytes = unpacked_cache_bytes
        """What the same prompts take unpacked: with a cache for each, padded to the longest of them."""


def generate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    method: str = "prepacked",
    max_new_tokens: int = 20,
    decoding: str = "unpacked",
    **options: Any,
) -> Continuations:
    """Continue every prompt; greedily, unless `options` ask for sampling.

    `one_by_one` is `model.generate` itself, on each prompt alone: the other methods give the same tokens.

    Args:
        model: a causal language model of transformers.
        prompts: B lists of token ids.
        method: a key of `DATASET_METHODS`, for the prefill.
        max_new_tokens: the most new tokens per prompt.
        decoding: "unpacked", from a cache per prompt; or "packed", from the rows that `prepacked` and `padding_free`
            made, with new slots at their ends.
        options: how the method shares the prompts out (see `plan_passes`), and what `model.generate` takes to choose
            tokens and to stop (`eos_token_id`, `do_sample`, `temperature`, `streamer`, …). Refused are a whole
            `generation_config`, several answers per prompt (`num_beams`, `num_return_sequences`), other models
            (`assistant_model`) and other caches (`cache_implementation`).

    Returns:
        A list with the new ids of each prompt, an end token included.

    Raises:
        InvalidPromptsError, UnsupportedModelError, ValueError: as for `prefill`; also where a prompt and its new
            tokens together exceed the model's positions.
    """
    if decoding not in DECODINGS:
        raise ValueError(f"there is no decoding {decoding!r}; there are: {', '.join(DECODINGS)}")
    if max_new_tokens < 1:
        raise ValueError(f"max_new_tokens is {max_new_tokens}; ask for at least 1")
    sharing = {name: options.pop(name) for name in SHARING if name in options}
    admitted = admit(model, prompts, method, decoding, max_new_tokens, **sharing)
    options = _checked(admitted.model, {"do_sample": False, "max_new_tokens": max_new_tokens, **options})
    if method == "one_by_one":
        prompts = admitted.prompts
        return _join(([index], _alone(admitted.model, prompt, options)) for index, prompt in enumerate(prompts))
    return _join(_continue(admitted, group, decoding, options) for group in _groups(admitted, decoding))


OF_GENERATE = {
    "logits_processor", "stopping_criteria", "prefix_allowed_tokens_fn", "streamer", "tokenizer", "negative_prompt_ids",
    "negative_prompt_attention_mask",
}  # fmt: skip
"""What `model.generate` takes to choose and to stop, besides the settings of a `GenerationConfig`."""
REFUSED = {
    **dict.fromkeys(("num_beams", "num_return_sequences"), (None, 1)),
    **dict.fromkeys(("return_dict_in_generate", "token_healing", "use_mtp"), (None, False)),
    **dict.fromkeys(("prompt_lookup_num_tokens", "assistant_early_exit", "penalty_alpha", "dola_layers"), (None,)),
    "use_cache": (None, True), "cache_implementation": (None, "dynamic"),
    "cache_config": (None,), "max_cache_len": (None,),
}  # fmt: skip
"""Settings, and the values that are not refused: a list of ids per prompt, a token per step, from one cache."""


def _checked(model: PreTrainedModel, options: dict[str, Any]) -> dict[str, Any]:
    """The options for `model.generate`, in the form that our loop needs.

    Raises:
        ValueError: names the option, and the way out.
    """
    if options.get("generation_config") is not None:
        raise ValueError("generation_config would hide what is set here; name its settings: do_sample=True, …")
    config = deepcopy(model.generation_config)
    unknown = sorted(config.update(**{**CACHE_AS_IT_IS, **options}).keys() - OF_GENERATE)
    refused = [name for name, kept in REFUSED.items() if getattr(config, name, None) not in kept]
    mode = config.get_generation_mode()
    if mode not in (GenerationMode.GREEDY_SEARCH, GenerationMode.SAMPLE):  # a newer way to decode
        refused.append(mode.value)
    if refused or unknown:
        raise ValueError(
            f"generate does not take {(refused + unknown)[0]}: it adds a token per step to each prompt, from the cache "
            "of its prefill. Leave it out, or use model.generate itself"
        )
    criteria = StoppingCriteriaList(options.get("stopping_criteria") or [])
    if config.stop_strings:  # prepared here: the library forgets the tokenizer where the loop is not its own
        if "tokenizer" not in options:
            raise ValueError("stop_strings need the tokenizer; pass it, too: tokenizer=tokenizer")
        criteria.append(StopStringCriteria(options["tokenizer"], config.stop_strings))
    return {**options, **CACHE_AS_IT_IS, "stop_strings": None, "stopping_criteria": criteria}


def _alone(model: PreTrainedModel, prompt: list[int], options: dict[str, Any]) -> Continuations:
    """Continue one prompt by the library's own loop."""
    ids = torch.tensor([prompt], device=input_device(model))
    out = cast(Any, model).generate(ids, attention_mask=torch.ones_like(ids), return_dict_in_generate=True, **options)
    taken = cache_bytes(out[cache_argument(model)])
    return Continuations(out.sequences[:, len(prompt) :].tolist(), taken, taken)


def _join(pieces: Iterable[tuple[Sequence[int], Continuations]]) -> Continuations:
    """What was decoded piece by piece, in the order of the prompts."""
    done = [*pieces]
    tokens = {prompt: ids for prompts, found in done for prompt, ids in zip(prompts, found, strict=True)}
    largest = max((found for _, found in done), key=lambda found: found.cache_bytes)
    in_order = [tokens[prompt] for prompt in sorted(tokens)]
    return Continuations(in_order, largest.cache_bytes, largest.unpacked_cache_bytes)


def _groups(admitted: Admitted, decoding: str) -> Iterator[list[ForwardPass]]:
    """The passes whose prompts are decoded together: for packed decoding each pass, otherwise all passes of a side."""
    if decoding == "packed":
        return map(lambda done: [done], admitted.run())
    return ([*admitted.run(side=side)] for side in admitted.sides())


def _continue(
    admitted: Admitted, passes: list[ForwardPass], decoding: str, options: dict[str, Any]
) -> tuple[list[int], Continuations]:
    """Continue the prompts of some passes by our own loop."""
    model, own = admitted.model, sorted(prompt for done in passes for prompt in done.prompts)
    prompts, streamer = [admitted.prompts[index] for index in own], options.get("streamer")
    logits = torch.cat([done.next_token_logits for done in passes])[rising_order(passes)]  # [B, V]
    decode, caches = decode_by(model, passes, decoding)
    planned = [done.planned for done in passes]
    passes.clear()  # the caches that were unpacked are not needed any more
    if streamer is not None:
        streamer.put(pad_sequence([torch.tensor(prompt) for prompt in prompts], batch_first=True, padding_side="left"))
    tokens, last, going = choose_tokens(make_choosers(model, prompts, options), logits, decode, streamer)
    if streamer is not None:
        streamer.end()
    _confirm(admitted, planned, decoding, own, tokens, {index: last[index] for index in going})
    longest = max(map(len, prompts)) + max(map(len, tokens)) - 1
    taken = sum(map(cache_bytes, caches))
    unpacked = taken if decoding == "unpacked" else unpacked_cache_bytes(caches[0], model.config, len(own), longest)
    return own, Continuations(tokens, taken, unpacked)


def _confirm(
    admitted: Admitted,
    planned: Sequence[Pass],
    decoding: str,
    own: Sequence[int],
    tokens: list[list[int]],
    last: dict[int, torch.Tensor],
) -> None:
    """If prompts or rows have grown beyond what is known, compare the longest and the shortest prompt that went on to
    the last step with themselves alone.

    Args:
        own: the prompts, and `tokens` what was decoded for each.
        last: for the places of those that went on to the last step, the logits, [V], that chose the last token.
    """
    model, steps = admitted.model, max(map(len, tokens)) - 1
    sequences = {place: [*admitted.prompts[own[place]], *tokens[place][:-1]] for place in last}
    length = max(map(len, sequences.values()))
    longest = max(len(admitted.prompts[index]) for index in own)
    rows = planned[0].rows if decoding == "packed" else Packing.padded([longest])
    width = rows.width + most_prompts(rows) * steps
    if admitted.known.decoding.covers(length, width):
        return

    def difference(logits: Any) -> str | None:
        by_length = sorted(sequences, key=lambda place: len(sequences[place]))
        found = (confirm_decoding(model, sequences[place], logits[place]) for place in {by_length[0], by_length[-1]})
        return next(filter(None, found), None)

    obstacle = difference(last)
    if obstacle and chosen_by_rounding(model):
        with InFloat32():
            passes = [run_pass(model, admitted.prompts, each) for each in planned]
            logits = torch.cat([done.next_token_logits for done in passes])[rising_order(passes)]
            decode, _ = decode_by(model, passes, decoding)
            for step in range(steps):
                chosen = [ids[min(step, len(ids) - 1)] for ids in tokens]
                logits = decode(torch.tensor(chosen, device=input_device(model)))
            obstacle = difference(logits)
    admitted.require(obstacle, admitted.known.decoding, length, width)
