"""Files of prompts: whatever people have them in, read as it was meant, or refused by file and line.

    file ─▶ rows ─▶ prompts ─▶ token ids, or lengths

No part of a prompt is dropped, cut or guessed; what was joined and what was left out is counted, and can be said.
"""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from prepack_lab.prompts import InvalidPromptsError, tokenize
from prepack_lab.sources.formats import read_rows
from prepack_lab.sources.layouts import Kind, Prompt, read_prompt
from prepack_lab.sources.streams import find_streams

CHUNK = 2048
"""Prompts that are tokenized at a time, on all cores where the tokenizer is a fast one."""


class PromptFile:
    """The prompts of a file, a folder of files, or standard input; each iteration reads them anew, one by one.

    Args:
        path: .txt, .json, .jsonl, .csv, .tsv or .parquet, each also packed as .gz or .zst; a folder; or `-`.
        content: the bytes of a file that is not on this disk.
        column: that holds the prompt, and all of it; left out, it is known by its name.
        chat: whether prompts are rendered by the tokenizer's chat template, up to where the answer begins: True also
            takes a text for a user's message, False joins the messages of a conversation by blank lines. Left out,
            conversations are rendered and texts are not.
        apart: columns that do not belong to the prompt, such as the continuations to score.
        keep_empty: rows without a prompt are read as well, with None for their content; else they are left out.

    Raises:
        InvalidPromptsError: there is no such file, or its ending says no format.
    """

    def __init__(
        self,
        path: str | Path,
        content: bytes | None = None,
        *,
        column: str | None = None,
        chat: bool | None = None,
        apart: Sequence[str] = (),
        keep_empty: bool = False,
    ) -> None:
        self.streams = find_streams(path, content, column)
        self.path = str(path)
        self.name = "standard input" if str(path) == "-" else Path(path).name
        self.column, self.chat, self.apart, self.keep_empty = column, chat, apart, keep_empty
        self.kind: Kind | None = None
        """What it holds; None before the first prompt was read."""
        self.layouts: Counter[str] = Counter()
        """The columns that prompts were read from, and how many prompts."""
        self.left_out: Counter[str] = Counter()
        """What was left out, and how often."""

    @property
    def size(self) -> int:
        """Bytes of all files, packed as they are."""
        return sum(stream.size for stream in self.streams)

    def first_kind(self) -> Kind:
        """What the first prompt is.

        Raises:
            InvalidPromptsError: as for `read`.
        """
        return next(prompt.kind for prompt in self if prompt.content is not None)

    def fingerprint(self) -> str:
        """What the files hold, in a few letters: the same for the same bytes."""
        read = hashlib.sha256()
        for stream in self.streams:
            with stream.begin() as file:
                while part := file.read(2**20):
                    read.update(part)
        return f"{self.size:,} bytes, SHA-256 {read.hexdigest()[:16]}"

    def __iter__(self) -> Iterator[Prompt]:
        return self.read()

    def read(self, progress: Callable[[int], Any] = lambda place: None) -> Iterator[Prompt]:
        """The prompts, one by one.

        Args:
            progress: is called with the bytes read so far, of `size`.

        Raises:
            InvalidPromptsError: a row is damaged, ambiguous, or of another kind than those before; names file and line.
        """
        self.kind, before = None, 0
        self.layouts.clear()
        self.left_out.clear()
        for stream in self.streams:
            for where, value in read_rows(stream, lambda place, before=before: progress(before + place)):  # type: ignore[misc]
                prompt = read_prompt(f"{stream.name}, {where}", value, self.column, self.apart)
                if prompt is None:
                    self.left_out["rows without a prompt"] += 1
                    if self.keep_empty:
                        yield Prompt(
                            f"{stream.name}, {where}", "texts", None, "", value if isinstance(value, dict) else {}
                        )
                    continue
                self.kind = self.kind or prompt.kind
                if prompt.kind != self.kind:
                    raise InvalidPromptsError(
                        f"{prompt.where} holds {prompt.kind}, the prompts before are {self.kind}; write two files"
                    )
                self.layouts[prompt.layout] += 1
                self.left_out["answers at the end of conversations"] += prompt.answered
                yield prompt
            before += stream.size
            progress(before)
        if self.kind is None and not (self.keep_empty and self.left_out):
            empty = f" ({self.notes[-1]})" if self.left_out.total() else ""
            raise InvalidPromptsError(f"{self.name} holds no prompts{empty}; it needs at least one line with text")

    @property
    def notes(self) -> list[str]:
        """What to know of how the prompts were read: columns that were joined, rows that were left out."""
        read = [f"{_said(layout)}: {count:,}" for layout, count in self.layouts.items()]
        said = [f"read from {'; '.join(read)}"] if len(read) > 1 or "+" in "".join(self.layouts) else []
        return said + [f"left out, {what}: {count:,}" for what, count in self.left_out.items() if count]


