"""A paged cache: memory cut into blocks of equal size, which may lie anywhere, and a table that finds them again.

A cache in one piece must be as long as its text may become, and stands half empty until then. Blocks are taken one at a
time, when the last one is full. Prompts a, b and c in blocks of four slots, with a growing for the second time:

    memory     | a a a a | b b b . | c c c c | a a a a | c . . . | a a . . |
    tables     a: 0 3 5    b: 1    c: 2 4

Only the last block of each prompt has free slots: fewer than a block. A slot is a number, too: block · block size +
offset, so that the seventh token of a lies in slot 3 · 4 + 2 = 14.

Source: Kwon et al., vLLM, SOSP 2023, "PagedAttention".
"""

from __future__ import annotations

import torch


def blocks_needed(tokens: int, block_size: int) -> int:
    """The blocks that hold so many tokens; the last may have room left."""
    return -(-tokens // block_size)


class BlockTables:
    """Whose each block is.

    Args:
        blocks: N, all there are.
        block_size: slots in a block.
    """

    def __init__(self, blocks: int, block_size: int) -> None:
        self.blocks, self.block_size = blocks, block_size
        self.tables: dict[int, list[int]] = {}
        """For each prompt its blocks, in the order of its tokens."""
        self.lengths: dict[int, int] = {}
        """For each prompt the tokens in its cache."""
        self._free = [*range(blocks)]

    @property
    def slots_taken(self) -> int:
        """Slots in all blocks that belong to a prompt, empty ones too."""
        return self.block_size * sum(map(len, self.tables.values()))

    def grow(self, prompt: int, tokens: int) -> torch.Tensor:
        """Give a prompt room for more tokens, in new blocks where they are needed: [n] their slots.

        Raises:
            RuntimeError: no block is free.
        """
        table, begin = self.tables.get(prompt, []), self.lengths.get(prompt, 0)
        more = blocks_needed(begin + tokens, self.block_size) - len(table)
        if more > len(self._free):
            raise RuntimeError(f"prompt {prompt} needs {more} more blocks, and {len(self._free)} are free")
        self.tables[prompt] = [*table, *(self._free.pop(0) for _ in range(more))]
        self.lengths[prompt] = begin + tokens
        return self.slots(prompt)[begin:]

    def slots(self, prompt: int) -> torch.Tensor:
        """Where the tokens of a prompt lie: [n]."""
        place = torch.arange(self.lengths[prompt])
        block = torch.tensor(self.tables[prompt], dtype=torch.long)[place // self.block_size]
        return block * self.block_size + place % self.block_size

    def release(self, prompt: int) -> None:
        """A prompt has been answered: its blocks are free for others."""
        self._free += self.tables.pop(prompt)
        del self.lengths[prompt]


class PagedCache(BlockTables):
    """The keys of one layer (values would lie beside them, in the same blocks).

    Args:
        blocks, block_size: as for `BlockTables`.
        heads, width: H and D, of the keys.
    """

    def __init__(self, blocks: int, block_size: int, heads: int = 1, width: int = 1) -> None:
        super().__init__(blocks, block_size)
        self.memory = torch.zeros(blocks * block_size, heads, width)

    def append(self, prompt: int, keys: torch.Tensor) -> None:
        """Give a prompt the keys of more tokens, [H, n, D].

        Raises:
            RuntimeError: as for `grow`.
        """
        self.memory[self.grow(prompt, keys.shape[1])] = keys.transpose(0, 1)

    def keys(self, prompt: int) -> torch.Tensor:
        """The keys of a prompt as if they lay in one piece, [H, n, D]: one gather."""
        return self.memory[self.slots(prompt)].transpose(0, 1)
