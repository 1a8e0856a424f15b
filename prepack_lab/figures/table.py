"""A small table for a notebook page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from IPython.display import HTML


def show_table(headings: Sequence[str], rows: Iterable[Sequence[object]], caption: str) -> HTML:
    """Rows of words and numbers under headings; line breaks in a cell are kept as ⏎."""
    left = "style='text-align:left; white-space:normal; vertical-align:top'"

    def cell(value: object) -> str:
        return escape(str(value).replace("\n", " ⏎ "))

    head = "".join(f"<th scope='col' {left}>{cell(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td {left}>{cell(value)}</td>' for value in row)}</tr>" for row in rows)
    return HTML(f"<table><caption>{cell(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
