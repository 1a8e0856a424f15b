"""A file → its rows, each with the place where it stands: text, JSON, JSON lines, tables in CSV or TSV, Parquet.

Python's own `json` and `csv` read text, and pyarrow reads Parquet. pyarrow reads CSV and JSON, too; but it
takes 007 for the number 7, keeps the last of two columns of one name, accepts text after a closing quote, and refuses a
file in which a column holds a string here and a list there. A gigabyte of JSON lines takes 15 s to read, and minutes to
tokenize, so a faster reader would gain nothing.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any, BinaryIO

from prepack_lab.extras import needs_extra
from prepack_lab.prompts import InvalidPromptsError
from prepack_lab.sources.streams import DAMAGE, Stream, text_chunks, text_lines

Row = tuple[str, Any]
"""Where it stands, such as "line 3"; and a string, a number, a list, or an object with columns."""

_QUOTING = "Put double quotes around a text with commas or quotes, and write each quote inside it twice"
_LONGEST_FIELD = 2**26
"""Characters: a longer field is an open quote that swallows the file."""
_NUMBERS = 100
"""Lines of a text that are looked at: where all of them are numbers, they are lengths."""


def read_rows(stream: Stream, progress: Callable[[int], Any] = lambda place: None) -> Iterator[Row]:
    """The rows of a file, one after another; memory stays that of a row (in Parquet, of a thousand).

    Args:
        stream: what to read.
        progress: is called with the bytes that have been read, of the file as it is packed.

    Raises:
        InvalidPromptsError: something can't be read as it was meant; names the file and the line.
        MissingExtraError: the file is Parquet, and pyarrow is missing.
    """
    readers: dict[str, Callable[[Stream, BinaryIO], Iterator[Row]]] = {
        "text": _text, "json": _json, "jsonl": _json_lines, "csv": _table, "tsv": partial(_table, separator="\t"),
        "parquet": _parquet,
    }  # fmt: skip
    file, packed = stream.open()
    try:
        for number, row in enumerate(readers[stream.format](stream, file)):
            if number % 1000 == 0 and not packed.closed:
                progress(packed.tell())
            yield row
    except InvalidPromptsError:
        raise
    except ValueError as error:
        raise InvalidPromptsError(f"{stream.name}, {error}") from None
    except DAMAGE as error:
        raise stream.damage(error) from None
    finally:
        packed.close()


def _text(stream: Stream, file: BinaryIO) -> Iterator[Row]:
    """A prompt per line; or a length, where all of the first lines are whole numbers."""
    lines = ((number, line.rstrip("\n")) for number, line in enumerate(text_lines(stream, file), start=1))
    first = [line for _, line in zip(range(_NUMBERS), lines, strict=False)]
    numbers = [line.strip() for _, line in first if line.strip()]
    lengths = bool(numbers) and all(map(re.compile(r"[0-9]{1,9}").fullmatch, numbers))
    for number, line in chain(first, lines):
        if not line.strip():
            continue
        if not lengths:
            yield f"line {number}", line
        elif re.fullmatch(r"\s*[0-9]{1,9}\s*", line):
            yield f"line {number}", int(line)
        else:
            raise ValueError(f"line {number} is no length, as the lines before it are; write prompts as JSON lines")


def _json_lines(stream: Stream, file: BinaryIO) -> Iterator[Row]:
    for number, line in enumerate(text_lines(stream, file), start=1):
        if line.strip():
            yield f"line {number}", _decoded(f"line {number}", line)


def _decoded(where: str, text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # Python limits the digits of a number, and the nesting
        raise ValueError(f"{where} is not readable JSON: {getattr(error, 'msg', error)}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _check_distinct("an object", (name for name, _ in pairs))
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value; write null")


def _json(stream: Stream, file: BinaryIO) -> Iterator[Row]:
    """A list of rows, read one by one; an object that holds one; or, under another name, JSON lines."""
    chunks = text_chunks(stream, file)
    head = next(chunks, "").lstrip()
    if head.startswith("["):
        return _elements(chain([head[1:]], chunks))
    lines = (line for line in text_lines(stream, stream.open()[0]) if line.strip())
    first, second = next(lines, ""), next(lines, "")
    if not first:
        return iter(())
    try:
        value = _decoded("the file", first)
    except ValueError:
        return _rows_inside(_decoded("the file", first + second + "".join(lines)))
    return _json_lines(stream, stream.open()[0]) if second else _rows_inside(value)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant)
_SPACE = re.compile(r"[ \t\n\r]*")


def _elements(chunks: Iterator[str]) -> Iterator[Row]:
    """The elements of a list whose bracket is open already, each read as soon as it is there."""
    held, place, number, mark = "", 0, 0, "["
    more = 1  # chunks to fetch before the next try: doubled, or a long element would be tried once per chunk

    def fetch() -> bool:
        nonlocal held, place, more
        fetched = "".join(chunk for _, chunk in zip(range(more), chunks, strict=False))
        held, place, more = held[place:] + fetched, 0, more * 2
        return bool(fetched)

    def next_mark() -> str:
        nonlocal place
        while (place := _end_of_space(held, place)) == len(held) and fetch():
            pass
        return held[place : place + 1]

    if next_mark() == "]":
        place, mark = place + 1, "]"
    while mark != "]":
        where = f"element {number + 1}"
        next_mark()
        try:
            value, end = _DECODER.raw_decode(held, place)
        except (ValueError, RecursionError) as error:
            cut = isinstance(error, json.JSONDecodeError) and len(held) - place < _LONGEST_FIELD
            if cut and fetch():
                continue
            raise ValueError(f"{where} is not readable JSON: {getattr(error, 'msg', error)}") from None
        if end == len(held) and fetch():  # a number may go on
            continue
        place, more, number = end, 1, number + 1
        mark = next_mark()
        if mark not in (",", "]"):
            found = f"followed by {mark!r}; a comma or ] is expected" if mark else "the last, and the list has no end"
            raise ValueError(f"{where} is {found}")
        place += 1
        yield where, value
    if next_mark():
        raise ValueError("something follows the end of the list; write one list, or JSON lines")


def _end_of_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _rows_inside(value: Any) -> Iterator[Row]:
    """The rows of the only list in an object, such as {"data": […]}, opened where it is SQuAD's; else the row."""
    lists = [name for name, part in value.items() if _is_rows(part)] if isinstance(value, dict) else []
    if len(lists) != 1 or {"messages", "conversations", "conversation"} & {*lists}:
        yield "the only row", value
        return
    for number, row in enumerate(value[lists[0]], start=1):
        where = f"{lists[0]}, row {number}"
        if not (isinstance(row, dict) and _is_rows(row.get("paragraphs"))):
            yield where, row
            continue
        for paragraph in row["paragraphs"]:
            for question in paragraph.get("qas", []):
                yield where, {"context": paragraph.get("context"), **question}


