"""One more token for every prompt: from one cache that holds them all, from a cache for each, or from packed rows.

Packed rows can simply grow, and no prompt gets a cache of its own: each step adds a slot for every prompt of a row.
Prompts a and b share a row, c has one to itself; after two steps the slots that hold keys and values are:

    a a a b b . │ a b │ a b         the packed rows, then a block for each step
    c c c c c c │ c . │ c .

A new token sees the slots of its own prompt, wherever in the row they are. After s steps these rows have 2 × (6 + 2s)
slots, and a left-padded cache for three prompts has 3 × (6 + s). So the rows take less memory for five steps, and more
after the sixth: rows with unequal numbers of prompts pad their new slots (the "." above). Longer prompts put that off.
A single row, as `padding_free` makes it, never pads.

Source: the paper's outlook on prepacking for generation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.attention import packable, packed_attention
from prepack_lab.cache import join_caches
from prepack_lab.forward import ForwardPass, call, input_device, left_padded_mask
from prepack_lab.masks import Slots
from prepack_lab.packing import Packing
from prepack_lab.positions import next_positions, takes_positions

Decode = Callable[[torch.Tensor], torch.Tensor]
"""One more token for every prompt: [B] ids → [B, V] the logits after them. The next call goes on from there."""


def decode_by(
    model: PreTrainedModel, passes: Sequence[ForwardPass], decoding: str
) -> tuple[Decode, list[DynamicCache]]:
    """Decode from what passes left behind; tokens and logits are by rising index of the prompts.

    Args:
        decoding: "unpacked", from a cache for each prompt, or "packed", from the rows as they are.

    Returns:
        The function that decodes, and the caches that grow as it does.
    """
    order = rising_order(passes)
    if decoding == "unpacked":
        lengths = torch.cat([done.batch.lengths for done in passes])[order].tolist()
        cache = join_caches(passes, model.config)
        return decode_together(model, cache, lengths), [cache]
    places = order.argsort().split([len(done.prompts) for done in passes])
    decoders = [PackedDecoder(model, done) for done in passes]

    def decode(tokens: torch.Tensor) -> torch.Tensor:
        return torch.cat([decoder.step(tokens[own]) for decoder, own in zip(decoders, places, strict=True)])[order]

    return decode, [decoder.cache for decoder in decoders]


def rising_order(passes: Sequence[ForwardPass]) -> torch.Tensor:
    """[B] the order that sorts the prompts of these passes: passes of the prompts (2, 0) and (1,) give 1 2 0."""
    return torch.tensor([prompt for done in passes for prompt in done.prompts]).argsort()


def decode_together(model: PreTrainedModel, cache: DynamicCache, lengths: Sequence[int]) -> Decode:
    """Decode from the left-padded cache of all prompts, as `model.generate` does.

    Args:
        model: the model that made the cache.
        cache: [B, H, L, D] per layer; it grows in place.
        lengths: tokens of each prompt; the most is L.
    """
    device = input_device(model)
    mask = left_padded_mask(lengths, device)  # [B, L], and one more column per step
    place = torch.tensor(lengths, device=device)[:, None]  # [B, 1]

    def decode(tokens: torch.Tensor) -> torch.Tensor:
        nonlocal mask, place
        mask = torch.nn.functional.pad(mask, (0, 1), value=1)
        positions = {"position_ids": next_positions(model, tokens[:, None], place)} if takes_positions(model) else {}
        place = place + 1
        return call(model, tokens[:, None], cache, attention_mask=mask, **positions).logits[:, -1]

    return decode


def decode_alone(model: PreTrainedModel, alone: Sequence[ForwardPass]) -> Decode:
    """Decode each prompt from the cache of its own forward pass."""
    places = [done.batch.packing.width for done in alone]

    def decode(tokens: torch.Tensor) -> torch.Tensor:
        logits = []
        for index, (done, token) in enumerate(zip(alone, tokens, strict=True)):
            token, place = token.view(1, 1), token.new_full((1, 1), places[index])
            positions = {"position_ids": next_positions(model, token, place)} if takes_positions(model) else {}
            logits.append(call(model, token, done.cache, **positions).logits[:, -1])
            places[index] += 1
        return torch.cat(logits)

    return decode


def decoding_slots(packing: Packing, steps: int) -> int:
    """The slots of all rows after so many steps: every row grows as the one with the most prompts does.

    With one prompt per row, these are the slots of unpacked caches.
    """
    return packing.num_bins * (packing.width + most_prompts(packing) * steps)


def most_prompts(packing: Packing) -> int:
    """K, the prompts in the row that holds the most: the slots that every row gains per step."""
    return max(map(len, packing.bins))


class PackedDecoder:
    """Decodes from the cache of a packed forward pass, which grows in place.

    Args:
        model: the model that made the cache.
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
