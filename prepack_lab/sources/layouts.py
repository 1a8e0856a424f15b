"""A row → its prompt, however people lay it out: texts, conversations, token ids, or lengths alone.

Columns are known by their usual names, in any case and with blanks, dashes or underscores. A row is read whole or
refused: where another column might belong to the prompt as well, the reader says which to name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any, Literal

from prepack_lab.prompts import InvalidPromptsError, check_ids, check_text

LAYOUTS = {
    "prompt": ("system", "prompt"),
    "text": ("text",),
    "instruction": ("system", "history", "instruction", "input", "context"),  # Alpaca, Dolly
    "question": ("system_prompt", "question", "context", "passage", "choices", "options"),  # SQuAD, BoolQ, MMLU
    "input": ("input",),
    "content": ("content",),
    **{name: (name,) for name in ("prompts", "texts", "inputs", "query", "user_prompt", "input_text", "message")},
    **{name: (name,) for name in ("document", "article", "passage", "dialogue", "sentence", "body")},
}
"""Main column → the columns that make up the prompt, in the order in which they are joined by blank lines."""
CONVERSATIONS = ("messages", "conversations", "conversation")
TOKEN_IDS = ("input_ids", "prompt_token_ids", "token_ids")
LENGTHS = (
    "length", "lengths", "prompt_tokens", "input_tokens", "context_tokens", "request_tokens", "num_tokens",
    "num_prefill_tokens", "prompt_length", "prompt_len", "input_length", "input_len", "token_count", "tokens",
)  # fmt: skip
ARRIVALS = ("timestamp", "arrived_at", "arrival_time", "arrival")
"""Of traces: seconds or dates in those of Azure and BurstGPT, milliseconds where `hash_ids` stand beside (Mooncake)."""
_COLUMNS = {column for layout in LAYOUTS.values() for column in layout}
_ROLES = {"human": "user", "gpt": "assistant", "chatgpt": "assistant", "bard": "assistant", "model": "assistant"}
"""What ShareGPT calls those who speak → what chat templates call them."""

Kind = Literal["texts", "conversations", "token ids", "lengths"]
Conversation = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as it stands in a file."""

    where: str
    """The file and the line, as in "prompts.jsonl, line 3"."""
    kind: Kind
    content: Any
    """A string; a list of messages; a list of token ids; or a number of tokens."""
    layout: str
    """The columns that it was read from, as in "instruction + input"."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    """All that stands in the row."""
    answered: bool = False
    """Whether an answer at the end of a conversation was left out."""

    @property
    def arrival(self) -> float | None:
        """Seconds, from whenever the trace counts them; None where the row has no time.

        Raises:
            InvalidPromptsError: there is a time that can't be read.
        """
        found = _first(self.columns, ARRIVALS)
        if found is None:
            return None
        name, value = found
        try:
            number = float(value) if isinstance(value, int | float) or _is_number(value) else None
            if number is None:
                date = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
                return date.timestamp()
        except ValueError:
            raise InvalidPromptsError(f"{self.where}: {name!r} is {value!r}; write seconds, or a date") from None
        return number / 1000 if "hash_ids" in self.columns else number


def read_prompt(where: str, value: Any, column: str | None = None, apart: Sequence[str] = ()) -> Prompt | None:
    """The prompt of a row; None where the row holds nothing.

    Args:
        where: what errors begin with.
        value: a string, a number, a list, or an object with columns.
        column: the one that holds the prompt, and all of it; left out, it is known by its name.
        apart: columns that do not belong to the prompt.

    Raises:
        InvalidPromptsError: it is not clear what the prompt is, or it can't be run.
    """
    if not isinstance(value, dict):
        if column is not None:
            raise InvalidPromptsError(f"{where} has no columns, so none is called {column!r}; leave the name out")
        return _content(where, "a value per row", value, {})
    if column is not None:
        name = next((name for name in value if name == column), None) or next(
            (name for name in value if plain_name(name) == plain_name(column)), None
        )
        if name is None:
            raise InvalidPromptsError(f"{where} has no column {column!r}; it has: {', '.join(value)}")
        return _content(where, name, value[name], value)
    hidden = {plain_name(name) for name in apart}
    row: dict[str, Any] = {}
    for name, part in value.items():
        plain = plain_name(name)
        if plain in hidden or part is None or (isinstance(part, str) and not part.strip()):
            continue
        if plain in row and plain in _COLUMNS:
            raise InvalidPromptsError(f"{where} has two columns {plain!r}; {_NAME_IT}")
        row[plain] = part
    if isinstance(row.get("body"), dict):  # a line of a batch file
        inner = {plain_name(name): part for name, part in row["body"].items() if part}
        if isinstance(inner.get("input"), list) and inner["input"] and isinstance(inner["input"][0], dict):
            inner["messages"] = inner.pop("input")
        if "messages" in inner and isinstance(inner.get("instructions"), str):
            inner["messages"] = [{"role": "system", "content": inner.pop("instructions")}, *inner["messages"]]
        found = read_prompt(where, inner)
        return found and Prompt(where, found.kind, found.content, f"body.{found.layout}", value, found.answered)
    texts = {name: part for name, part in row.items() if name in _COLUMNS and part != []}
    mains = [name for name in LAYOUTS if name in texts]
    conversation = next((name for name in CONVERSATIONS if name in row), None)
    if conversation:
        return _conversation(where, conversation, row, texts, value)
    ids = next((name for name in TOKEN_IDS if name in row), None)
    if ids:
        return _content(where, ids, row[ids], value)
    if len(mains) == 1 and len(texts) == 1 and isinstance(texts[mains[0]], list):
        return _content(where, mains[0], texts[mains[0]], value)  # TRL: a conversation under "prompt"
    if mains:
        return _joined(where, mains, texts, value)
    found_length = _first(row, LENGTHS)
    if found_length is not None:
        return _content(where, found_length[0], _whole_number(where, *found_length), value)
    known = {plain_name(name) for name in value} & {*LAYOUTS, *CONVERSATIONS, *TOKEN_IDS}
    if known:
        return None  # the columns are there, and empty
    raise InvalidPromptsError(f"{where} has no text under any of: {', '.join([*LAYOUTS][:6])}, …; {_has(value)}")


_NAME_IT = "name the column that holds all of the prompt: --column NAME (column=NAME)"


def _has(value: Mapping[str, Any]) -> str:
    return f"it has {', '.join(map(str, value))}; {_NAME_IT}" if value else "it is empty"


def _conversation(
    where: str, name: str, row: Mapping[str, Any], texts: Mapping[str, Any], whole: Mapping[str, Any]
) -> Prompt | None:
    """Messages, and a system prompt in a column of its own before them."""
    if row.get("tools"):
        raise InvalidPromptsError(f"{where} offers tools, which are not rendered here; leave them out of the file")
    found = _content(where, name, row[name], whole)
    messages = found.content if found and found.kind == "conversations" else []
    others = [column for column in texts if texts[column] not in [message["content"] for message in messages]]
    if not others:
        return found
    first = others[0]
    if found is None or others[1:] or first not in ("system", "system_prompt") or messages[0]["role"] == "system":
        raise _unclear(where, [name, *others])
    system = {"role": "system", "content": check_text(f"{where}: {first!r}", texts[first])}
    return replace(found, content=[system, *messages], layout=f"{first}, {name}")


def _joined(where: str, mains: Sequence[str], texts: Mapping[str, Any], row: Mapping[str, Any]) -> Prompt:
    """The columns of a layout, joined, provided that no column beside them might belong to the prompt as well."""
    for main in mains:
        parts = {name: check_text(f"{where}: {name!r}", texts[name]) for name in LAYOUTS[main] if name in texts}
        prompt = "\n\n".join(parts.values())
        if all(other == prompt for name, other in texts.items() if name not in parts):
            return Prompt(where, "texts", prompt, " + ".join(parts), row)
    raise _unclear(where, [*texts])


def _unclear(where: str, names: Sequence[str]) -> InvalidPromptsError:
    unclear = f"it is not clear which of {', '.join(names)} make up the prompt"
    return InvalidPromptsError(f"{where}: {unclear}. Write all of it under 'prompt', or {_NAME_IT}")


def _content(where: str, name: str, value: Any, row: Mapping[str, Any]) -> Prompt | None:
    """A prompt from a single value: its type says what it is."""
    if isinstance(value, str) and plain_name(name) in TOKEN_IDS + CONVERSATIONS and value.lstrip().startswith("["):
        value = _cell(where, name, value)  # a list in a table
    if value is None or (isinstance(value, str | list) and not (value.strip() if isinstance(value, str) else value)):
        return None
    if isinstance(value, str):
        return Prompt(where, "texts", check_text(where if not row else f"{where}: {name!r}", value), name, row)
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        messages, answered = read_conversation(f"{where}: {name!r}" if row else where, value)
        return Prompt(where, "conversations", messages, name, row, answered) if messages else None
    if isinstance(value, list) and not any(isinstance(part, str | dict | list) for part in value):
        ids = check_ids(f"{where}: {name!r}" if row else where, value, None)
        kept = _kept(where, ids, row)
        return Prompt(where, "token ids", kept, name, row) if kept else None
    if isinstance(value, int) and not isinstance(value, bool):
        length = _whole_number(where, name, value)
        return Prompt(where, "lengths", length, name, row) if length else None
    raise InvalidPromptsError(f"{where}: {name!r} is a {type(value).__name__}; a text, messages or ids are expected")


def _cell(where: str, name: str, value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise InvalidPromptsError(f"{where}: {name!r} begins like a list, and is no JSON") from None


def _kept(where: str, ids: list[int], row: Mapping[str, Any]) -> list[int]:
    """Ids without the padding that an attention mask beside them hides."""
    mask = next((part for name, part in row.items() if plain_name(name) == "attention_mask"), None)
    if isinstance(mask, str):
        mask = _cell(where, "attention_mask", mask)
    if not isinstance(mask, list):
        return ids
    if len(mask) != len(ids):
        raise InvalidPromptsError(f"{where} has {len(ids)} ids and an attention mask of {len(mask)}")
    return [id for id, seen in zip(ids, mask, strict=True) if seen]


def read_conversation(where: str, value: Sequence[Mapping[str, Any]]) -> tuple[Conversation, bool]:
    """Messages as chat templates want them, up to where an answer is to begin; and whether an answer was left out.

    Raises:
        InvalidPromptsError: a message lacks its role or its text, or holds something else than text.
    """
    messages: Conversation = []
    for number, said in enumerate(value):
        role, text = said.get("role", said.get("from")), said.get("content", said.get("value"))
        if not isinstance(role, str):
            raise InvalidPromptsError(f"{where}, message {number} has no role; write 'role' and 'content' (or 'from')")
        if isinstance(text, list):  # parts, as OpenAI's API takes them
            others = [part for part in text if not (isinstance(part, dict) and isinstance(part.get("text"), str))]
            if others:
                raise InvalidPromptsError(f"{where}, message {number} holds more than text; leave out what is not text")
            text = "\n".join(part["text"] for part in text)
        text = check_text(f"{where}, message {number}", text)
        messages.append({"role": _ROLES.get(role.lower(), role.lower()), "content": text})
    answered = bool(messages) and messages[-1]["role"] == "assistant"
    return messages[: len(messages) - answered], answered


def is_known(name: str) -> bool:
    """Whether a column of this name can be the prompt, or a part of it."""
    return plain_name(name) in {*_COLUMNS, *CONVERSATIONS, *TOKEN_IDS, *LENGTHS}


@cache
def plain_name(name: str) -> str:
    """A column's name in small letters and underscores: `Request tokens` and `ContextTokens` as well."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", str(name).strip())
    return re.sub(r"[\s_-]+", "_", words).lower()


def _first(row: Mapping[str, Any], names: Sequence[str]) -> tuple[str, Any] | None:
    there = {plain_name(name): (name, part) for name, part in row.items() if part not in (None, "")}
    return next((there[name] for name in names if name in there), None)


def _is_number(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[0-9]+(\.[0-9]*)?(e[+-]?[0-9]+)?", value.strip(), re.I))


def _whole_number(where: str, name: str, value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}(\.0+)?", value.strip()):
        value = int(float(value))
    whole = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10**9
    if not whole or int(value) != value:
        raise InvalidPromptsError(f"{where}: {name!r} is {value!r}; a number of tokens is expected")
    return int(value)
