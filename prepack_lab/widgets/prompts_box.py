"""A box to write prompts in, one per line."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as ipw


class PromptsBox(ipw.Textarea):
    """Texts, one per line; `prompts` reads them.

    Args:
        texts: written there at first.
        rows: lines that are visible at once.

    Raises:
        ValueError: the texts are a single string, or a text has several lines.
    """

    def __init__(self, texts: Sequence[str], rows: int = 4) -> None:
        if isinstance(texts, str):
            raise ValueError("texts is a single string; pass a list of strings, one per prompt: [text]")
        for place, text in enumerate(texts):
            if len(text.splitlines()) > 1:
                raise ValueError(f"text {place} has several lines, and the box holds a prompt per line; join them")
        super().__init__("\n".join(texts), description="Prompts", rows=rows, layout=ipw.Layout(width="100%"))

    def prompts(self) -> list[str]:
        """The texts that are written there, without empty lines.

        Raises:
            ValueError: there are none.
        """
        texts = [line for line in self.value.splitlines() if line.strip()]
        if not texts:
            raise ValueError("Write at least one prompt, one per line.")
        return texts
