"""A zip → what lies in it. Nothing in it is trusted: not its names, its sizes, nor what it says of itself."""

from __future__ import annotations

import lzma
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from prepack_lab.course.grading.reading import LARGEST

NOT_SUBMITTED = {".ipynb_checkpoints", ".git", "__MACOSX", ".venv", "site-packages", "solutions"}
"""Folders that programs leave behind, and the lab's own solutions."""
MOST_FILES = 100_000
"""In a zip, with those in the zips in it."""
MOST_BYTES = 2_000_000_000
"""Unpacked from a zip, with what is in the zips in it; from one of these, a tenth."""
DEEPEST = 50
"""Folders in folders in a zip."""
BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, OSError, EOFError, RuntimeError, ValueError,
    IndexError, OverflowError, MemoryError,
)  # fmt: skip
"""What `zipfile` raises for zips that are broken, or made to break it."""


@dataclass(frozen=True)
class Piece:
    """A file; or a folder, where there is nothing in it to tell of instead."""

    parts: tuple[str, ...]
    """Of its path within the folder of submissions; a zip is a folder."""
    path: Path | None = None
    """Of the file; None where it can't or needn't be read."""
    problem: str = ""
    """Why it can't be read, and what to do: the end of a sentence that begins with its name."""
    time: datetime | None = None
    """When it was last changed, in UTC."""
    kind: Literal["file", "folder", "left out"] = "file"
    """"left out" is a folder of `NOT_SUBMITTED`."""

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def is_notebook(self) -> bool:
        return self.kind == "file" and self.name.lower().endswith(".ipynb") and not self.name.startswith("._")

    @property
    def is_zip(self) -> bool:
        return self.kind == "file" and self.name.lower().endswith(".zip") and not self.name.startswith("._")


