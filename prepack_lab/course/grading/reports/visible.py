"""Letters that nobody would see, or that turn a line around → what they are: U+202E becomes `\\u202e`."""

from __future__ import annotations

import re
from functools import cache
from unicodedata import category

HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Kinds of letters: control and format characters, halves of surrogate pairs, and separators of lines."""
KEPT = "\n\t\u200c\u200d"
"""A new line and a tab, and the two joiners that Persian, Indian scripts and emoji are written with."""
_PLAIN = re.compile(r"[\n -~]*")


def visible(text: str) -> str:
    """The text, with an escape in place of each letter that can't be seen."""
    return text if _PLAIN.fullmatch(text) else "".join(map(_shown, text))


def one_line(text: str) -> str:
    """The text, with an escape also in place of a new line or a tab: for names."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


@cache
def _shown(letter: str) -> str:
    if letter in KEPT or category(letter) not in HIDDEN:
        return letter
    return letter.encode("unicode_escape").decode("ascii")
