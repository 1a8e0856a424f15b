"""Where transformers goes wrong without a word: restarts beside a cache, and a mask of one's own over a window."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import AutoModelForCausalLM, MistralConfig, PreTrainedConfig, PreTrainedModel
from transformers.utils import logging

from prepack_lab.course.reports.shares import share
from prepack_lab.exactness.differences import apart
from prepack_lab.exactness.support import ModelSupport, check_model
from prepack_lab.forward import forward_alone
from prepack_lab.masks import packed_mask
from prepack_lab.measuring.table import Table
from prepack_lab.methods import METHODS
from prepack_lab.models.zoo import small_model, support_table
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import Packing, pack
from prepack_lab.prefilling import prefill

ROUNDING = 1e-3
"""Up to this share of their spread, logits differ by rounding."""
WINDOWED = MistralConfig(
    vocab_size=256, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, sliding_window=8, bos_token_id=0, eos_token_id=0, pad_token_id=0,
)  # fmt: skip
"""A small model that sees the last eight tokens."""


@torch.no_grad()
def restart_trap_table(model: PreTrainedModel, prompts: Sequence[Sequence[int]]) -> Table:
    """Restarted position ids, handed to the model itself: with its usual cache, without one, and by the lab."""
    batch = PackedBatch.from_prompts(prompts, Packing.concatenated([*map(len, prompts)]), device=model.device)
    found = {
        "model(ids, position_ids=…)": model(batch.input_ids, position_ids=batch.position_ids).logits[0],
        "the same with use_cache=False": model(
            batch.input_ids, position_ids=batch.position_ids, use_cache=False
        ).logits[0],
    }
    logits = {way: all_logits[batch.last_token[:, 1]] for way, all_logits in found.items()}
    logits["lab.prefill(model, prompts)"] = prefill(model, prompts).next_token_logits
    return _verdicts(logits, _alone(model, prompts), "Three prompts in one row, with restarted positions")


@torch.no_grad()
def window_trap_table(prompt_lengths: Sequence[int] = (20, 12, 6)) -> Table:
    """A packed mask handed to a model with a sliding window, and the lab's way: prompts longer than the window."""
    model = _windowed()
    generator = torch.Generator().manual_seed(0)
    prompts = [torch.randint(256, (length,), generator=generator).tolist() for length in prompt_lengths]
    batch = PackedBatch.from_prompts(prompts, pack(prompt_lengths))
    row, slot = batch.last_token.unbind(1)
    mask = packed_mask(batch.segment_ids, model.dtype)
    by_mask = model(batch.input_ids, attention_mask=mask, position_ids=batch.position_ids, use_cache=False)
    logits = {
        "model(ids, attention_mask=packed_mask(…))": by_mask.logits[row, slot],
        "lab.prefill(model, prompts)": prefill(model, prompts).next_token_logits,
    }
    caption = f"Prompts of {', '.join(map(str, prompt_lengths))} tokens, a window of {model.config.sliding_window}"
    return _verdicts(logits, _alone(model, prompts), caption)


def _windowed() -> PreTrainedModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(WINDOWED).eval()


def families_table(configs: Sequence[type[PreTrainedConfig]]) -> Table:
    """What holds for small models of a few families, asked just now; `prepack-lab support` asks all of them."""
    found: list[tuple[str, ModelSupport | str]] = []
    loud = logging.get_verbosity()
    logging.set_verbosity_error()  # small models warn of kernels that are not installed
    for config in configs:
        model = small_model(config)
        found.append((type(model).__name__, check_model(model)))
    logging.set_verbosity(loud)
    return support_table(found, tuple(METHODS))


def _alone(model: PreTrainedModel, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
    return torch.cat([forward_alone(model, prompt).next_token_logits for prompt in prompts])


def _verdicts(logits: dict[str, torch.Tensor], expected: torch.Tensor, caption: str) -> Table:
    rows = []
    for way, found in logits.items():
        off = apart(found, expected)
        wrong = [str(prompt) for prompt, error in enumerate(off) if error > ROUNDING]
        who = f"prompt{'s' if len(wrong) > 1 else ''} {' and '.join(wrong)}"
        verdict = f"✗ silently wrong for {who}" if wrong else "✓ as each prompt alone"
        rows.append((way, share(max(off)), verdict))
    return Table(("what you write", "off by, at most", "verdict"), rows, f"{caption}; as a share of the logits' spread")
