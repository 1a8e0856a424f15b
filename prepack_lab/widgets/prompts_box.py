"""A box in which a reader writes prompts, one a line."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as ipw


class PromptsBox(ipw.Textarea):
    """Texts, one a line; to be read by `prompts`.

    Args:
        texts: what stands there first.
        rows: lines that are seen at once.

    Raises:
        ValueError: the texts are a single string, or one of them has several lines.
    """

    def __init__(self, texts: Sequence[str], rows: int = 4) -> None:
        if isinstance(texts, str):
            raise ValueError("texts is one string; pass a list of strings, one a prompt: [text]")
        for place, text in enumerate(texts):
            if len(text.splitlines()) > 1:
                raise ValueError(f"text {place} has several lines, and the box holds a prompt a line; join them")
        super().__init__("\n".join(texts), description="Prompts", rows=rows, layout=ipw.Layout(width="100%"))

    def prompts(self) -> list[str]:
        """What is written there, without empty lines.

        Raises:
            ValueError: nothing is.
        """
        texts = [line for line in self.value.splitlines() if line.strip()]
        if not texts:
            raise ValueError("Write at least one prompt, one a line.")
        return texts
