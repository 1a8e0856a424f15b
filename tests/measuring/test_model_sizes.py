"""What the cost of a model depends on: held against what a real pass does and keeps, over many kinds of models."""

import pytest
import torch
import transformers
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import CpmAntConfig, DbrxConfig, FalconConfig, Gemma3Config, LongcatFlashConfig, MambaConfig

import prepack_lab as lab
from prepack_lab.bench.matrix_products import has_experts
from prepack_lab.cache import cache_bytes
from prepack_lab.forward import forward_alone
from prepack_lab.measuring.model_sizes import ModelSizes
from prepack_lab.models.embedded_model import ModelUnavailableError
from prepack_lab.models.loading import load_config, load_sizes
from prepack_lab.models.zoo import every_class, small_model

PROMPT = [1] * 21
KINDS = {
    "LlamaForCausalLM": "heads that share keys",
    "GPT2LMHeadModel": "weights kept the other way round",
    "FalconForCausalLM": "all heads share the keys of a single one",
    "GPTBigCodeForCausalLM": "the same, by another name",
    "MiniCPM3ForCausalLM": "latent attention",
    "YoutuForCausalLM": "latent attention",
    "Gemma3nForCausalLM": "layers that use the keys of others",
    "Gemma4UnifiedForCausalLM": "layers of different sizes",
    "HrmTextForCausalLM": "layers that run several times",
    "BertLMHeadModel": "a head of two products",
    "WhisperForCausalLM": "a head that runs at every token",
    "BloomForCausalLM": "positions that are worked out from the mask",
    "MixtralForCausalLM": "experts",
    "Qwen2MoeForCausalLM": "experts, and one that all tokens meet",
    "DeepseekV3ForCausalLM": "experts in some layers, and latent attention",
    "GptOssForCausalLM": "experts with biases",
    "DbrxForCausalLM": "experts that transformers knows one way to run",
    "JetMoeForCausalLM": "experts of attention, too",
    "XmodForCausalLM": "what it does depends on the language",
    "Emu3ForCausalLM": "the text part of a model that draws",
    "MllamaForCausalLM": "the text part of a model that sees",
}


def assert_counted(model):
    """The estimate for a prompt alone is what its pass does and keeps."""
    if has_experts(model.config):
        model.set_experts_implementation("eager")  # the counter does not see grouped products
    model.requires_grad_(False)  # else torch's counter asks for gradients
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        out = forward_alone(model, PROMPT)
    cost = lab.estimate_cost(model.config, [len(PROMPT)], "one_by_one", model.dtype)
    assert cost.cache_bytes == cache_bytes(out.cache)
    hidden_pairs = len(PROMPT) * (len(PROMPT) - 1) / 2 / (len(PROMPT) * (len(PROMPT) + 1) / 2)
    every_pair = cost.attention_flops * (1 + hidden_pairs)  # the counter sees those that causal attention leaves out
    assert cost.linear_flops + every_pair + cost.head_flops == pytest.approx(counter.get_total_flops(), rel=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("name", KINDS)
def test_an_estimate_is_what_a_pass_does_and_keeps(name):
    assert_counted(small_model(getattr(transformers, name).config_class))


@pytest.mark.slow
def test_every_class_is_estimated_as_it_runs_or_refused():
    estimated = 0
    for config_class in every_class().values():
        try:
            model = small_model(config_class)
            forward_alone(model, PROMPT)
        except Exception:  # what does not run here has no cost
            continue
        try:
            lab.estimate_cost(model.config, [1], "one_by_one")
        except ValueError:
            continue
        assert_counted(model)
        estimated += 1
    assert estimated >= 103


def test_falcon_as_it_was_published_caches_the_keys_of_a_single_head():
    config = FalconConfig(vocab_size=100, num_hidden_layers=1, hidden_size=4544, num_attention_heads=71)
    cost = lab.estimate_cost(config, [100], "one_by_one", torch.float32)
    assert cost.cache_bytes == 100 * 2 * 64 * 4, "keys and values of one head of 64"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            LongcatFlashConfig(
                num_layers=1,
                vocab_size=9,
                hidden_size=64,
                ffn_hidden_size=32,
                expert_ffn_hidden_size=8,
                n_routed_experts=8,
                zero_expert_num=8,
                moe_topk=4,
                num_attention_heads=2,
                q_lora_rank=8,
                kv_lora_rank=8,
            ),
            "the cost of LongcatFlashConfig can't be counted: how much it computes depends on what it reads; time",
        ),
        (MambaConfig(num_hidden_layers=1, vocab_size=9), "the cost of MambaConfig can't be counted: it fails on a few"),
        (CpmAntConfig(num_hidden_layers=1, vocab_size=9), "holds something else than the keys"),
    ],
    ids=["experts that compute nothing", "no cache", "slots of its own"],
)
def test_what_can_not_be_counted_is_refused_in_words(config, words, capfd):
    with pytest.raises(ValueError, match=words):
        lab.estimate_cost(config, [3])
    assert capfd.readouterr().err == ""


