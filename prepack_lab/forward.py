"""One forward pass: a prompt alone, prompts padded to the longest, or prompts packed into rows.

Each returns the logits after every prompt's last token, and no others: logits at all slots can cost more than
packing saves. transformers picks those slots before the language-model head (`logits_to_keep`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any, cast

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.attention import packable, packed_attention
from prepack_lab.methods import Pass, plan_passes
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import Packing
from prepack_lab.positions import batch_positions, takes_positions


@dataclass(frozen=True)
class ForwardPass:
    """What a forward pass leaves behind."""

    planned: Pass
    """The plan that was carried out."""
    batch: PackedBatch
    """The R rows of W slots that were run."""
    next_token_logits: torch.Tensor
    """[b, V] the logits after each prompt's last token, in the order of `prompts`."""
    cache: DynamicCache
    """[R, H, W, D] per layer, laid out as the rows are. All layers are plain: a sliding window would crop a row."""

    @property
    def prompts(self) -> Sequence[int]:
        """Indices of the b prompts that were run, among all prompts."""
        return self.planned.prompts

    def only(self, places: Sequence[int]) -> ForwardPass:
        """The same for some of its prompts, chosen by their places in `prompts`."""
        chosen = torch.tensor(places, device=self.batch.last_token.device)
        first, last = self.batch.first_token[chosen], self.batch.last_token[chosen]
        batch = replace(self.batch, first_token=first, last_token=last)
        logits = self.next_token_logits[chosen.to(self.next_token_logits.device)]
        planned = replace(self.planned, prompts=[self.prompts[place] for place in places])
        return ForwardPass(planned, batch, logits, self.cache)


def run_method(model: PreTrainedModel, prompts: list[list[int]], method: str, **options: Any) -> list[ForwardPass]:
    """Run all passes of a method over prompts that `admit` has let through, as benchmarks time them."""
    return [run_pass(model, prompts, one) for one in plan_passes(method, [*map(len, prompts)], **options)]


def run_pass(model: PreTrainedModel, prompts: list[list[int]], planned: Pass) -> ForwardPass:
    """Lay out the prompts of a planned pass, and run them."""
    padded = planned.attention in ("alone", "padded")
    own = [prompts[index] for index in planned.prompts]
    batch = PackedBatch.lay_out(own, planned.rows, input_device(model), right_aligned=padded)
    logits, cache = (_run_padded if padded else _run_packed)(model, batch, planned)
    return ForwardPass(planned, batch, logits, cache)


def forward_alone(model: PreTrainedModel, prompt: Sequence[int]) -> ForwardPass:
    """Run one prompt by itself: the result that every method has to equal."""
    return run_pass(model, [[*prompt]], Pass([0], Packing.concatenated([len(prompt)]), "alone"))


def forward_padded(model: PreTrainedModel, prompts: Sequence[Sequence[int]]) -> ForwardPass:
    """Run the prompts as one batch, padded on the left to the longest: the usual way ("full batching")."""
    planned = Pass(range(len(prompts)), Packing.padded([len(prompt) for prompt in prompts]), "padded")
    return run_pass(model, [[*prompt] for prompt in prompts], planned)


def forward_packed(model: PreTrainedModel, batch: PackedBatch, segmented: bool = False) -> ForwardPass:
    """Run packed rows in one forward pass, with restart positions (the paper's section 3).

    Args:
        model: one that `check_model` supports; its configuration is not touched.
        batch: the rows.
        segmented: one attention per prompt, instead of one per row with a mask; the batch must be a single row.
    """
    planned = Pass(range(len(batch.packing.lengths)), batch.packing, "segmented" if segmented else "masked")
    return ForwardPass(planned, batch, *_run_packed(model, batch, planned))


def _run_packed(model: PreTrainedModel, batch: PackedBatch, planned: Pass) -> tuple[torch.Tensor, DynamicCache]:
    """The logits after the last tokens, [b, V], and the cache of the rows."""
    is_last = torch.zeros_like(batch.input_ids, dtype=torch.bool)  # [R, W]
    is_last[batch.last_token.unbind(1)] = True
    cache = DynamicCache()
    logits = run_rows(model, batch, is_last, cache, spans=batch.spans if planned.attention == "segmented" else None)
    return logits[batch.segment_ids[is_last].argsort()], cache


def run_rows(
    model: PreTrainedModel, batch: PackedBatch, keep: torch.Tensor, cache: DynamicCache, *seen: Any, **spans: Any
) -> torch.Tensor:
    """Run packed rows.

    Args:
        model, batch: the rows, and what runs them.
        keep: [R, W] whether the logits after a slot are wanted.
        cache: gains the keys and values of the rows.
        seen, spans: what the slots see (see `packed_attention`); left out, the rows themselves.

    Returns:
        [N, V] the logits wanted, row after row.
    """
    with packed_attention(batch.slots, *seen, **spans):
        positions = batch_positions(model, batch)
        return call(packable(model), batch.input_ids, cache, position_ids=positions, logits_to_keep=keep).logits


def _run_padded(model: PreTrainedModel, batch: PackedBatch, planned: Pass) -> tuple[torch.Tensor, DynamicCache]:
    """The same with a prompt per row, by the model's own attention; a prompt alone needs neither mask nor positions."""
    options, cache = padded_options(model, batch, planned.attention), DynamicCache()
    return call(model, batch.input_ids, cache, logits_to_keep=1, **options).logits[:, -1], cache


def padded_options(model: PreTrainedModel, batch: PackedBatch, attention: str) -> dict[str, torch.Tensor]:
    """The mask and the positions of padded rows; none for a prompt alone."""
    if attention == "alone":
        return {}
    positions = {"position_ids": batch_positions(model, batch)} if takes_positions(model) else {}
    return {"attention_mask": batch.attention_mask, **positions}


@torch.no_grad()
def call(model: PreTrainedModel, input_ids: torch.Tensor, cache: DynamicCache, **options: Any) -> Any:
    """Run the model once: its output, as transformers returns it. The cache grows in place; without one, transformers
    would take positions that restart for a packing of its own."""
    return model(input_ids, use_cache=True, **{cache_argument(model): cache}, **options)


def cache_argument(model: PreTrainedModel) -> str:
    """The name of the argument by which the model takes its cache: transformers 5.24 renamed it.

    Raises:
        TypeError: it takes no cache.
    """
    names = {"cache", "past_key_values"} & signature(model.forward).parameters.keys()
    if not names:
        raise TypeError(f"{type(model).__name__} keeps no cache of keys and values")
    return min(names)


def input_device(model: PreTrainedModel) -> torch.device:
    """The device on which the model wants its input; for offloaded weights, the one to which its hooks bring them."""
    if model.device.type != "meta":
        return model.device
    hooks = (getattr(module, "_hf_hook", None) for module in model.modules())
    devices = (getattr(hook, "execution_device", None) for hook in hooks)
    return torch.device(next((device for device in devices if device is not None), model.device))


def vocabulary_size(model: PreTrainedModel) -> int:
    """V, the token ids that the model has an embedding for."""
    return cast(int, model.get_input_embeddings().num_embeddings)


def left_padded_mask(lengths: Sequence[int], device: torch.device | str | None = None) -> torch.Tensor:
    """[B, L] the `attention_mask` of left-padded prompts: 0 on padding, 1 on tokens."""
    longest = max(lengths)
    padding = longest - torch.tensor(lengths, device=device)  # [B]
    return (torch.arange(longest, device=device) >= padding[:, None]).long()
