"""Prepacking and what came after, side by side."""

from __future__ import annotations

from prepack_lab.measuring.table import Table

IDEAS = (
    ("prepacking",
     "the padding of a batch",
     "many unequal prompts at once",
     "a model that takes a mask and positions",
     "–"),
    ("varlen attention",
     "padding, and hidden pairs",
     "always, most with long prompts",
     "a kernel for the hardware and the model",
     "the same tokens, where there is no kernel"),
    ("FlexAttention",
     "blocks that are hidden throughout",
     "rows of long prompts",
     "a compiler, and a model that calls it",
     "its rows: the rule is the packed mask"),
    ("continuous batching",
     "seats that stay empty",
     "answers of unequal length",
     "a server that schedules every step",
     "all, where nothing is generated"),
    ("chunked prefill",
     "the pauses of those who write",
     "long prompts beside answers under way",
     "the same, and a budget",
     "throughput, where nobody waits for tokens"),
    ("paged cache",
     "cache slots that stay empty",
     "long answers, many at once",
     "attention that reads blocks",
     "a prefill without padded caches"),
    ("prefix sharing",
     "reading a beginning twice",
     "prompts that begin alike",
     "a cache that outlives its prompt",
     "what is not shared is as unequal as before"),
    ("splitting",
     "the disturbance of writing by reading",
     "strict limits on pauses, two machines or more",
     "a fast line, and machines in the right proportion",
     "the machine that reads still fills rows"),
)  # fmt: skip
"""Idea, what it saves, when that is much, what it needs, and what prepacking still buys beside it."""


def ideas_table() -> Table:
    """What each idea saves, when, what it needs, and what is left for prepacking."""
    headings = ("idea", "saves", "most where there are", "needs", "prepacking still buys")
    return Table(headings, IDEAS, "Prepacking and what came after")
