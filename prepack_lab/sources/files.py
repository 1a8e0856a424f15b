"""Prompts from a file: a text with a prompt per line, JSON lines, or a table in CSV.

A file is read as it was meant, or refused by file and line: no part of a prompt is dropped, cut or guessed.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from prepack_lab.prompts import InvalidPromptsError, check_text

LAYOUTS = {
    "prompt": ("system", "prompt"),
    "text": ("text",),
    "instruction": ("system", "history", "instruction", "input", "context"),  # Alpaca, Dolly
    "question": ("system_prompt", "question", "context", "passage", "choices", "options"),  # SQuAD, BoolQ, MMLU
    "input": ("input",),
    "content": ("content",),
}
"""Main column → the columns that make up the prompt, in the order in which they are joined by blank lines."""

_QUOTING = "Put double quotes around a text with commas or quotes, and write each quote inside it twice"
_COLUMNS = {column for layout in LAYOUTS.values() for column in layout}


def read_prompts(name: str | Path, content: bytes | None = None) -> list[str]:
    """Read the texts of a file; its ending says how: .txt, .jsonl or .csv.

    A prompt of several columns is joined by blank lines: an `instruction` and its `input` (Alpaca) or `context`
    (Dolly), a `question` and its `context` (SQuAD); `LAYOUTS` has them all. Other columns, such as the answer
    (`output`, `response`, `completion`, `answer`) or an id, are left out.

    Args:
        name: the file, in UTF-8.
        content: its bytes, where it is not on this disk.

    Raises:
        InvalidPromptsError: an unknown ending, no prompts, or a line that is damaged or ambiguous; names the line.
    """
    path = Path(name)
    readers = {".txt": _lines, ".jsonl": _json_lines, ".csv": _table}
    if path.suffix.lower() not in readers:
        raise InvalidPromptsError(f"{path.name} ends in {path.suffix!r}; prompts are read from {', '.join(readers)}")
    try:
        text = (path.read_bytes() if content is None else content).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"{error.reason} at byte {error.start}"
        raise InvalidPromptsError(f"{path.name} is not UTF-8 text ({where}); save it as UTF-8") from None
    except OSError as error:
        raise InvalidPromptsError(f"{path} can't be read: {error.strerror}") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise InvalidPromptsError(f"{path.name}, line {line} holds a NUL byte; save it as UTF-8 text")
    try:
        texts = [_prompt_of(where, value) for where, value in readers[path.suffix.lower()](text)]
    except ValueError as error:
        raise InvalidPromptsError(f"{path.name}, {error}") from None
    if not texts:
        raise InvalidPromptsError(f"{path.name} holds no prompts; it needs at least one line with text")
    return texts


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Lines as an editor counts them; `str.splitlines` would cut at characters that JSON allows inside a string."""
    lines = enumerate(io.StringIO(text, newline=None), start=1)
    return ((f"line {number}", line.rstrip("\n")) for number, line in lines if line.strip())


def _json_lines(text: str) -> Iterator[tuple[str, Any]]:
    for where, line in _lines(text):
        try:
            value = json.loads(line, object_pairs_hook=_object, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:  # Python limits the digits of a number, and the nesting
            raise ValueError(f"{where} is not readable JSON: {getattr(error, 'msg', error)}") from None
        yield where, value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _check_distinct("an object", (name for name, _ in pairs))
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value; write null")


def _table(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # a prompt may be longer than Python's limit
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    heading: list[str] = []
    begin, number = 1, 0  # the line where a row begins: text in quotes may hold several
    try:
        for fields in rows:
            if not heading:
                heading = [field.strip() for field in fields]
                _check_distinct(f"line {begin}: the heading", filter(None, heading))
            elif fields:
                number += 1
                where = f"line {begin}, row {number}"
                if len(fields) != len(heading):
                    raise ValueError(f"{where} has {len(fields)} fields, the heading has {len(heading)}. {_QUOTING}")
                yield where, dict(zip(heading, fields, strict=True))
            begin = rows.line_num + 1
    except csv.Error as error:
        raise ValueError(f"line {begin}: the row that begins here is not CSV ({error}). {_QUOTING}") from None


def _check_distinct(where: str, names: Iterable[str]) -> None:
    """A dict would keep the last value of a name, and lose the others without a word."""
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"{where} has {name!r} {count} times; give each column its own name")


def _prompt_of(where: str, value: object) -> str:
    """The columns of a layout, joined, provided that no column beside them might belong to the prompt as well."""
    if isinstance(value, str) and value.strip():
        return check_text(where, value)
    if not isinstance(value, dict):
        raise ValueError(f"{where} {'has no text' if isinstance(value, str) else 'is neither a string nor an object'}")
    filled = {column: part for column, part in value.items() if column in _COLUMNS and part}
    row = {column: part for column, part in filled.items() if not isinstance(part, str) or part.strip()}
    mains = [column for column in LAYOUTS if column in row]
    if not mains:
        raise ValueError(f"{where} has no text under any of: {', '.join(LAYOUTS)}")
    for main in mains:
        parts = {column: check_text(f"{where}: {column!r}", row[column]) for column in LAYOUTS[main] if column in row}
        prompt = "\n\n".join(parts.values())
        if all(other == prompt for column, other in row.items() if column not in parts):
            return prompt
    unclear = f"it is not clear which of {', '.join(row)} make up the prompt"
    raise ValueError(f"{where}: {unclear}. Write all of it under 'prompt', and leave out the others")