@dataclass
class Allowance:
    """How much may still be unpacked."""

    files: int = MOST_FILES
    bytes: int = MOST_BYTES

    def share(self) -> Allowance:
        """For a zip within: a tenth of all bytes, so that the zips of other students can be read as well."""
        return Allowance(self.files, min(self.bytes, MOST_BYTES // 10))


def unpack(archive: Piece, into: Path, allowance: Allowance) -> list[Piece]:
    """What lies in a zip. Notebooks, and what belongs to them, are written below a folder.

    No file is written under a path that the zip chose, links in it are not followed, and reading stops where the
    allowance ends. What is left unread is a piece with a problem.

    Args:
        archive: with the path of the zip.
        into: a folder; files in it are overwritten.
        allowance: for this zip; used up by it.
    """
    assert archive.path is not None
    try:
        with zipfile.ZipFile(archive.path) as packed:
            if len(packed.infolist()) > allowance.files:
                words = f"holds more than {MOST_FILES:,} files; unpack it by hand, or ask for the notebooks alone"
                return [Piece(archive.parts, problem=words, time=archive.time)]
            allowance.files -= len(packed.infolist())
            found = [*_pieces(packed, archive.parts, into, allowance)]
    except BROKEN:
        return [Piece(archive.parts, problem="is not a zip that can be opened; ask for it again", time=archive.time)]
    inner = {piece.parts[:depth] for piece in found for depth in range(len(piece.parts))}
    kept = [piece for piece in dict.fromkeys(found) if piece.kind != "folder" or piece.parts not in inner]
    return kept or [Piece(archive.parts, time=archive.time, kind="folder")]


def _pieces(packed: zipfile.ZipFile, above: tuple[str, ...], into: Path, allowance: Allowance) -> Iterator[Piece]:
    folders: dict[tuple[str, ...], Path] = {}
    taken: set[str] = set()
    for entry in packed.infolist():
        name = _name(entry)
        within = tuple(part for part in re.split(r"[/\\]", name) if part not in ("", "."))
        parts = above + within
        if not within or within[-1].startswith("._"):
            continue
        if words := _bad_path(name, within):
            yield Piece((*above, within[-1].lstrip(".:")[-100:]), problem=words, time=_time(entry))
            continue
        out = next((depth for depth, part in enumerate(parts, 1) if part in NOT_SUBMITTED and depth > len(above)), 0)
        if out:
            yield Piece(parts[:out], kind="left out")
        elif name.endswith(("/", "\\")):
            yield Piece(parts, kind="folder")
        elif not within[-1].lower().endswith((".ipynb", ".zip", "timestamp.txt", "progress.json")):
            yield Piece(parts, time=_time(entry))
        elif problem := _problem(entry, allowance):
            yield Piece(parts, problem=problem, time=_time(entry))
        else:  # beside each other stays beside each other
            folder = folders.setdefault(parts[:-1], into / str(len(folders)))
            path = folder / _safe(within[-1])
            twice = str(path).casefold() in taken
            taken.add(str(path).casefold())
            problem = "is in the zip twice; unpack it by hand" if twice else _write(packed, entry, path, allowance)
            yield Piece(parts, None if problem else path, problem, _time(entry))


def _bad_path(name: str, within: tuple[str, ...]) -> str:
    if ".." in within or re.match(r"[/\\]|[A-Za-z]:", name):
        return "has a path that leads out of its zip, and is not read; ask for the file itself"
    if len(within) > DEEPEST or max(map(len, within)) > 255:
        return "has a path that is too long, and is not read; ask for the file itself"
    return ""


def _problem(entry: zipfile.ZipInfo, allowance: Allowance) -> str:
    """Why an entry is not read; empty where it is."""
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        return "is a link, or no file at all, and is not read; ask for the file itself"
    if entry.flag_bits & 0x1:
        return "is encrypted; ask for it without a password"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in an unusual way; ask for an ordinary zip"
    return _too_large(entry.file_size, allowance)


def _too_large(size: int, allowance: Allowance) -> str:
    if size > LARGEST:
        return f"has more than {LARGEST / 1e6:,.0f} MB unpacked; ask for it with its outputs cleared"
    if size > allowance.bytes:
        return "is in a zip that is too large unpacked; unpack it by hand"
    return ""


def _write(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, allowance: Allowance) -> str:
    """Unpack a single file; returns why that failed, or nothing."""
    size = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with packed.open(entry) as source, path.open("xb") as target:
            while piece := source.read(1 << 16):
                size += len(piece)
                if problem := _too_large(size, allowance):  # whatever it said of its size
                    break
                target.write(piece)
            else:
                return ""
    except BROKEN as error:  # a full disk has words of its own
        why = getattr(error, "strerror", None) or "its zip is broken; ask for it again"
        problem = f"can't be unpacked: {why}"
    finally:
        allowance.bytes -= min(size, allowance.bytes)
    path.unlink(missing_ok=True)
    return problem


def _name(entry: zipfile.ZipInfo) -> str:
    """Many programs write UTF-8 and don't say so; what isn't UTF-8 is read as code page 437, as the format has it."""
    name = entry.filename
    if not entry.flag_bits & 0x800:
        try:
            return name.encode("cp437").decode("utf-8")
        except UnicodeError:
            return name
    return name


def _safe(name: str) -> str:
    """A file name that any system takes: the end of the name that the zip has, where the lesson's stands."""
    stem, dot, suffix = re.sub(r'[\x00-\x1f\x7f<>:"|?*]', "_", name).rpartition(".")
    return f"{stem[-50:]}{dot}{suffix}".encode("utf-8", "replace").decode("utf-8")


def _time(entry: zipfile.ZipInfo) -> datetime | None:
    """When a file was last changed. Zips have a local time without saying where, taken for the time here; many have
    the time in UTC besides, in an extra field."""
    try:
        extra = entry.extra
        while len(extra) >= 4:
            kind, size = struct.unpack("<HH", extra[:4])
            if kind == 0x5455 and size >= 5 and extra[4] & 1:
                return datetime.fromtimestamp(int.from_bytes(extra[5:9], "little", signed=True), UTC)
            extra = extra[4 + size :]
        return datetime(*entry.date_time).astimezone(UTC) if entry.date_time > (1980, 1, 1, 23, 59, 59) else None
    except (ValueError, OverflowError, OSError, struct.error):
        return None
