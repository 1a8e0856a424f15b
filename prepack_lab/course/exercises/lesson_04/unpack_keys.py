"""Exercise 04-unpack: packed keys → the keys of each prompt, with one gather."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import torch

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import tensor
from prepack_lab.course.exercises.lesson_04.last_token_logits import packed_batches


def unpack_keys(keys, first_token, lengths):
    longest = int(lengths.max())
    place = torch.arange(longest) - (longest - lengths)[:, None]  # [B, L], below 0 on padding
    row = first_token[:, :1].expand_as(place)
    slot = (first_token[:, 1:] + place).clamp(min=0)
    gathered = keys[row, :, slot].transpose(1, 2)  # [B, L, H, D] → [B, H, L, D]
    return gathered * (place >= 0)[:, None, :, None]


def _gathered(keys, first_token, lengths):
    longest = int(lengths.max())
    place = torch.arange(longest) - (longest - lengths)[:, None]
    slot = (first_token[:, 1:] + place).clamp(min=0)
    return keys[first_token[:, :1].expand_as(place), :, slot], place


def _neighbours(keys, first_token, lengths):
    return _gathered(keys, first_token, lengths)[0].transpose(1, 2)


def _right_padded(keys, first_token, lengths):
    left = unpack_keys(keys, first_token, lengths)
    rows = zip(left, (int(lengths.max()) - lengths).tolist(), strict=True)
    return torch.stack([row.roll(-padding, dims=1) for row, padding in rows])


def _first_row_only(keys, first_token, lengths):
    return unpack_keys(keys, torch.stack([torch.zeros_like(lengths), first_token[:, 1]], 1), lengths)


def _reshaped(keys, first_token, lengths):
    gathered, place = _gathered(keys, first_token, lengths)
    B, L, H, D = gathered.shape
    return gathered.reshape(B, H, L, D) * (place >= 0)[:, None, :, None]


def _one_late(keys, first_token, lengths):
    W = keys.shape[2]
    late = torch.stack([first_token[:, 0], (first_token[:, 1] + 1).clamp(max=W - 1)], 1)
    fits = (late[:, 1] + lengths) <= W
    late[:, 1] = torch.where(fits, late[:, 1], first_token[:, 1])
    return unpack_keys(keys, late, lengths)


def _cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    for batch in packed_batches(draw):
        (R, W), H, D = batch.shape, 2, 2
        keys = 1 + torch.arange(float(R * H * W * D)).view(R, H, W, D)
        yield keys, batch.first_token, batch.lengths


UNPACK_KEYS = Exercise(
    key="04-unpack",
    title="Unpack the cache with one gather",
    minutes=15,
    level="challenge",
    task="A layer of a packed pass left `keys` of shape [R, H, W, D]. `first_token`, of shape [B, 2], names the row "
    "and the slot of each prompt's first token, and `lengths`, of shape [B], its tokens. Return each prompt's own "
    "keys, of shape [B, H, L, D], aligned at the right, and 0 on padding.",
    reference=unpack_keys,
    cases=_cases,
    judge=tensor,
    hints=(
        "Take the places of the exercise before: [B, L], below 0 on padding.",
        "The slot of a token is its prompt's first slot plus its place. Clamp it at 0 where it is padding.",
        "`keys[row, :, slot]` with row and slot of shape [B, L] gives [B, L, H, D]; transpose it.",
        "Multiply by `(place >= 0)[:, None, :, None]`, so that padding becomes 0.",
    ),
    wrong={
        "neighbours on padding": WrongAnswer(
            _neighbours, "Your padding holds keys of other prompts. Set it to 0, or a later mistake will read them."
        ),
        "right-padded": WrongAnswer(
            _right_padded, "Your prompts are aligned at the left. Decoding goes on at the right end."
        ),
        "row 0 only": WrongAnswer(_first_row_only, "You look into row 0 only. Each prompt has a row of its own."),
        "reshaped": WrongAnswer(_reshaped, "A reshape mixes heads and slots. Use transpose to exchange dimensions."),
        "one slot late": WrongAnswer(_one_late, "You begin one slot late, and read the next prompt at the end."),
    },
)
