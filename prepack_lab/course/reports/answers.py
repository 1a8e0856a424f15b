"""The same answers by every method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from transformers import PreTrainedTokenizerBase

from prepack_lab.measuring.table import Table


def continuations_table(
    prompts: Sequence[Sequence[int]],
    tokens: Mapping[str, Sequence[Sequence[int]]],
    tokenizer: PreTrainedTokenizerBase,
) -> Table:
    """What the last method named in `tokens` says after each prompt, and whether the first one says the same."""
    (reference, expected), *_, (method, found) = tokens.items()
    rows = [
        (index, f"…{tokenizer.decode([*prompt])[-30:]}", tokenizer.decode([*ids]), "yes" if ids == single else "no")
        for index, (prompt, single, ids) in enumerate(zip(prompts, expected, found, strict=True))
    ]
    same = sum(ids == single for ids, single in zip(found, expected, strict=True))
    caption = f"{same} of {len(rows)} continuations are the same as {reference}, token for token"
    return Table(("prompt", "ends with", f"the model goes on ({method})", "same"), rows, caption)
