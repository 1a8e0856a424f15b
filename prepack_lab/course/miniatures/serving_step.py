"""One step of a modern server: all tokens that it computes lie end to end in one row, and the cache lies in blocks.

Blocks of four slots. a writes its seventh token, b goes on reading after its fourth, and c begins:

    request         a       b             c
    input_ids       a6      b4  b5  b6    c0  c1
    positions       6       4   5   6     0   1
    query_starts    0       1             4       6
    seq_lens        7       7             2
    block_tables    3 0     1 5           2
    slots           2       20  21  22    8   9

The new keys and values are written to their slots, and then attention reads all slots of each request through its block
table. On a GPU one varlen kernel does so; here a gather and a mask do.

Names as in vLLM, where these are query_start_loc, seq_lens, block_table and slot_mapping. Source: its
`v1/worker/gpu_model_runner.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.course.miniatures.paged_cache import BlockTables
from prepack_lab.forward import call
from prepack_lab.masks import Slots, additive, visible


@dataclass(frozen=True)
class Step:
    """What one forward pass is given: R requests, T tokens."""

    requests: Sequence[int]
    """[R] in the order in which they lie in the row."""
    input_ids: list[int]
    """[T] end to end."""
    positions: list[int]
    """[T] each in the text of its own request."""
    query_starts: list[int]
    """[R + 1] where the tokens of each request begin, and the end: `cu_seqlens` of the queries."""
    seq_lens: list[int]
    """[R] tokens in the cache after this step."""
    block_tables: list[list[int]]
    """[R] the blocks of each, in the order of its tokens."""
    slots: list[int]
    """[T] where the keys and values of each token are written."""


class StepServer:
    """Computes steps over blocks, with a model of transformers.

    Args:
        model: a causal one whose attention takes a 4-D mask.
        texts: the token ids of each request, read and written; a step computes the next few of them.
        blocks, block_size: as for `BlockTables`.
    """

    def __init__(self, model: PreTrainedModel, texts: Sequence[Sequence[int]], blocks: int, block_size: int) -> None:
        self.model, self.texts, self.blocks = model, texts, BlockTables(blocks, block_size)
        self._memory: dict[int, list[torch.Tensor]] = {}

    def step(self, scheduled: Mapping[int, int]) -> tuple[Step, torch.Tensor]:
        """Compute the next tokens of some requests.

        Args:
            scheduled: for each request in the step, by its index, how many tokens it computes.

        Returns:
            The step, and [R, V] the logits after the last token of each request.

        Raises:
            RuntimeError: as for `BlockTables.grow`.
        """
        step = self._lay_out(scheduled)
        cache = _PagedStep(self._memory, self.blocks, step)
        queries = Slots(_owners(scheduled.values()), torch.tensor([step.positions]))
        keys = Slots(_owners(step.seq_lens), torch.tensor([[place for many in step.seq_lens for place in range(many)]]))
        logits = call(
            self.model,
            torch.tensor([step.input_ids]),
            cache,
            attention_mask=additive(visible(queries, keys), self.model.dtype),  # [1, 1, T, slots that are read]
            position_ids=queries.position_ids,
            logits_to_keep=torch.tensor(step.query_starts[1:]) - 1,
        ).logits
        return step, logits[0]

    def _lay_out(self, scheduled: Mapping[int, int]) -> Step:
        done = {request: self.blocks.lengths.get(request, 0) for request in scheduled}
        slots = [slot for request, many in scheduled.items() for slot in self.blocks.grow(request, many).tolist()]
        return Step(
            [*scheduled],
            [token for one, many in scheduled.items() for token in self.texts[one][done[one] : done[one] + many]],
            [place for one, many in scheduled.items() for place in range(done[one], done[one] + many)],
            [0, *accumulate(scheduled.values())],
            [self.blocks.lengths[request] for request in scheduled],
            [self.blocks.tables[request] for request in scheduled],
            slots,
        )


class _PagedStep(DynamicCache):
    """What transformers takes for the cache of one step: new keys go into slots, and those of all requests come out."""

    def __init__(self, memory: dict[int, list[torch.Tensor]], blocks: BlockTables, step: Step) -> None:
        super().__init__()
        self._memory, self._all_slots = memory, blocks.blocks * blocks.block_size
        self._write = torch.tensor(step.slots)
        self._read = torch.cat([blocks.slots(request) for request in step.requests])

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """[1, H, T, D] the keys and values of the step → [1, H, slots that are read, D]."""
        new = [states[0].transpose(0, 1) for states in (key_states, value_states)]  # [T, H, D]
        if layer_idx not in self._memory:
            self._memory[layer_idx] = [states.new_zeros(self._all_slots, *states.shape[1:]) for states in new]
        for memory, states in zip(self._memory[layer_idx], new, strict=True):
            memory[self._write] = states
        keys, values = (memory[self._read].transpose(0, 1)[None] for memory in self._memory[layer_idx])
        return keys, values


def _owners(many: Iterable[int]) -> torch.Tensor:
    """[1, n] the place in the step of the request that each token belongs to."""
    return torch.tensor([[place for place, tokens in enumerate(many) for _ in range(tokens)]])
