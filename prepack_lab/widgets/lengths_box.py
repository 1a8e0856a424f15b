"""A line in which a reader writes the lengths of prompts."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as ipw


class LengthsBox(ipw.Text):
    """Positive whole numbers, with commas or blanks between them; to be read by `numbers`.

    Args:
        lengths: what stands there first.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        super().__init__(", ".join(map(str, lengths)), description="Lengths", layout=ipw.Layout(width="100%"))

    def numbers(self) -> list[int]:
        """What is written there.

        Raises:
            ValueError: something there is no positive whole number.
        """
        words = self.value.replace(",", " ").split()
        wrong = [word for word in words if not word.isdecimal() or int(word) < 1]
        if wrong or not words:
            what = f"{wrong[0]!r} is no length" if wrong else "there are no lengths"
            raise ValueError(f"{what}; write positive whole numbers, with commas between them")
        return [int(word) for word in words]
