"""Prompts: lists of token ids, made from texts or conversations and checked before any model sees them.

Everything downstream relies on what `check_prompts` returns: at least one prompt, none of them empty, and only ids
that the model has an embedding for.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping, Sequence, Set
from numbers import Integral, Number
from typing import Any

import numpy as np
from jinja2 import TemplateError

_IDS = "a list of lists of token ids, as lab.tokenize(tokenizer, texts) makes; for one prompt, pass [prompt]"
_CHATS = "a string or a list of messages for each prompt: [[{'role': 'user', 'content': 'Hello'}], …]"


class InvalidPromptsError(ValueError):
    """The prompts can't be run. The message names the prompt, the reason and the way out."""


def tokenize(
    tokenizer: Any,
    texts: Sequence[str | Sequence[Mapping[str, str]]],
    chat: bool = False,
    *,
    where: Sequence[str] | None = None,
) -> list[list[int]]:
    """Turn texts into prompts, lists of token ids; a fast tokenizer uses all cores.

    Args:
        tokenizer: any transformers tokenizer.
        texts: a string per prompt. With `chat` each may also be a conversation, as OpenAI's API takes it: a list of
            messages, which are dicts with the strings "role" and "content". A plain string is one message of a user.
        chat: render each prompt with the tokenizer's chat template, up to where the model's answer begins.
        where: what errors call each prompt; left out, "prompt 0" and so on.

    Raises:
        InvalidPromptsError: a prompt is neither a string nor such a conversation, or holds half a character;
            the tokenizer has no chat template, or the template rejects a conversation.
    """
    texts = elements("texts", texts, "a list of strings, one per prompt")
    names = where or [f"prompt {i}" for i in range(len(texts))]
    if not texts:
        return []
    if not chat:
        return _encoded(tokenizer, [check_text(name, text) for name, text in zip(names, texts, strict=True)])
    if tokenizer.chat_template is None:
        raise InvalidPromptsError(f"{tokenizer.name_or_path!r} has no chat template; use chat=False")
    rendered = [_render(tokenizer, name, text) for name, text in zip(names, texts, strict=True)]
    return _encoded(tokenizer, rendered, add_special_tokens=False)  # the template writes them itself


def _encoded(tokenizer: Any, texts: list[str], **options: Any) -> list[list[int]]:
    return tokenizer(texts, return_attention_mask=False, verbose=False, **options)["input_ids"]


def _render(tokenizer: Any, where: str, text: Any) -> str:
    messages = [{"role": "user", "content": text}] if isinstance(text, str) else text
    in_form = isinstance(messages, (list, tuple)) and all(isinstance(message, Mapping) for message in messages)
    if not in_form or not messages:
        raise InvalidPromptsError(f"{where} is {_kind(text)}, not a conversation; with chat=True, pass {_CHATS}")
    for number, message in enumerate(messages):
        for key in ("role", "content"):
            check_text(f"{where}, message {number}: {key!r}", message.get(key))
    try:
        return tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    except (TemplateError, TypeError, ValueError) as error:
        raise InvalidPromptsError(f"{where} is rejected by the chat template: {error}. Change its messages") from error


def check_text(where: str, text: Any) -> str:
    """Return a text that a tokenizer can read; errors begin with `where`.

    Raises:
        InvalidPromptsError: it is not a string, or holds half a character: a lone surrogate, which UTF-8 lacks.
    """
    if not isinstance(text, str):
        raise InvalidPromptsError(f"{where} is {_kind(text)}; a string is expected")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidPromptsError(f"{where} holds half a character at {error.start}; complete or remove it") from None
    return text


def random_prompts(lengths: Sequence[int], vocab_size: int, seed: int = 0) -> list[list[int]]:
    """Prompts of these lengths, in tokens, with random ids below `vocab_size`: for timing, where words don't matter."""
    generator = np.random.default_rng(seed)
    return [generator.integers(vocab_size, size=length).tolist() for length in lengths]


def check_prompts(
    prompts: Sequence[Sequence[int]], vocab_size: int | None = None, max_positions: int | None = None
) -> list[list[int]]:
    """Return the prompts as plain lists of ints, or say which prompt can't be run, and why.

    Args:
        prompts: a list of lists, arrays or 1-D tensors of token ids, without padding. A 2-D array or tensor is
            refused: its rows are equally long, so some may hold padding, which would be run as if it were text.
        vocab_size: if given, ids must be below it.
        max_positions: if given, the most tokens that a prompt may have.

    Raises:
        InvalidPromptsError: no prompts, an empty prompt, text, an id that is not an integer or not in the
            vocabulary, or a prompt with more tokens than the model has positions.
    """
    listed = elements("prompts", prompts, _IDS)
    if not listed:
        raise InvalidPromptsError("there are no prompts; pass at least one list of token ids")
    return [check_ids(f"prompt {i}", prompt, vocab_size, max_positions) for i, prompt in enumerate(listed)]


def check_ids(where: str, prompt: Any, vocab_size: int | None, most: int | None = None) -> list[int]:
    """Check one list of token ids as `check_prompts` does; errors begin with `where`."""
    ids = elements(where, prompt, _IDS)
    if not ids:
        raise InvalidPromptsError(f"{where} is empty; leave it out, or give it at least one token")
    if most is not None and len(ids) > most:
        raise InvalidPromptsError(f"{where} has {len(ids):,} tokens; the model has {most:,} positions. Shorten it")
    if set(map(type, ids)) != {int}:  # one look at all, as a prompt may have a million tokens
        ids = [_plain_id(where, place, id) for place, id in enumerate(ids)]
    limit = 2**63 if vocab_size is None else vocab_size
    if min(ids) < 0 or max(ids) >= limit:
        place = next(place for place, id in enumerate(ids) if not 0 <= id < limit)
        known = "ids go from 0 to 2⁶³ - 1" if vocab_size is None else f"the model knows the ids 0 to {limit - 1:,}"
        raise InvalidPromptsError(f"{where} holds id {ids[place]} at place {place}; {known}. Use the model's tokenizer")
    return ids


def _plain_id(where: str, place: int, id: Any) -> int:
    value = id.item() if getattr(id, "ndim", None) == 0 else id  # a scalar of numpy or torch
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InvalidPromptsError(f"{where} holds {reprlib.repr(value)} at place {place}; token ids are integers")
    return int(value)


def elements(name: str, given: Any, expected: str) -> list[Any]:
    """The elements of a list, a 1-D array or any other ordered collection, in a new list."""
    ordered = isinstance(given, Iterable) and not isinstance(given, (str, bytes, bytearray, Mapping, Set))
    if not ordered or getattr(given, "ndim", 1) != 1:
        raise InvalidPromptsError(f"{name} is {_kind(given)}; pass {expected}")
    return given.tolist() if hasattr(given, "tolist") else list(given)


def _kind(value: Any) -> str:
    """What a value is, to follow "prompt 3 is"."""
    name, ndim = type(value).__name__, getattr(value, "ndim", 1)
    if ndim > 1:
        return f"a {ndim}-D array, in which padding would be run as text (if there is none, take its .tolist())"
    words = {"NoneType": "missing", "str": "text", "str_": "text", "bytes": "bytes"}
    return words.get(name, "a single number" if ndim == 0 or isinstance(value, Number) else f"a {name}")