def test_a_configuration_without_a_language_model_is_refused():
    with pytest.raises(ValueError, match="transformers has no causal language model of ViTConfig"):
        ModelSizes.of(transformers.ViTConfig())


@pytest.mark.long
def test_a_model_that_does_not_fit_this_machine_is_counted():
    assert ModelSizes.of(load_config("llama-2-13b")).parameters == 13_015_864_320


@pytest.mark.long
def test_experts_that_do_not_fit_this_machine_are_counted():
    """DBRX as it was published: 132 billion parameters, 36 billion of them at work on a token."""
    attention, experts = (
        {"kv_n_heads": 8, "rope_theta": 5e5, "clip_qkv": 8},
        {"ffn_hidden_size": 10752, "moe_num_experts": 16, "moe_top_k": 4},
    )
    config = DbrxConfig(
        d_model=6144, n_heads=48, n_layers=40, vocab_size=100352, attn_config=attention, ffn_config=experts
    )
    sizes = ModelSizes.of(config)
    assert sizes.parameters == pytest.approx(132e9, rel=0.01)
    at_work = 6144 * (6144 + 2 * 8 * 128 + 6144 + 16) + 4 * 3 * 6144 * 10752
    assert sizes.flops_per_token == 2 * 40 * at_work


def test_a_model_that_sees_is_counted_as_what_reads():
    whole = Gemma3Config(text_config={"num_hidden_layers": 2})
    assert ModelSizes.of(whole) == ModelSizes.of(whole.text_config)


def test_sizes_are_read_off_the_configuration():
    sizes = ModelSizes.of(load_config("tiny-llama"))
    assert sizes.flops_per_token == 2 * 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 172)
    assert sizes.flops_per_pair == 2 * 4 * 64 and sizes.flops_per_prompt == 2 * 64 * 258
    assert (sizes.layers, sizes.hidden, sizes.intermediate, sizes.vocabulary) == (2, 64, 172, 258)
    assert sizes.cache_per_token == 2 * 64
    assert sizes.parameters == lab.load_model("tiny-llama", device="cpu")[0].num_parameters()


def test_sizes_are_read_once_for_each_model():
    assert load_sizes("tiny-llama") is load_sizes("tiny-llama")
    assert load_sizes("tiny-llama") == ModelSizes.of(load_config("tiny-llama"))
    with pytest.raises(ModelUnavailableError, match="there is no folder '/no/body'"):
        load_sizes("/no/body")


def test_a_feed_forward_of_no_named_width_is_four_times_as_wide():
    assert ModelSizes.of(load_config("tiny-gpt2")).intermediate == 4 * load_config("tiny-gpt2").hidden_size


def test_counting_writes_nothing(capfd):
    config = load_config("tiny-llama")
    config.vocab_size = 300  # of which nobody has counted the sizes yet
    assert ModelSizes.of(config).vocabulary == 300
    assert capfd.readouterr() == ("", "")