def _said(layout: str) -> str:
    return f"{layout}, joined by a blank line" if "+" in layout else layout


def read_prompts(name: str | Path, content: bytes | None = None, column: str | None = None) -> list[Any]:
    """Read the prompts of a file (see `PromptFile`): texts, conversations for `tokenize(…, chat=True)`, or token ids.

    A prompt of several columns is joined by blank lines: an `instruction` and its `input` (Alpaca) or `context`
    (Dolly), a `question` and its `context` (SQuAD). Other columns, such as the answer, are left out.

    Args:
        name: the file, whose ending says its format.
        content: its bytes, where it is not on this disk.
        column: that holds the prompt; left out, it is known by its name.

    Raises:
        InvalidPromptsError: an unknown ending, no prompts, lengths without prompts, or a line that is damaged or
            ambiguous; names the line.
    """
    file = PromptFile(name, content, column=column)
    found = [prompt.content for prompt in file]
    if file.kind == "lengths":
        raise InvalidPromptsError(f"{file.name} holds lengths and no prompts; prepack-lab inspect takes it")
    for note in file.notes:
        if note.startswith("left out"):
            warnings.warn(f"{file.name}: {note}", stacklevel=2)
    return found


def tokenized(
    file: PromptFile, tokenizer: Any, progress: Callable[[int], Any] = lambda place: None
) -> Iterator[tuple[Prompt, list[int]]]:
    """The prompts of a file with their token ids, in order; memory stays that of `CHUNK` prompts.

    Args:
        file: of texts, conversations or token ids.
        tokenizer: of the model that is to read them; token ids are taken as they stand.
        progress: as for `PromptFile.read`.

    Raises:
        InvalidPromptsError: the file holds only lengths, conversations meet a tokenizer without a chat template, or as
            for `PromptFile.read`.
    """
    prompts = file.read(progress)
    while chunk := [*islice(prompts, CHUNK)]:
        ids = iter(_ids(file, tokenizer, [prompt for prompt in chunk if prompt.content is not None]))
        yield from ((prompt, [] if prompt.content is None else next(ids)) for prompt in chunk)


def count_tokens(
    file: PromptFile, tokenizer: Any, progress: Callable[[int], Any] = lambda place: None
) -> Iterator[tuple[Prompt, int, list[int]]]:
    """As `tokenized`, and for lengths as well: each prompt, its tokens, and its ids where they are known."""
    if file.first_kind() == "lengths":
        return ((prompt, prompt.content, []) for prompt in file.read(progress))
    return ((prompt, len(ids), ids) for prompt, ids in tokenized(file, tokenizer, progress))


def _ids(file: PromptFile, tokenizer: Any, chunk: Sequence[Prompt]) -> list[list[int]]:
    if not chunk:
        return []
    contents, kind = [prompt.content for prompt in chunk], chunk[0].kind
    if kind == "lengths":
        raise InvalidPromptsError(f"{file.name} holds lengths and no prompts; a model can't read them")
    if kind == "token ids":
        return contents
    chat = kind == "conversations" if file.chat is None else file.chat
    if chat and getattr(tokenizer, "chat_template", None) is None:
        raise InvalidPromptsError(
            f"{chunk[0].where} asks for a chat template, and {tokenizer.name_or_path!r} has none; take --no-chat "
            "(chat=False) to join messages by blank lines, or another model"
        )
    if kind == "conversations" and not chat:
        contents = ["\n\n".join(message["content"] for message in messages) for messages in contents]
    return tokenize(tokenizer, contents, chat, where=[prompt.where for prompt in chunk])
