"""Room for a batch's caches by several layouts, once everything has been written."""

from __future__ import annotations

from collections.abc import Sequence

from prepack_lab.course.miniatures.paged_cache import blocks_needed
from prepack_lab.course.miniatures.requests import Request
from prepack_lab.decoding import decoding_slots
from prepack_lab.measuring.table import Table
from prepack_lab.packing import pack


def cache_slots_table(requests: Sequence[Request], longest_text: int, block_size: int = 16) -> Table:
    """The slots that each layout holds for these requests, and how many of them stay empty.

    Args:
        requests: all decoded together.
        longest_text: tokens that the model can take, for a cache that is reserved beforehand.
        block_size: slots in a block of the paged cache.
    """
    texts = [one.prompt + one.output for one in requests]
    slots = {
        "reserved: the longest text the model takes, for each": len(texts) * longest_text,
        "padded: a cache for each, as long as the longest": len(texts) * max(texts),
        "packed rows that go on as rows": decoding_slots(
            pack([one.prompt for one in requests]), max(one.output for one in requests)
        ),
        f"paged: blocks of {block_size} slots": block_size * sum(blocks_needed(text, block_size) for text in texts),
    }
    rows = [(layout, f"{many:,}", f"{1 - sum(texts) / many:.1%}") for layout, many in slots.items()]
    caption = f"{len(texts)} requests with {sum(texts):,} tokens, read and written"
    return Table(("layout", "slots", "of them empty"), rows, caption)
