"""Prompts from a file: a text with one prompt a line, JSON lines, or a table with commas."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from prepack_lab.prompts import InvalidPromptsError

COLUMNS = ("prompt", "text", "instruction", "question", "input", "content")
"""Where the prompt is looked for in JSON lines and tables, in this order."""


def read_prompts(name: str | Path, content: bytes | None = None) -> list[str]:
    """Read the texts of a file; its ending says how: .txt, .jsonl or .csv.

    Args:
        name: the file.
        content: what is in it, where it is not on this disk.

    Raises:
        InvalidPromptsError: an unknown ending, no prompts, or a line that can't be read; names the line.
    """
    path = Path(name)
    readers = {".txt": _lines, ".jsonl": _json_lines, ".csv": _table}
    if path.suffix not in readers:
        raise InvalidPromptsError(f"{path.name} ends in {path.suffix!r}; prompts are read from {', '.join(readers)}")
    try:
        text = (path.read_bytes() if content is None else content).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidPromptsError(f"{path.name} is not UTF-8 text ({error.reason} at byte {error.start})") from None
    except OSError as error:
        raise InvalidPromptsError(f"{path} can't be read: {error.strerror}") from None
    texts = readers[path.suffix](path.name, text)
    if not texts:
        raise InvalidPromptsError(f"{path.name} holds no prompts; it needs at least one line with text")
    return texts


def _lines(name: str, text: str) -> list[str]:
    return [line.rstrip("\n") for line in _split(text) if line.strip()]


def _split(text: str) -> io.StringIO:
    """Lines as an editor counts them; `str.splitlines` would cut at letters that JSON lets stand in a text."""
    return io.StringIO(text, newline=None)


def _json_lines(name: str, text: str) -> list[str]:
    found = []
    for number, line in enumerate(_split(text), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise InvalidPromptsError(f"{name}, line {number} is no JSON: {error.msg}") from None
        found.append(_text_of(f"{name}, line {number}", value))
    return found


def _table(name: str, text: str) -> list[str]:
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # a prompt may be longer than Python's limit
    rows, found = csv.DictReader(io.StringIO(text, newline="")), []
    try:
        for number, row in enumerate(rows, start=1):
            found.append(_text_of(f"{name}, row {number}", row))
    except csv.Error as error:
        raise InvalidPromptsError(f"{name}, line {rows.line_num} is no table: {error}") from None
    return found


def _text_of(where: str, value: object) -> str:
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, dict):
        for column in COLUMNS:
            if isinstance(value.get(column), str) and value[column].strip():
                return value[column]
    under = "" if isinstance(value, str) else f" under any of: {', '.join(COLUMNS)}"
    raise InvalidPromptsError(f"{where} has no text{under}")
