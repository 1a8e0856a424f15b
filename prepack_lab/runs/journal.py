"""What is finished, on disk: after a crash or an interrupt, everything that was appended is still there.

A journal is JSON lines with a blank line after each batch, which makes the batch whole. What follows the last blank
line was torn by a crash, and is dropped. The first batch is the header, which says what was asked for:

    {"asked": {"task": "prefill", …}, "prompts": 1000, …}

    {"index": 7, …}
    {"index": 2, …}

"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

MOST_JOURNALS = 4096


class Journal:
    """The journal that this process appends to."""

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        """Go on with the journal after its last whole batch, or begin it with the header."""
        end = 0
        for begin, lines in batches(path) if path.exists() else ():
            end = begin + sum(map(len, lines)) + 1
        self._file = path.open("ab")
        self._file.truncate(end)
        if not end:
            self.append([as_line(header)])

    def append(self, lines: Sequence[bytes]) -> None:
        """Add a batch, a line for each prompt (see `as_line`): when this returns, a crash can't take it away."""
        if lines:
            self._file.write(b"".join([*lines, b"\n"]))
            self._file.flush()

    def close(self) -> None:
        self._file.close()


class Finished:
    """The lines of all finished prompts, wherever they are."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Read which prompts are finished in these journals; the lines themselves stay on disk.

        Raises:
            ValueError: a journal is damaged.
        """
        self.errors = 0
        """How many of the prompts could not be run."""
        self.whole_ids = True
        """Whether the prompts' own ids, if they have any, are integers of 64 bits."""
        self._paths, self._places, self._count = paths, array("q"), 0
        for number, path in enumerate(paths):
            for begin, lines in islice(batches(path), 1, None):
                for line in lines:
                    record = _record(path, line)
                    self._note(record["index"], begin * MOST_JOURNALS + number)
                    self.errors += "error" in record
                    id = record.get("id", 0)
                    self.whole_ids &= type(id) is int and -(2**63) <= id < 2**63
                    begin += len(line)

    def __len__(self) -> int:
        return self._count

    def __contains__(self, index: int) -> bool:
        return index < len(self._places) and self._places[index] >= 0

    def lines(self) -> Iterator[bytes]:
        """The lines in the order of the prompts, of which none may be missing."""
        with ExitStack() as stack:
            files = [stack.enter_context(path.open("rb")) for path in self._paths]
            for place in self._places:
                offset, number = divmod(place, MOST_JOURNALS)
                files[number].seek(offset)
                yield files[number].readline()

    def _note(self, index: int, place: int) -> None:
        self._places.extend([-1] * (index + 1 - len(self._places)))
        self._count += self._places[index] < 0
        self._places[index] = place


def as_line(record: dict[str, Any]) -> bytes:
    """A record as a line of JSON in UTF-8; in ASCII if it holds half a character, which UTF-8 lacks.

    Raises:
        ValueError: it holds a number that is not finite, which JSON lacks.
    """
    try:
        return (json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n").encode()
    except UnicodeEncodeError:
        return (json.dumps(record, allow_nan=False) + "\n").encode()


def batches(path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """The whole batches of a journal, the header first: where in the file each begins, in bytes, and its lines."""
    begin, lines = 0, list[bytes]()
    with path.open("rb") as file:
        for line in file:
            if line != b"\n":
                lines.append(line)
                continue
            yield begin, lines
            begin += sum(map(len, lines)) + 1
            lines = []


def header(path: Path) -> dict[str, Any] | None:
    """The header of a journal; None where a crash came before it was written."""
    first = next(batches(path), None)
    return None if first is None else _record(path, b"".join(first[1]))


def _record(path: Path, line: bytes) -> dict[str, Any]:
    try:
        return json.loads(line)
    except ValueError:
        raise ValueError(
            f"{path} is damaged: {line[:50]!r} is not JSON; start anew with --fresh (fresh=True)"
        ) from None
