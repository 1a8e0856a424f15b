"""Models of many kinds: exact where they are accepted, refused with a reason where they are not."""

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    BartConfig,
    BloomConfig,
    FalconConfig,
    Gemma2Config,
    GPTNeoXConfig,
    MambaConfig,
    MistralConfig,
    MptConfig,
    OPTConfig,
    Phi3Config,
    Qwen2Config,
    RobertaConfig,
)

import prepack_lab as lab
from tests.conftest import random_prompts

COMMON = {"vocab_size": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
SIZE = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, **COMMON}
GROUPED = {**SIZE, "num_key_value_heads": 1}
LENGTHS = [3, 14, 1, 6, 9]

ACCEPTED = {
    "qwen2": Qwen2Config(**GROUPED),
    "gpt-neox": GPTNeoXConfig(**SIZE),
    "gemma2, short prompts": Gemma2Config(**GROUPED, head_dim=16, sliding_window=14),
    "mistral, short prompts": MistralConfig(**GROUPED, sliding_window=14),
    "phi3": Phi3Config(**GROUPED),
    "opt": OPTConfig(
        hidden_size=32, ffn_dim=48, num_hidden_layers=2, num_attention_heads=2, word_embed_proj_dim=32, **COMMON
    ),
}  # fmt: skip
REFUSED = {
    "bloom": (BloomConfig(hidden_size=32, n_layer=2, n_head=2, **COMMON), "positions by itself"),
    "mpt": (MptConfig(d_model=32, n_heads=2, n_layers=2, vocab_size=64), "positions by itself"),
    "falcon with ALiBi": (FalconConfig(**SIZE, alibi=True), "other logits than alone|failed"),
    "roberta": (RobertaConfig(**SIZE, is_decoder=True), "other logits than alone|failed"),
    "mamba": (MambaConfig(hidden_size=32, num_hidden_layers=2, **COMMON), "state|positions by itself|failed"),
    "bart's decoder": (
        BartConfig(d_model=32, decoder_layers=2, decoder_attention_heads=2, decoder_ffn_dim=48, is_decoder=True,
                   is_encoder_decoder=False, **COMMON),
        "positions by itself",
    ),
}  # fmt: skip


def build(config, **options):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, **options).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # larger than at birth, so that a leak is not lost in the rounding
            parameter.normal_(0, 0.2)
    return model


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_accepted_model_is_exact(name):
    model = build(ACCEPTED[name])
    prompts = random_prompts(LENGTHS, 64)
    assert lab.check_model(model).supported, lab.check_model(model).reason
    found, alone = (lab.prefill(model, prompts, method).next_token_logits for method in ("prepacked", "one_by_one"))
    torch.testing.assert_close(found, alone, atol=1e-4 * alone.std().item(), rtol=0)
    assert lab.generate(model, prompts, max_new_tokens=5) == lab.generate(
        model, prompts, "one_by_one", max_new_tokens=5
    )


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_model_is_named_with_its_reason(name):
    config, reason = REFUSED[name]
    model = build(config)
    support = lab.check_model(model)
    assert not support.supported
    for run in (lab.prefill, lab.generate):
        with pytest.raises(lab.UnsupportedModelError, match=f"{type(model).__name__}.*({reason}).*full_batching"):
            run(model, random_prompts(LENGTHS, 64))


@pytest.mark.parametrize("name", ["gemma2, short prompts", "mistral, short prompts"])
def test_a_prompt_longer_than_the_window_is_refused(name):
    model = build(ACCEPTED[name])
    with pytest.raises(lab.UnsupportedModelError, match=r"last 14 tokens .its window.*longest prompt has 15"):
        lab.prefill(model, random_prompts([15, 2], 64))


def test_an_attention_that_takes_no_mask_is_refused():
    model = build(Qwen2Config(**GROUPED), attn_implementation="flex_attention")
    assert "flex_attention" in lab.check_model(model).reason


def test_the_model_is_asked_once(monkeypatch):
    from prepack_lab import support

    model = build(Qwen2Config(**GROUPED))
    first = lab.check_model(model)
    monkeypatch.setattr(support, "forward_packed", None)
    assert lab.check_model(model) is first


def test_an_unsupported_model_is_a_value_error():
    assert issubclass(lab.UnsupportedModelError, ValueError)
