"""CSV files in which a spreadsheet runs nothing, and that can be read back after a spreadsheet has saved them.

A spreadsheet takes `=1+1` for a formula, and in half of Europe a cell also begins after a semicolon. An apostrophe in
front makes it text: https://owasp.org/www-community/attacks/CSV_Injection.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from io import StringIO
from pathlib import Path

from prepack_lab.course.grading.reports.visible import visible

_FORMULA = r"['\s\u200c\u200d]*[=+\-@＝＋－＠﹦﹢﹣﹫]"
"""A sign that begins a formula, also a wide or a small one, behind blanks and apostrophes."""
_BEGINS = r"(?:\A|(?<=[\n\t;]))"
"""Where a cell begins, or would begin for a spreadsheet that takes another separator."""
_UNSAFE = re.compile(rf"{_BEGINS}(?={_FORMULA})|\A(?='*[\n\t])")
_MADE_SAFE = re.compile(rf"{_BEGINS}'(?={_FORMULA})|\A'(?='*[\n\t])")


def safe(text: str) -> str:
    """The text with an apostrophe in front of what a spreadsheet would run, and with visible letters only."""
    return _UNSAFE.sub("'", visible(text))


def unsafe(text: str) -> str:
    """The text that `safe` was given, but for its invisible letters."""
    return _MADE_SAFE.sub("", text)


def number(value: Decimal) -> str:
    """A number without zeros at its end: 1.50 is `1.5`."""
    return f"{value.normalize():f}" if value else "0"


def write_rows(path: Path, rows: Iterable[Sequence[str | int | Decimal | None]], encoding: str = "utf-8-sig") -> None:
    """Write a CSV file; None is an empty cell. The encoding begins with a mark by which Excel knows UTF-8."""
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, lineterminator="\r\n").writerows(map(_cell, row) for row in rows)


def read_rows(path: Path, columns: Sequence[str], needed: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Read a CSV file as spreadsheets save it: with commas, semicolons or tabs.

    Args:
        path: of the file.
        columns: the headings that are read, in small letters; others are passed over.
        needed: those that must be there.

    Returns:
        The number of its line, and the text below each heading, for each row that is not empty.

    Raises:
        ValueError: the file can't be read, or lacks a column; says what to do.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        separator = max(",;\t", key=text.partition("\n")[0].count)
        lines = csv.reader(StringIO(text), delimiter=separator)
        headings = [heading.strip().lower() for heading in next(lines, [])]
        found = [(lines.line_num, dict(zip(headings, map(unsafe, line), strict=False))) for line in lines if any(line)]
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise ValueError(f"{path} is not a CSV file in UTF-8; save it again as one") from None
    missing = [column for column in needed if column not in headings]
    if missing:
        raise ValueError(f"{path} has no column {missing[0]}; its first line is to be: {','.join(columns)}")
    return [(line, {column: row.get(column, "").strip() for column in columns}) for line, row in found]


def _cell(value: str | int | Decimal | None) -> str | int | None:
    if isinstance(value, Decimal):
        return number(value)
    return safe(value) if isinstance(value, str) else value
