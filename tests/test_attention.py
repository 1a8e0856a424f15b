"""The attention inside transformers: the model's own rule, kernels for a GPU, and nothing left behind."""

from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch
import torch.nn.functional as F

import prepack_lab as lab
from prepack_lab import attention
from prepack_lab.attention import Slots, packed_attention
from prepack_lab.forward import forward_packed
from tests.conftest import random_prompts

PROMPTS = random_prompts([9, 4, 12, 3, 1])


def one_row_batch():
    return lab.PackedBatch.from_prompts(PROMPTS, lab.Packing.concatenated([*map(len, PROMPTS)]))


def fake_kernel(calls):
    """What torch documents of `varlen_attn`, on a CPU: [tokens, heads, D], int32 boundaries, causal by its window."""

    def varlen_attn(query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, *, scale, window_size, enable_gqa):
        assert query.dim() == key.dim() == value.dim() == 3
        assert cu_seq_q.dtype == cu_seq_k.dtype == torch.int32 and cu_seq_q.tolist() == cu_seq_k.tolist()
        assert cu_seq_q[0] == 0 and cu_seq_q[-1] == len(query) == len(key)
        assert max_q == max_k == int(cu_seq_q.diff().max())
        assert window_size == (-1, 0) and enable_gqa == (query.shape[1] != key.shape[1])
        calls.append(query.shape)
        out = torch.empty_like(query)
        for start, end in zip(cu_seq_q.tolist(), cu_seq_q.tolist()[1:], strict=False):
            heads_first = (states[start:end].transpose(0, 1) for states in (query, key, value))
            attended = F.scaled_dot_product_attention(*heads_first, is_causal=True, scale=scale, enable_gqa=enable_gqa)
            out[start:end] = attended.transpose(0, 1)
        return out

    return varlen_attn


def test_the_kernel_of_a_gpu_gets_what_it_needs(tiny_model, monkeypatch):
    """The kernel needs CUDA; here its stand-in checks every argument and computes the same."""
    calls = []
    expected = forward_packed(tiny_model, one_row_batch(), segmented=True).next_token_logits
    monkeypatch.setattr(attention, "varlen_attn", fake_kernel(calls))
    monkeypatch.setattr(attention, "_kernel_takes", lambda *_: True)
    found = forward_packed(tiny_model, one_row_batch(), segmented=True).next_token_logits
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)
    assert len(calls) == tiny_model.config.num_hidden_layers


def test_the_kernel_is_left_alone_on_a_cpu():
    query = torch.zeros(1, 2, 3, 16, dtype=torch.bfloat16)
    assert not attention._kernel_takes(query, query, attention._Rule(None, None, None))


def test_this_torch_has_the_kernel_in_the_form_that_is_used():
    if torch.__version__ < "2.13":
        pytest.skip("an earlier form, which is not used")
    assert attention._varlen_is_known()


def test_an_older_form_of_the_kernel_is_not_used(monkeypatch):
    attention._varlen_is_known.cache_clear()
    monkeypatch.setattr(attention, "varlen_attn", lambda query, key, value, cu_q, cu_k, max_q, max_k, is_causal: None)
    assert not attention._varlen_is_known()
    attention._varlen_is_known.cache_clear()


