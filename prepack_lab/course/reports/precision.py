"""How far each method is from each prompt alone, in one number format and in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from transformers import PreTrainedModel

from prepack_lab.course.reports.shares import share
from prepack_lab.exactness.differences import most_apart
from prepack_lab.measuring.table import Table
from prepack_lab.prefilling import prefill

METHODS = ("full_batching", "prepacked", "padding_free")


def precision_table(models: Mapping[str, PreTrainedModel], prompts: Sequence[Sequence[int]]) -> Table:
    """The largest difference from each prompt alone, and how many prompts keep their next token, by method.

    Args:
        models: the same model under the names of several number formats.
        prompts: B lists of token ids.
    """
    rows = []
    for name, model in models.items():
        alone = prefill(model, prompts, "one_by_one").next_token_logits
        for method in METHODS:
            found = prefill(model, prompts, method).next_token_logits
            same = int((found.argmax(-1) == alone.argmax(-1)).sum())
            rows.append((name, method, share(most_apart(found, alone)), f"{same} of {len(prompts)}"))
    caption = "Against each prompt alone in the same number format; differences as a share of the logits' spread"
    return Table(("numbers", "method", "off by, at most", "same next token"), rows, caption)
