"""A packed pass leaves the model alone: other threads, wrappers and hooks see nothing of it."""

import threading
from functools import partial

import pytest
import torch
from accelerate import cpu_offload, disk_offload
from transformers import LlamaConfig, LlamaForCausalLM

import prepack_lab as lab
from prepack_lab.twin import twin_of
from tests.conftest import random_prompts

PROMPTS = random_prompts([20, 33, 8], vocab_size=64)
SIZES = dict(
    vocab_size=64, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=512, pad_token_id=0,
)  # fmt: skip


def build(attention="sdpa"):
    torch.manual_seed(0)
    model = LlamaForCausalLM._from_config(LlamaConfig(**SIZES), attn_implementation=attention).eval()
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.normal_(0, 0.15)
    return model


@torch.no_grad()
def logits_of(model, prompt):
    return model(torch.tensor([prompt])).logits[:, -1]


def test_a_twin_holds_the_same_weights_and_configurations_of_its_own():
    model = build()
    twin = twin_of(model, "eager")
    assert [*map(id, twin.parameters())] == [*map(id, model.parameters())]
    assert not {*map(id, twin.modules())} & {*map(id, model.modules())}
    assert twin.model.layers[1].self_attn.config is twin.config and twin.config is not model.config
    assert (twin.config._attn_implementation, model.config._attn_implementation) == ("eager", "sdpa")
    torch.testing.assert_close(logits_of(twin, PROMPTS[0]), logits_of(model, PROMPTS[0]), atol=1e-5, rtol=0)


def test_weights_that_change_later_change_in_both():
    model = build()
    twin = twin_of(model, "sdpa")
    model.to(torch.float64)
    assert twin.model.layers[0].mlp.up_proj.weight.dtype == torch.float64


def test_methods_and_hooks_that_were_bound_to_a_module_belong_to_its_twin():
    model = build()
    layer = model.model.layers[0]
    layer.forward = partial(type(layer).forward, layer)  # as hooks replace it
    twin = twin_of(model, "eager")
    assert twin.model.layers[0].forward.args == (twin.model.layers[0],)
    torch.testing.assert_close(logits_of(twin, PROMPTS[0]), logits_of(model, PROMPTS[0]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("method", ["one_by_one", "full_batching", "prepacked"])
def test_another_thread_sees_nothing_of_a_packed_pass(attention, method):
    """One thread stands inside a packed pass while this one begins its own, and leaves it while this one attends."""
    model = build(attention)
    expected = [logits_of(model, prompt) for prompt in PROMPTS]
    for known in ("prepacked", method):
        lab.prefill(model, PROMPTS, known)
    inside, go = threading.Event(), threading.Event()
    other = threading.Thread(target=lab.prefill, args=(model, PROMPTS, "prepacked"))

    def pause(*_):
        if threading.current_thread() is other and not inside.is_set():
            inside.set()
            go.wait(20)
        elif threading.current_thread() is not other and not go.is_set():
            go.set()
            other.join(20)

    hook = model.model.layers[0].register_forward_pre_hook(pause)
    other.start()
    try:
        assert inside.wait(20)
        assert model.config._attn_implementation == attention
        plain = logits_of(model, PROMPTS[0])
        found = lab.prefill(model, PROMPTS, method).next_token_logits
    finally:
        go.set()
        other.join()
        hook.remove()
    torch.testing.assert_close(plain, expected[0], atol=2e-5, rtol=0)
    torch.testing.assert_close(found, torch.cat(expected), atol=2e-5, rtol=0)


@pytest.mark.long
def test_a_compiled_model_is_exact():
    model = build()
    expected = torch.cat([logits_of(model, prompt) for prompt in PROMPTS])
    wrapped = torch.compile(model, backend="eager")
    inside = build()
    inside.compile(backend="eager")
    for one in (wrapped, inside):
        for method in ("one_by_one", "prepacked", "padding_free"):
            found = lab.prefill(one, PROMPTS, method).next_token_logits
            torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)
        assert lab.check_model(one).supported
    assert lab.generate(wrapped, PROMPTS, max_new_tokens=3) == lab.generate(model, PROMPTS, "one_by_one", 3)


def adapted(model, config):
    from peft import get_peft_model

    torch.manual_seed(1)
    return get_peft_model(model, config).eval()


def test_adapters_are_exact():
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False, target_modules="all-linear")
    model = adapted(build(), config)
    expected = torch.cat([logits_of(model, prompt) for prompt in PROMPTS]).detach()
    assert (expected - torch.cat([logits_of(build(), prompt) for prompt in PROMPTS])).abs().max() > 0.1
    for method in ("one_by_one", "full_batching", "prepacked", "padding_free"):
        found = lab.prefill(model, PROMPTS, method).next_token_logits
        torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)
    assert lab.generate(model, PROMPTS, max_new_tokens=3) == lab.generate(model, PROMPTS, "one_by_one", 3)
    with model.disable_adapter():
        found = lab.prefill(model, PROMPTS).next_token_logits
    torch.testing.assert_close(found, torch.cat([logits_of(build(), prompt) for prompt in PROMPTS]), atol=2e-5, rtol=0)


def test_virtual_tokens_are_refused():
    peft = pytest.importorskip("peft")
    model = adapted(build(), peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3))
    with pytest.raises(lab.UnsupportedModelError, match="puts virtual tokens before every prompt"):
        lab.prefill(model, PROMPTS)


def test_a_model_that_is_copied_to_several_devices_is_the_model():
    model = build()
    expected = lab.prefill(model, PROMPTS).next_token_logits
    torch.testing.assert_close(lab.prefill(torch.nn.DataParallel(model), PROMPTS).next_token_logits, expected)


@pytest.mark.parametrize("offload", [cpu_offload, disk_offload])
def test_an_offloaded_model_is_exact(offload, tmp_path):
    expected = torch.cat([logits_of(build(), prompt) for prompt in PROMPTS])
    where = {"offload_dir": str(tmp_path)} if offload is disk_offload else {}
    model = offload(build(), execution_device="cpu", **where)
    assert model.device.type == "meta"
    for method in ("one_by_one", "full_batching", "prepacked", "padding_free"):
        found = lab.prefill(model, PROMPTS, method).next_token_logits
        torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)
    tokens = lab.generate(build(), PROMPTS, "one_by_one", 3)
    assert lab.generate(model, PROMPTS, max_new_tokens=3) == tokens
    assert lab.generate(model, PROMPTS, max_new_tokens=3, decoding="packed") == tokens


class Int8Linear(torch.nn.Module):
    """Weights as whole numbers of eight bits and a scale per row, as quantised checkpoints hold them: in buffers."""

    def __init__(self, linear):
        super().__init__()
        scale = linear.weight.detach().abs().amax(1, keepdim=True) / 127
        self.register_buffer("weight", (linear.weight.detach() / scale).round().to(torch.int8))
        self.register_buffer("scale", scale)

    def forward(self, states):
        return torch.nn.functional.linear(states, self.weight * self.scale)


def test_a_quantised_model_is_exact():
    model = build()
    for layer in model.model.layers:
        for name in ("up_proj", "gate_proj", "down_proj"):
            setattr(layer.mlp, name, Int8Linear(getattr(layer.mlp, name)))
    expected = torch.cat([logits_of(model, prompt) for prompt in PROMPTS])
    for method in ("full_batching", "prepacked", "padding_free"):
        found = lab.prefill(model, PROMPTS, method).next_token_logits
        torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)
