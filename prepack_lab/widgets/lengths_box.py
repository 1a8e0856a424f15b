"""A line to write the lengths of prompts in."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as ipw


class LengthsBox(ipw.Text):
    """Positive whole numbers, with commas or spaces between them; `numbers` reads them.

    Args:
        lengths: written there at first.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        super().__init__(", ".join(map(str, lengths)), description="Lengths", layout=ipw.Layout(width="100%"))

    def numbers(self) -> list[int]:
        """The lengths that are written there.

        Raises:
            ValueError: there are none, or something is not a positive whole number.
        """
        words = self.value.replace(",", " ").split()
        wrong = [word for word in words if not word.isdecimal() or int(word) < 1]
        if wrong or not words:
            what = f"{wrong[0]!r} is not a length" if wrong else "there are no lengths"
            raise ValueError(f"{what}; write positive whole numbers, with commas between them")
        return [int(word) for word in words]
