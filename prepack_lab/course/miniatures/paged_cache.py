"""A paged cache: memory cut into blocks of equal size, which may lie anywhere, and a table that finds them again.

A cache in one piece must be as long as its text may become, and stands half empty until then. Blocks are taken one at a
time, when the last one is full. Prompts a, b and c in blocks of four slots, with a growing for the second time:

    memory     | a a a a | b b b . | c c c c | a a a a | c . . . | a a . . |
    tables     a: 0 3 5    b: 1    c: 2 4

Only the last block of each prompt has free slots: fewer than a block.

Source: Kwon et al., vLLM, SOSP 2023, "PagedAttention".
"""

from __future__ import annotations

import torch


def blocks_needed(tokens: int, block_size: int) -> int:
    """The blocks that hold so many tokens; the last may have room left."""
    return -(-tokens // block_size)


class PagedCache:
    """The keys of one layer (values would lie beside them, in the same blocks).

    Args:
        blocks: N, all there are.
        block_size: slots in a block.
        heads, width: H and D, of the keys.
    """

    def __init__(self, blocks: int, block_size: int, heads: int = 1, width: int = 1) -> None:
        self.memory = torch.zeros(blocks, block_size, heads, width)
        self.tables: dict[int, list[int]] = {}
        """For each prompt its blocks, in the order of its tokens."""
        self.lengths: dict[int, int] = {}
        """For each prompt the tokens in its cache."""
        self._free = [*range(blocks)]

    @property
    def block_size(self) -> int:
        """Slots in a block."""
        return self.memory.shape[1]

    @property
    def slots_taken(self) -> int:
        """Slots in all blocks that belong to a prompt, empty ones too."""
        return self.block_size * sum(map(len, self.tables.values()))

    def append(self, prompt: int, keys: torch.Tensor) -> None:
        """Give a prompt the keys of more tokens, [H, n, D]; new blocks are taken as they are needed.

        Raises:
            RuntimeError: no block is free.
        """
        table, begin = self.tables.get(prompt, []), self.lengths.get(prompt, 0)
        end = begin + keys.shape[1]
        more = blocks_needed(end, self.block_size) - len(table)
        if more > len(self._free):
            raise RuntimeError(f"prompt {prompt} needs {more} more blocks, and {len(self._free)} are free")
        self.tables[prompt] = table = [*table, *(self._free.pop(0) for _ in range(more))]
        place = torch.arange(begin, end)  # [n]
        block = torch.tensor(table)[place // self.block_size]
        self.memory[block, place % self.block_size] = keys.transpose(0, 1)
        self.lengths[prompt] = end

    def keys(self, prompt: int) -> torch.Tensor:
        """The keys of a prompt as if they lay in one piece, [H, n, D]: one gather."""
        gathered = self.memory[self.tables[prompt]].flatten(0, 1)  # [slots, H, D]
        return gathered[: self.lengths[prompt]].transpose(0, 1)

    def release(self, prompt: int) -> None:
        """A prompt has been answered: its blocks are free for others."""
        self._free += self.tables.pop(prompt)
        del self.lengths[prompt]
