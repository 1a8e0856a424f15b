"""Stands in for the reader of files until it is there: JSON lines with "prompt", read line by line."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from prepack_lab.sources import files


@dataclass
class Prompt:
    where: str
    content: str
    columns: dict = field(default_factory=dict)


@dataclass
class PromptFile:
    path: Path
    column: str | None = None
    chat: bool | None = None

    def __iter__(self):
        for number, line in enumerate(Path(self.path).read_text(encoding="utf-8").splitlines(), start=1):
            row = json.loads(line)
            yield Prompt(f"{Path(self.path).name}, line {number}", row[self.column or "prompt"], row)


def tokenized(file, tokenizer):
    for prompt in file:
        content = prompt.content
        yield prompt, content if isinstance(content, list) else tokenizer(content)["input_ids"]


if not hasattr(files, "PromptFile"):
    files.PromptFile, files.tokenized = PromptFile, tokenized
