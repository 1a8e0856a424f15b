"""Prompts + packing → the tensors of one packed forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from prepack_lab.masks import Slots
from prepack_lab.packing import Packing
from prepack_lab.prompts import InvalidPromptsError, check_prompts


@dataclass(frozen=True)
class PackedBatch:
    """Rows of prompts laid end to end: R rows of W slots for B prompts.

    Prompts of 2, 4 and 3 tokens in the bins (1,) and (2, 0) become two rows of five slots:

        segment_ids    1 1 1 1 -1     position_ids   0 1 2 3 0     cu_seqlens   0 4
                       2 2 2 0  0                    0 1 2 0 1                  0 3 5
    """

    packing: Packing
    input_ids: torch.Tensor
    """[R, W] token ids; padding holds the pad id."""
    position_ids: torch.Tensor
    """[R, W] the token's place in its own prompt: it restarts at 0 for each."""
    segment_ids: torch.Tensor
    """[R, W] the prompt's index; -1 on padding."""
    first_token: torch.Tensor
    """[B, 2] row and slot of each prompt's first token."""
    last_token: torch.Tensor
    """[B, 2] row and slot of each prompt's last token."""
    parents: torch.Tensor | None = None
    """[S] the segment that each one goes on from (see `branches.py`); None where none does."""

    @classmethod
    def from_prompts(
        cls,
        prompts: Sequence[Sequence[int]],
        packing: Packing,
        pad_id: int = 0,
        device: torch.device | str | None = None,
    ) -> PackedBatch:
        """Lay the prompts out as the packing says. W is the tokens of the fullest bin, not the capacity.

        Raises:
            InvalidPromptsError: the packing was made for other lengths, or a prompt is not a list of ids.
        """
        prompts = check_prompts(prompts)
        lengths = tuple(len(prompt) for prompt in prompts)
        if lengths != packing.lengths:
            raise InvalidPromptsError(
                f"the packing was made for lengths {_shorten(packing.lengths)}; these prompts have "
                f"{_shorten(lengths)}. Pack these prompts' lengths"
            )
        return cls.lay_out(prompts, packing, device, pad_id)

    @classmethod
    def lay_out(
        cls,
        prompts: Sequence[Sequence[int]],
        packing: Packing,
        device: torch.device | str | None = None,
        pad_id: int = 0,
        right_aligned: bool = False,
    ) -> PackedBatch:
        """The same for prompts already checked. `right_aligned` puts padding before the tokens instead of after."""
        places = _Places.of(packing, right_aligned)
        shape = packing.num_bins, packing.width
        ids = np.concatenate([prompts[prompt] for members in packing.bins for prompt in members])

        def grid(values: np.ndarray, padding: int) -> torch.Tensor:
            rows = np.full(shape, padding, dtype=np.int64)
            rows[places.token_row, places.token_slot] = values
            return torch.from_numpy(rows).to(device)

        last_slot = places.slot + np.array(packing.lengths) - 1
        return cls(
            packing,
            input_ids=grid(ids, pad_id),
            position_ids=grid(places.token_position, 0),
            segment_ids=grid(places.token_prompt, -1),
            first_token=torch.from_numpy(np.stack([places.row, places.slot], axis=1)).to(device),
            last_token=torch.from_numpy(np.stack([places.row, last_slot], axis=1)).to(device),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """R and W."""
        return self.packing.num_bins, self.packing.width

    @property
    def attention_mask(self) -> torch.Tensor:
        """[R, W] 0 on padding, 1 on tokens."""
        return (self.segment_ids >= 0).long()

    @property
    def slots(self) -> Slots:
        """The rows as masks see them."""
        return Slots(self.segment_ids, self.position_ids, self.parents)

    @property
    def lengths(self) -> torch.Tensor:
        """[B] tokens of each prompt."""
        return self.last_token[:, 1] - self.first_token[:, 1] + 1

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The slots of each prompt of a single row, from left to right: the first, and the one after the last."""
        if len(self.cu_seqlens) > 1:
            raise ValueError(f"there are {len(self.cu_seqlens)} rows; lay the prompts out in one: Packing.concatenated")
        return [*pairwise(self.cu_seqlens[0])]

    @property
    def cu_seqlens(self) -> list[list[int]]:
        """For each row its cumulative segment boundaries, from 0 to the number of its tokens."""
        lengths = self.packing.lengths
        return [np.cumsum([0, *(lengths[prompt] for prompt in members)]).tolist() for members in self.packing.bins]


@dataclass(frozen=True)
class _Places:
    """Where each prompt begins ([B], in the order of the prompts) and where each token lies ([tokens], bin by bin)."""

    row: np.ndarray
    slot: np.ndarray
    token_prompt: np.ndarray
    token_row: np.ndarray
    token_slot: np.ndarray
    token_position: np.ndarray

    @classmethod
    def of(cls, packing: Packing, right_aligned: bool) -> _Places:
        lengths, filled = np.array(packing.lengths), np.array(packing.bin_lengths)
        order = np.concatenate([np.array(members) for members in packing.bins])  # prompts, bin by bin
        row_of = np.repeat(np.arange(packing.num_bins), [len(members) for members in packing.bins])
        end = np.cumsum(lengths[order])
        start = end - lengths[order]
        row_start = np.cumsum(filled) - filled - (packing.width - filled if right_aligned else 0)

        row, slot = np.empty_like(order), np.empty_like(order)
        row[order], slot[order] = row_of, start - row_start[row_of]

        token_prompt = np.repeat(order, lengths[order])
        token_position = np.arange(end[-1]) - np.repeat(start, lengths[order])
        return cls(row, slot, token_prompt, row[token_prompt], slot[token_prompt] + token_position, token_position)


def _shorten(lengths: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, lengths[:8]))
    return f"[{shown}{', …' if len(lengths) > 8 else ''}]"
