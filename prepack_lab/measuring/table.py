"""A small table that reads the same in a terminal and on a notebook page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple


class Link(NamedTuple):
    """A cell that leads somewhere on a page, and is plain text in a terminal."""

    text: str
    href: str

    def __str__(self) -> str:
        return self.text


class Table:
    """Rows of words and numbers under headings; the first cell names the row.

    Args:
        headings: one per column.
        rows: a cell per heading each; any value that `str` turns into words, or a `Link`.
        caption: what the table shows, in a sentence.
    """

    def __init__(self, headings: Sequence[str], rows: Iterable[Sequence[object]], caption: str) -> None:
        self.headings, self.rows, self.caption = tuple(headings), [tuple(row) for row in rows], caption
        for row in self.rows:
            if len(row) != len(self.headings):
                raise ValueError(f"a row has {len(row)} cells under {len(self.headings)} headings: {row}")

    def __str__(self) -> str:
        lines = [self.headings, *([_one_line(cell) for cell in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join([self.caption, *(line.rstrip() for line in text)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        left = "style='text-align:left; white-space:normal; vertical-align:top'"
        head = "".join(f"<th scope='col' {left}>{escape(heading)}</th>" for heading in self.headings)
        rows = []
        for first, *others in self.rows:
            cells = [
                f"<th scope='row' {left}>{_html(first)}</th>",
                *(f"<td {left}>{_html(cell)}</td>" for cell in others),
            ]
            rows.append(f"<tr>{''.join(cells)}</tr>")
        caption = f"<caption style='text-align:left; white-space:nowrap'>{escape(self.caption)}</caption>"
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _one_line(cell: object) -> str:
    return str(cell).replace("\n", " ⏎ ")


def _html(cell: object) -> str:
    words = escape(_one_line(cell))
    return f"<a href='{escape(cell.href)}'>{words}</a>" if isinstance(cell, Link) else words
