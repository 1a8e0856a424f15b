"""Logits → tokens, prompt by prompt: what `model.generate` would choose after a prompt alone, and where it would stop.

`model.generate` prepares processors and stop rules for a prompt, and passes them to our loop instead of its own. They
see that prompt's ids and no others, so lengths, n-grams, penalties and biases count as they do alone. Samples come
from the same distribution as alone, but from one stream of random numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from transformers import GenerationConfig, LogitsProcessorList, PreTrainedModel, StoppingCriteriaList
from transformers.generation import BaseStreamer, EosTokenCriteria, MaxLengthCriteria

from prepack_lab.decoding import Decode
from prepack_lab.forward import input_device


@dataclass
class Chooser:
    """Chooses the tokens of one prompt, and says when to stop."""

    ids: torch.Tensor
    """[1, n] the prompt and its new tokens so far."""
    processors: LogitsProcessorList
    criteria: StoppingCriteriaList
    config: GenerationConfig

    @classmethod
    def prepared(cls, model: PreTrainedModel, prompt: Sequence[int], options: dict[str, Any]) -> Chooser:
        """The chooser that `model.generate` prepares for this prompt and these options."""
        kept: list[Chooser] = []

        def loop(
            model: PreTrainedModel,
            input_ids: torch.Tensor,
            logits_processor: LogitsProcessorList,
            stopping_criteria: StoppingCriteriaList,
            generation_config: GenerationConfig,
            **_: Any,
        ) -> torch.Tensor:
            kept.append(cls(input_ids, logits_processor, stopping_criteria, generation_config))
            return input_ids

        ids = torch.tensor([[*prompt]], device=input_device(model))
        options = {**options, "streamer": None, "custom_generate": loop}
        cast(Any, model).generate(ids, attention_mask=torch.ones_like(ids), **options)
        return kept[0]

    @property
    def plain(self) -> bool:
        """Whether it always takes the most likely token, and stops only at an end token or a number of tokens."""
        stops = all(type(rule) in (MaxLengthCriteria, EosTokenCriteria) for rule in self.criteria)
        return stops and not self.processors and not self.config.do_sample

    def scores(self, logits: torch.Tensor) -> torch.Tensor:
        """[1, V] the logits after the prompt and its new tokens so far → the scores that a token is chosen by."""
        return self.processors(cast(torch.LongTensor, self.ids), cast(torch.FloatTensor, logits))

    def goes_on(self, token: int) -> bool:
        """Take note of the token just chosen, and return whether another is to follow."""
        self.ids = torch.cat([self.ids, self.ids.new_tensor([[token]])], dim=1)
        return not bool(self.criteria(cast(torch.LongTensor, self.ids), cast(Any, None)).all())


class PlainChooser:
    """Stands in for a chooser that is plain, without a call of the library per token and prompt."""

    def __init__(self, plain: Chooser) -> None:
        self.config = plain.config
        self.ends = {
            end for rule in plain.criteria if isinstance(rule, EosTokenCriteria) for end in rule.eos_token_id.tolist()
        }
        lengths = [rule.max_length for rule in plain.criteria if isinstance(rule, MaxLengthCriteria)]
        self.left = min(lengths) - plain.ids.shape[1]

    def goes_on(self, token: int) -> bool:
        self.left -= 1
        return self.left > 0 and token not in self.ends


def make_choosers(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], options: dict[str, Any]
) -> list[Chooser] | list[PlainChooser]:
    """A chooser for each prompt."""
    first = Chooser.prepared(model, prompts[0], options)
    if first.plain:
        return [PlainChooser(first) for _ in prompts]
    return [first, *(Chooser.prepared(model, prompt, options) for prompt in prompts[1:])]


def choose_tokens(
    choosers: list[Chooser] | list[PlainChooser], logits: torch.Tensor, decode: Decode, streamer: BaseStreamer | None
) -> tuple[list[list[int]], torch.Tensor, list[int]]:
    """Continue the prompts until all of them are done.

    Args:
        choosers: one per prompt.
        logits: [B, V] after each prompt.
        decode: gives every prompt one more token.
        streamer: receives the tokens, [B] per step, with the pad id for prompts that are done.

    Returns:
        The new tokens of each prompt; the logits of the last step, [B, V]; and the prompts not done before it.
    """
    tokens: list[list[int]] = [[] for _ in choosers]
    going_on = [*range(len(choosers))]
    while True:
        chosen = _choose(choosers, logits.float())  # [B]
        going, last = going_on, logits
        ids = chosen.tolist()
        for index in going:
            tokens[index].append(ids[index])
        going_on = [index for index in going if choosers[index].goes_on(ids[index])]
        if streamer is not None:
            shown = chosen.new_full(chosen.shape, choosers[0].config.pad_token_id or 0)
            shown[going] = chosen[going]
            streamer.put(shown.cpu())
        if not going_on:
            return tokens, last, going
        logits = decode(chosen)


def _choose(choosers: list[Chooser] | list[PlainChooser], logits: torch.Tensor) -> torch.Tensor:
    """[B, V] → [B]"""
    if isinstance(choosers[0], PlainChooser):
        return logits.argmax(dim=-1)
    each = zip(cast(list[Chooser], choosers), logits.split(1), strict=True)
    scores = torch.cat([chooser.scores(own) for chooser, own in each])
    if choosers[0].config.do_sample:
        return torch.multinomial(scores.softmax(dim=-1), num_samples=1).squeeze(1)
    return scores.argmax(dim=-1)