@pytest.mark.parametrize("softcap", [None, 5.0])
@pytest.mark.parametrize("with_sinks", [False, True])
def test_soft_caps_and_sinks_by_their_definition(softcap, with_sinks):
    """Against a loop over queries, written from the definition."""
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(1, 4, 6, 8, generator=generator)
    key, value = torch.randn(2, 1, 2, 6, 8, generator=generator).unbind(0)
    sinks = torch.randn(4, generator=generator) if with_sinks else None
    found = attention._attend(query, key, value, None, attention._Rule(0.3, softcap, sinks))
    for head in range(4):
        for place in range(6):
            scores = 0.3 * key[0, head // 2, : place + 1] @ query[0, head, place]
            if softcap:
                scores = softcap * torch.tanh(scores / softcap)
            weights = scores.exp()
            total = weights.sum() + (sinks[head].exp() if with_sinks else 0)
            expected = (weights[:, None] * value[0, head // 2, : place + 1]).sum(0) / total
            torch.testing.assert_close(found[0, head, place], expected, atol=1e-5, rtol=1e-5)


def test_outside_a_packed_pass_it_is_the_library_s_own(tiny_model):
    ids = torch.tensor(PROMPTS[:1])
    expected = tiny_model(ids).logits
    before = tiny_model.config._attn_implementation
    tiny_model.config._attn_implementation = attention.IMPLEMENTATION
    found = tiny_model(ids).logits
    tiny_model.config._attn_implementation = before
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)


def test_an_error_leaves_the_model_as_it_was(tiny_model):
    before = tiny_model.config._attn_implementation
    batch = one_row_batch()
    with (
        pytest.raises(RuntimeError, match="on purpose"),
        packed_attention(tiny_model, Slots(batch.segment_ids, batch.position_ids), spans=batch.spans),
    ):
        assert tiny_model.config._attn_implementation == attention.IMPLEMENTATION
        raise RuntimeError("on purpose")
    assert tiny_model.config._attn_implementation == before


def test_what_is_not_known_is_refused(tiny_model):
    """An argument that nobody has thought about yet may change the attention."""
    batch = one_row_batch()
    states = torch.zeros(1, 2, batch.input_ids.shape[1], 8)
    with packed_attention(tiny_model, Slots(batch.segment_ids, batch.position_ids), spans=batch.spans):
        with pytest.raises(NotImplementedError, match="an attention with something_new"):
            attention._attention(torch.nn.Identity(), states, states, states, None, something_new=1)
        with pytest.raises(NotImplementedError, match="keys of its own"):
            attention._attention(torch.nn.Identity(), states, states[:, :, :3], states[:, :, :3], None)


def test_key_heads_that_are_repeated_for_a_gpu_give_the_same(monkeypatch):
    model = lab.load_model("tiny-llama", "float32", "cpu")[0]
    assert model.config.num_key_value_heads < model.config.num_attention_heads
    batch = lab.PackedBatch.from_prompts(PROMPTS, lab.pack([*map(len, PROMPTS)]))
    expected = forward_packed(model, batch).next_token_logits
    asked = []
    monkeypatch.setattr(attention, "_shares_heads", lambda device, mask: asked.append(mask is None))
    torch.testing.assert_close(forward_packed(model, batch).next_token_logits, expected, atol=2e-5, rtol=0)
    assert asked == [False] * model.config.num_hidden_layers


@pytest.mark.parametrize(
    ("device", "masked", "shares"),
    [("cpu", True, True), ("cuda", False, True), ("cuda", True, False), ("mps", False, False)],
)
def test_a_gpu_shares_key_heads_only_where_its_fast_kernels_do(device, masked, shares):
    assert attention._shares_heads(torch.device(device), torch.zeros(1) if masked else None) == shares


def test_parts_of_a_model_keep_an_attention_of_their_own(tiny_model):
    class Whole:
        """A configuration with parts, as those of models with images have; setting the whole sets its parts."""

        sub_configs: ClassVar = {"text_config": None, "vision_config": None}

        def __init__(self, own, **parts):
            self.__dict__.update(parts, own=own)

        @property
        def _attn_implementation(self):
            return self.own

        @_attn_implementation.setter
        def _attn_implementation(self, value):
            self.own = self.text_config._attn_implementation = self.vision_config._attn_implementation = value

    text, vision = (SimpleNamespace(sub_configs={}, _attn_implementation=own) for own in ("eager", "flex_attention"))
    model = SimpleNamespace(config=Whole("sdpa", text_config=text, vision_config=vision))
    slots = Slots(torch.zeros(1, 1), torch.zeros(1, 1))
    with packed_attention(model, slots):
        assert text._attn_implementation == attention.IMPLEMENTATION
    assert (model.config.own, text._attn_implementation, vision._attn_implementation) == (
        "sdpa",
        "eager",
        "flex_attention",
    )