def _is_rows(part: Any) -> bool:
    return isinstance(part, list) and bool(part) and all(isinstance(row, dict | str) for row in part)


def _table(stream: Stream, file: BinaryIO, separator: str = "") -> Iterator[Row]:
    """Rows under a heading; where no separator is given, the heading's own: a comma, a semicolon or a tab."""
    csv.field_size_limit(_LONGEST_FIELD)
    lines = text_lines(stream, file, "")
    first = list[str]()
    for line in lines:
        first.append(line)
        if line.strip():
            break
    if not separator:
        separator = next((mark for mark in (",", ";", "\t") if mark in first[-1]), ",") if first else ","
    rows = csv.reader(chain(first, lines), strict=True, delimiter=separator)
    heading: list[str] = []
    begin, number = 1, 0  # the line where a row begins: text in quotes may hold several
    try:
        for fields in rows:
            if not heading and any(map(str.strip, fields)):
                heading = [field.strip() for field in fields]
                _check_distinct(f"line {begin}: the heading", filter(None, heading))
            elif fields and heading:
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


def _parquet(stream: Stream, file: BinaryIO) -> Iterator[Row]:
    with needs_extra("files"):
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    number = 0
    try:
        table = ParquetFile(file)
        _check_distinct("the schema", table.schema_arrow.names)
        for batch in table.iter_batches(batch_size=1000):
            for row in batch.to_pylist():
                number += 1
                yield f"row {number}", row
    except ArrowException as error:
        raise ValueError(f"after row {number}: not readable Parquet ({str(error).splitlines()[0]})") from None
