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
from transformers import PreTrainedModel

from prepack_lab.attention import packable, packed_attention
from prepack_lab.forward import ForwardPass, call
from prepack_lab.masks import Slots
from prepack_lab.packing import Packing
from prepack_lab.positions import next_positions


def decoding_slots(packing: Packing, steps: int) -> int:
    """The slots of all rows after so many steps: a row grows as much as the one with the most prompts needs.

    With one prompt per row these are the slots of unpacked caches.
    """
    return packing.num_bins * (packing.width + most_prompts(packing) * steps)


def most_prompts(packing: Packing) -> int:
    """K, the prompts in the row that holds the most: the slots by which every row grows in a step."""
    return max(map(len, packing.bins))


class PackedDecoder:
    """Decodes over the cache of a packed forward pass, which grows in place.

    Args:
        model: the one that made the cache.
        rows: the packed forward pass.
    """

    def __init__(self, model: PreTrainedModel, rows: ForwardPass) -> None:
        self.cache = rows.cache
        self._model = packable(model)
        self._keys = rows.batch.slots
        packing, last_token = rows.batch.packing, rows.batch.last_token
        self._owners = last_token.new_full((packing.num_bins, most_prompts(packing)), -1)  # [R, K]
        self._row, self._column = torch.empty_like(last_token).unbind(1)  # [B], [B]
        for row, prompts in enumerate(packing.bins):
            members, columns = torch.tensor(prompts), torch.arange(len(prompts))
            self._owners[row, : len(prompts)] = members.to(self._owners.device)
            self._row[members], self._column[members] = row, columns.to(self._column.device)
        self._next = rows.batch.lengths  # [B] the position of each prompt's next token

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
        with packed_attention(new, self._keys):
            given = next_positions(self._model, token_ids, positions)
            out = call(self._model, token_ids, self.cache, position_ids=given, logits_to_keep=is_token)
        self._next = self._next + 1
        return out.logits[self._owners[is_token].argsort()]
