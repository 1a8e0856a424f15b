"""Prompts: lists of token ids, checked before any model sees them.

Everything downstream may rely on what `check_prompts` returns: at least one prompt, no empty prompt, and
only ids that the model has an embedding for.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np


class InvalidPromptsError(ValueError):
    """The prompts can't be run. The message names the prompt, the reason and the way out."""


def tokenize(tokenizer: Any, texts: Sequence[str], chat: bool = False) -> list[list[int]]:
    """Turn texts into prompts, lists of token ids.

    Args:
        tokenizer: any transformers tokenizer.
        texts: one string a prompt.
        chat: wrap each text as a user's message in the tokenizer's chat template, ready for the answer.

    Raises:
        InvalidPromptsError: a single string was given, or the tokenizer has no chat template.
    """
    if isinstance(texts, str):
        raise InvalidPromptsError("texts is one string; pass a list of strings, one a prompt: [text]")
    if not chat:
        return [tokenizer(text)["input_ids"] for text in texts]
    if tokenizer.chat_template is None:
        raise InvalidPromptsError(f"{tokenizer.name_or_path!r} has no chat template; use chat=False")
    messages = [[{"role": "user", "content": text}] for text in texts]
    return [
        tokenizer.apply_chat_template(message, add_generation_prompt=True, return_dict=True)["input_ids"]
        for message in messages
    ]


def random_prompts(lengths: Sequence[int], vocab_size: int, seed: int = 0) -> list[list[int]]:
    """Prompts of these lengths, of any ids below `vocab_size`: for timing, where the words do not matter."""
    generator = np.random.default_rng(seed)
    return [generator.integers(vocab_size, size=length).tolist() for length in lengths]


def check_prompts(
    prompts: Sequence[Sequence[int]],
    vocab_size: int | None = None,
    max_positions: int | None = None,
) -> list[list[int]]:
    """Return the prompts as plain lists of ints, or say which one can't be run, and why.

    Args:
        prompts: lists, arrays or one-dimensional tensors of token ids.
        vocab_size: ids must be below it, where given.
        max_positions: no prompt may be longer, where given.

    Raises:
        InvalidPromptsError: no prompts, an empty prompt, text, an id that is no integer or that the
            vocabulary lacks, or a prompt with more tokens than the model has positions.
    """
    if isinstance(prompts, str):
        raise InvalidPromptsError("prompts is a text; tokenize it first: lab.tokenize(tokenizer, [text])")
    if not hasattr(prompts, "__iter__"):
        raise InvalidPromptsError(f"prompts is a {type(prompts).__name__}; pass a list of lists of token ids")
    prompts = list(prompts)
    if not prompts:
        raise InvalidPromptsError("there are no prompts; pass at least one list of token ids")
    return [_check_prompt(i, prompt, vocab_size, max_positions) for i, prompt in enumerate(prompts)]


def _check_prompt(index: int, prompt: Any, vocab_size: int | None, max_positions: int | None) -> list[int]:
    if isinstance(prompt, (str, bytes)):
        raise InvalidPromptsError(
            f"prompt {index} is text; token ids are expected: lab.tokenize(tokenizer, texts) makes them"
        )
    if isinstance(prompt, Integral):
        raise InvalidPromptsError(
            f"prompt {index} is a single number; prompts is a list of lists. For one prompt, pass [prompt]"
        )
    ids = prompt.tolist() if hasattr(prompt, "tolist") else list(prompt)
    if not isinstance(ids, list):
        raise InvalidPromptsError(
            f"prompt {index} is a single number; prompts is a list of lists. For one prompt, pass [prompt]"
        )
    if not ids:
        raise InvalidPromptsError(f"prompt {index} is empty; leave it out, or give it at least one token")
    if max_positions is not None and len(ids) > max_positions:
        raise InvalidPromptsError(
            f"prompt {index} has {len(ids):,} tokens; the model has {max_positions:,} positions. Shorten the prompt"
        )
    foreign = next((i for i, id in enumerate(ids) if not isinstance(id, Integral) or isinstance(id, bool)), None)
    if foreign is not None:
        raise InvalidPromptsError(f"prompt {index} holds {ids[foreign]!r} at place {foreign}; token ids are integers")
    array = np.asarray(ids)
    outside = array < 0 if vocab_size is None else (array < 0) | (array >= vocab_size)
    if outside.any():
        place = int(outside.argmax())
        limit = "ids are not negative" if vocab_size is None else f"the model knows the ids 0 to {vocab_size - 1:,}"
        raise InvalidPromptsError(
            f"prompt {index} holds id {ids[place]} at place {place}; {limit}. Use the model's own tokenizer"
        )
    return array.tolist()
