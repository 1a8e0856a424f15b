"""What the mask and the restart are for: packed passes without one or both, compared with each prompt alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.attention import packable, packed_attention
from prepack_lab.cache import unpack_cache
from prepack_lab.decoding import decode_alone, decode_together
from prepack_lab.exactness.differences import apart
from prepack_lab.forward import call, forward_alone
from prepack_lab.gate import admit
from prepack_lab.masks import Slots, additive, may_see
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import pack
from prepack_lab.positions import max_positions
from prepack_lab.prompts import InvalidPromptsError
from prepack_lab.twin import twin_of


@dataclass(frozen=True)
class Ablation:
    """How far a packed pass is from each prompt alone, as a share of how far the logits spread."""

    mask: bool
    restart: bool
    logits: tuple[float, ...]
    """[B] the largest difference in the next token's logits."""
    decoding: tuple[float, ...]
    """[B] the same after one more token, from the unpacked cache."""


def ablate(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], mask: bool = True, restart: bool = True
) -> Ablation:
    """Run the prompts packed, with or without the packed mask, and with or without restart positions.

    Args:
        model: with full attention in every layer, and rotary or learned positions.
        prompts: B lists of token ids.
        mask: without it, a token sees all earlier tokens of its row.
        restart: without it, positions run on through the row.

    Raises:
        InvalidPromptsError, UnsupportedModelError: as for `prefill`.
    """
    prompts = admit(model, prompts, "one_by_one").prompts
    lengths = [len(prompt) for prompt in prompts]
    packing, positions = pack(lengths, 2 * max(lengths)), max_positions(model)
    if not restart and positions is not None and packing.width > positions:
        raise InvalidPromptsError(
            f"without the restart a row of {packing.width:,} tokens needs as many positions, and the model has "
            f"{positions:,}; give shorter prompts"
        )
    batch = PackedBatch.from_prompts(prompts, packing, device=model.device)
    alone = [forward_alone(model, prompt) for prompt in prompts]
    logits, rows = run_rows(model, batch, mask, restart)
    expected = torch.cat([one.next_token_logits for one in alone])  # [B, V]
    tokens = expected.argmax(-1)  # [B]
    cache = unpack_cache(rows, batch, model.config)
    return Ablation(
        mask,
        restart,
        logits=apart(logits[batch.last_token[:, 0], batch.last_token[:, 1]], expected),
        decoding=apart(decode_together(model, cache, lengths)(tokens), decode_alone(model, alone)(tokens)),
    )


@torch.no_grad()
def attention_weights(model: PreTrainedModel, batch: PackedBatch, mask: bool = True) -> torch.Tensor:
    """How much attention each slot pays to every slot, in every layer and head, with or without the packed mask.

    Args:
        model: with full attention; it is run with its `eager` attention, since only that returns the weights.
        batch: packed rows.
        mask: without it, a token sees all earlier tokens of its row.

    Returns:
        [layers, R, H, W, W]: layer, row, head, query, key. The weights of a query add up to 1.
    """
    out = twin_of(model, "eager")(
        batch.input_ids,
        attention_mask=additive(may_see(batch.segment_ids, apart=mask), model.dtype),
        position_ids=batch.position_ids,
        output_attentions=True,
        use_cache=False,
    )
    return torch.stack(out.attentions)


@torch.no_grad()
def run_rows(
    model: PreTrainedModel, batch: PackedBatch, mask: bool, restart: bool
) -> tuple[torch.Tensor, DynamicCache]:
    """A packed forward pass with or without mask and restart: the logits at all slots, [R, W, V], and the cache."""
    slots = torch.arange(batch.shape[1], device=model.device).expand(batch.shape)  # [R, W]
    segments = batch.segment_ids if mask else batch.segment_ids.clamp(max=0)  # as in `may_see`
    cache = DynamicCache()
    with packed_attention(Slots(segments, slots)):
        out = call(packable(model), batch.input_ids, cache, position_ids=batch.position_ids if restart else slots)
    return out.logits, cache
