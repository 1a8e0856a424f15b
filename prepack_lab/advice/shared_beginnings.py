"""How many tokens of prompts an earlier prompt began with as well: what a prefix cache would not read again.

Counted in whole blocks, as servers keep them (16 tokens in vLLM). A block is known by all that stands before it, too.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

BLOCK = 16
MOST = 1_000_000
"""Blocks that are remembered, some 100 MB; from there on what is shared is counted too low, never too high."""
TRACE_BLOCK = 512
"""Tokens behind each of the `hash_ids` of a published trace (Mooncake)."""


class SharedBeginnings:
    """Counts the tokens that are shared, prompt by prompt."""

    def __init__(self) -> None:
        self.tokens = 0
        """Tokens, of all prompts so far, in blocks that an earlier prompt began with as well."""
        self._known: set[int] = set()

    def add(self, ids: Sequence[int]) -> None:
        """Take note of a prompt, as token ids."""
        whole = len(ids) // BLOCK * BLOCK
        self._add([tuple(ids[start : start + BLOCK]) for start in range(0, whole, BLOCK)], BLOCK, whole)

    def add_blocks(self, blocks: Sequence[Hashable], tokens: int) -> None:
        """Take note of a prompt of a trace that names its blocks, the last of which may not be full."""
        self._add(blocks, TRACE_BLOCK, tokens)

    def _add(self, blocks: Sequence[Hashable], size: int, tokens: int) -> None:
        before, shared = 0, True
        for number, block in enumerate(blocks):
            before = hash((before, block))
            shared = shared and before in self._known
            if shared:
                self.tokens += min(size, tokens - number * size)
            elif len(self._known) >= MOST:
                return
            else:
                self._known.add(before)
