"""Packed decoding: the rows go on as rows, and no prompt gets a cache of its own.

Each step adds one slot to a row for every prompt in it. Three prompts a and b, and c, after two steps, with k for the
slots that hold keys and values:

    a a a b b . │ a b │ a b         the packed rows, then a block for each step
    c c c c c c │ c . │ c .

A new token sees the slots of its own prompt, wherever in the row they lie. R rows of W slots, and K more a step, take
less memory than B caches as long as the longest prompt, and one more a step: as long as the prompts weigh more than
what is generated. Rows that hold unequal numbers of prompts pad their new slots (the "." above), so after many steps
packed rows can take more. A single row, as `padding_free` makes it, never pads.

Source: the paper's outlook on prepacking for generation.
"""

from __future__ import annotations

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.attention import Slots, packed_attention
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import Packing


def decoding_slots(packing: Packing, steps: int) -> int:
    """The slots of all rows after so many steps: a row grows as much as the one with the most prompts needs.

    With one prompt a row these are the slots of unpacked caches.
    """
    return packing.num_bins * (packing.width + max(map(len, packing.bins)) * steps)


class PackedDecoder:
    """Decodes over the cache of a packed forward pass, which grows in place.

    Args:
        model: the one that made the cache.
        cache: of the packed forward pass, [R, H, W, D] a layer.
        batch: the rows that were run.
    """

    def __init__(self, model: PreTrainedModel, cache: DynamicCache, batch: PackedBatch) -> None:
        self.cache = cache
        self._model = model
        self._keys = Slots(batch.segment_ids, batch.position_ids)
        bins = batch.packing.bins
        self._owners = batch.segment_ids.new_full((len(bins), max(map(len, bins))), -1)  # [R, K]
        self._row, self._column = torch.empty_like(batch.last_token).unbind(1)  # [B], [B]
        for row, prompts in enumerate(bins):
            members, columns = torch.tensor(prompts), torch.arange(len(prompts))
            self._owners[row, : len(prompts)] = members.to(self._owners.device)
            self._row[members], self._column[members] = row, columns.to(self._column.device)
        self._next = batch.lengths  # [B] the position of each prompt's next token

    @torch.no_grad()
    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Give every prompt one more token: [B] ids → [B, V] the logits after them."""
        token_ids, positions = torch.zeros_like(self._owners), torch.zeros_like(self._owners)  # [R, K], 0 on padding
        token_ids[self._row, self._column] = tokens
        positions[self._row, self._column] = self._next
        new = Slots(self._owners, positions)
        self._keys = Slots(
            torch.cat([self._keys.segment_ids, new.segment_ids], dim=1),
            torch.cat([self._keys.position_ids, new.position_ids], dim=1),
        )
        is_token = self._owners >= 0
        with packed_attention(self._model, new, self._keys):
            out = self._model(
                token_ids,
                position_ids=positions,
                past_key_values=self.cache,
                use_cache=True,
                logits_to_keep=is_token,
            )
        self._next = self._next + 1
        return out.logits[self._owners[is_token].argsort()]
