"""A path → the files behind it, each opened, unpacked and named: a file, a folder of them, or standard input (`-`).

gzip is Python's own; zstd comes from Python 3.14 on, and from pyarrow before. What is damaged or cut is refused.
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from tempfile import TemporaryFile
from typing import Any, BinaryIO, cast

from prepack_lab.extras import needs_extra
from prepack_lab.prompts import InvalidPromptsError
from prepack_lab.sources.layouts import is_known

FORMATS = {
    ".txt": "text",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
"""Ending of a file → its format. Each may be packed: `.jsonl.gz`, `.csv.zst`."""
STANDARD_INPUT = "-"
PACKED = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass(frozen=True)
class Stream:
    """A file that can be read from its beginning, as often as it is asked for."""

    name: str
    """As it stands in messages."""
    format: str
    """One of the values of `FORMATS`."""
    packing: str | None
    begin: Callable[[], BinaryIO]
    """Opens it; the bytes are still packed."""
    size: int
    """Bytes, packed as they are."""

    def open(self) -> tuple[BinaryIO, BinaryIO]:
        """The bytes, unpacked, and the file that they come from, whose place says how much has been read.

        Raises:
            InvalidPromptsError: it can't be opened.
            MissingExtraError: it is packed with zstd, and pyarrow is missing.
        """
        try:
            file = self.begin()
        except OSError as error:
            raise InvalidPromptsError(f"{self.name} can't be read: {error.strerror}") from None
        if self.packing is None:
            return file, file
        if self.packing == "gzip":
            return cast(BinaryIO, gzip.GzipFile(fileobj=file)), file
        return _zstd(file), file

    def damage(self, error: Exception) -> InvalidPromptsError:
        """What to say of an error in the middle of reading."""
        return InvalidPromptsError(f"{self.name} is damaged or cut: {error}. Make or fetch the file anew")


DAMAGE = (EOFError, OSError, zlib.error)
"""What reading a damaged file raises."""


def find_streams(path: str | Path, content: bytes | None = None, column: str | None = None) -> list[Stream]:
    """The files behind a path: itself, those in a folder by name, or standard input.

    Args:
        path: a file or folder, or `-`.
        content: the bytes of a file that is not on this disk.
        column: a name by which the heading of a table from standard input is known, beside the usual ones.

    Raises:
        InvalidPromptsError: there is no such file, its ending says no format, or a folder has no file to read.
    """
    if content is not None:
        return [_stream(PurePath(path).name, lambda: io.BytesIO(content), len(content))]
    if str(path) == STANDARD_INPUT:
        return [_standard_input(column)]
    path = Path(path)
    if not path.is_dir():
        size = path.stat().st_size if path.exists() else 0
        return [_stream(path.name, _opener(path), size)]
    found = [file.relative_to(path) for file in sorted(path.rglob("*")) if file.is_file() and format_of(file.name)[0]]
    inside = [file for file in found if not any(part.startswith(".") for part in file.parts)]
    if not inside:
        raise InvalidPromptsError(f"{path} is a folder without files of prompts; they end in {_endings()}")
    return [_stream(file.as_posix(), _opener(path / file), (path / file).stat().st_size) for file in inside]


def _opener(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb")


def format_of(name: str) -> tuple[str | None, str | None]:
    """The format and the packing that the endings of a name say, in any case; None where they say nothing."""
    *_, before, last = ["", "", *(suffix.lower() for suffix in PurePath(name).suffixes)]
    if last in PACKED:
        return FORMATS.get(before), PACKED[last]
    return FORMATS.get(last), None


def _stream(name: str, begin: Callable[[], BinaryIO], size: int) -> Stream:
    known, packing = format_of(name)
    if known is None:
        raise InvalidPromptsError(f"{name} does not end in what prompts are read from: {_endings()}")
    return Stream(name, known, packing, begin, size)


def _endings() -> str:
    return f"{', '.join(FORMATS)}, or one of these with .gz or .zst"


def _standard_input(column: str | None) -> Stream:
    """Kept in a temporary file, since it is read more than once; its beginning says what it is."""
    kept = TemporaryFile()  # noqa: SIM115  (open as long as the stream may be read)
    shutil.copyfileobj(sys.stdin.buffer, kept)
    kept.flush()
    size = kept.tell()

    def begin() -> BinaryIO:
        file = os.fdopen(os.dup(kept.fileno()), "rb")  # closing it leaves the temporary file open
        file.seek(0)
        return file

    packing = next((packing for magic, packing in _MAGIC.items() if begin().read(4).startswith(magic)), None)
    stream = Stream("standard input", "text", packing, begin, size)
    try:
        head = stream.open()[0].read(65_536)
    except DAMAGE as error:
        raise stream.damage(error) from None
    return Stream("standard input", _format_of_bytes(head, column), packing, begin, size)


def _format_of_bytes(head: bytes, column: str | None) -> str:
    """Parquet and JSON show in the first bytes, a table in the names of its heading; anything else is text."""
    if head.startswith(b"PAR1"):
        return "parquet"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] == b"[":
        return "json"
    if start[:1] in (b"{", b'"'):
        return "jsonl"
    heading = start.splitlines()[0].decode("utf-8", "replace") if start else ""
    for separator, found in (("\t", "tsv"), (",", "csv"), (";", "csv")):
        names = [name.strip().strip('"') for name in heading.split(separator)]
        if len(names) > 1 and any(name == column or is_known(name) for name in names):
            return found
    return "text"


def _zstd(file: BinaryIO) -> BinaryIO:
    if sys.version_info >= (3, 14):
        from compression import zstd

        return cast(BinaryIO, zstd.open(file))
    with needs_extra("files"):
        import pyarrow
    return cast(BinaryIO, io.BufferedReader(_Raw(pyarrow.CompressedInputStream(file, "zstd"))))


class _Raw(io.RawIOBase):
    """A stream of pyarrow with the face of a file of Python's."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = self._stream.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


def text_lines(stream: Stream, file: BinaryIO, newline: str | None = None) -> Iterator[str]:
    """The lines of a file in UTF-8, with their ends: only a line break ends a line.

    Args:
        stream, file: what is read, and its bytes.
        newline: as for `open`: None makes every line end in a line feed, "" leaves the ends as they are.

    Raises:
        InvalidPromptsError: a line holds bytes that are not UTF-8, or a NUL byte; names it.
    """
    for number, line in enumerate(_as_text(file, newline), start=1):
        _check(f"{stream.name}, line {number}", line)
        yield line


def text_chunks(stream: Stream, file: BinaryIO, size: int = 65_536) -> Iterator[str]:
    """A file in UTF-8, in pieces of `size` characters, for what need not have lines.

    Raises:
        InvalidPromptsError: as for `text_lines`; names the characters before.
    """
    text, read = _as_text(file, None), 0
    while chunk := text.read(size):
        _check(f"{stream.name}, after {read:,} characters,", chunk)
        read += len(chunk)
        yield chunk


def _as_text(file: BinaryIO, newline: str | None) -> io.TextIOWrapper:
    """A byte that is not UTF-8 becomes half a character, so that its place is known."""
    return io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline=newline)


def _check(where: str, text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            byte = f"byte {ord(text[error.start]) & 0xFF:#04x} after {error.start:,} characters"
            raise InvalidPromptsError(f"{where} is not UTF-8 text ({byte}); save it as UTF-8") from None
    if "\0" in text:
        raise InvalidPromptsError(f"{where} holds a NUL byte; save it as UTF-8 text")
