"""The attention inside transformers: the model's own rule, kernels for a GPU, and nothing left behind."""

from itertools import chain

import pytest
import torch
import torch.nn.functional as F

import prepack_lab as lab
from prepack_lab import attention
from prepack_lab.attention import packed_attention
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


def test_the_kernel_is_left_alone_where_prompts_branch(tiny_model, monkeypatch):
    """What torch documents of it does not say which keys a query sees where there are more of them than queries."""
    prompts, choices = [[7] * 9, [8] * 5], [[[1, 2], [3, 4, 5]], [[6], [7, 8]]]
    expected = lab.score(tiny_model, prompts, choices, "one_by_one")
    calls = []
    monkeypatch.setattr(attention, "varlen_attn", fake_kernel(calls))
    monkeypatch.setattr(attention, "_kernel_takes", lambda *_: True)
    for share in (True, False):
        found = lab.score(tiny_model, prompts, choices, "padding_free", share=share)
        for one, other in zip(chain(*found), chain(*expected), strict=True):
            assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-4)
    assert calls, "each pair by itself takes the kernel"


def test_the_kernel_is_left_alone_on_a_cpu():
    query = torch.zeros(1, 2, 3, 16, dtype=torch.bfloat16)
    assert not attention._kernel_takes(query, query, attention._Scoring(None, None, None))


def test_this_torch_has_the_kernel_in_the_form_that_is_used():
    expected = {"window_size", "enable_gqa"} if torch.__version__ >= "2.12" else {"window_size"}
    assert expected <= attention._kernel_parameters()


def test_a_kernel_that_shares_no_key_heads_gets_them_repeated(tiny_model, monkeypatch):
    """The form of torch 2.11."""
    calls = []
    expected = forward_packed(tiny_model, one_row_batch(), segmented=True).next_token_logits
    kernel = fake_kernel(calls)
    older = lambda q, k, v, cu_q, cu_k, max_q, max_k, *, scale, window_size: kernel(  # noqa: E731
        q, k, v, cu_q, cu_k, max_q, max_k, scale=scale, window_size=window_size, enable_gqa=False
    )
    monkeypatch.setattr(attention, "varlen_attn", older)
    monkeypatch.setattr(attention, "_kernel_parameters", lambda: frozenset({"window_size"}))
    monkeypatch.setattr(attention, "_kernel_takes", lambda *_: True)
    found = forward_packed(tiny_model, one_row_batch(), segmented=True).next_token_logits
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)
    assert len(calls) == tiny_model.config.num_hidden_layers


@pytest.mark.parametrize("softcap", [None, 5.0])
@pytest.mark.parametrize("with_sinks", [False, True])
def test_soft_caps_and_sinks_by_their_definition(softcap, with_sinks):
    """Against a loop over queries, written from the definition."""
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(1, 4, 6, 8, generator=generator)
    key, value = torch.randn(2, 1, 2, 6, 8, generator=generator).unbind(0)
    sinks = torch.randn(4, generator=generator) if with_sinks else None
    found = attention._attend(query, key, value, None, attention._Scoring(0.3, softcap, sinks))
    for head in range(4):
        for place in range(6):
            scores = 0.3 * key[0, head // 2, : place + 1] @ query[0, head, place]
            if softcap:
                scores = softcap * torch.tanh(scores / softcap)
            weights = scores.exp()
            total = weights.sum() + (sinks[head].exp() if with_sinks else 0)
            expected = (weights[:, None] * value[0, head // 2, : place + 1]).sum(0) / total
            torch.testing.assert_close(found[0, head, place], expected, atol=1e-5, rtol=1e-5)


def test_the_rule_that_is_taught_is_the_rule_that_runs(tiny_model, monkeypatch):
    """For layers that are plainly causal, the mask of a packed pass is `packed_mask`, for every token."""
    masks, attend = [], attention._attend

    def watched(query, key, value, mask, scores):
        masks.append(mask)
        return attend(query, key, value, mask, scores)

    monkeypatch.setattr(attention, "_attend", watched)
    batch = lab.PackedBatch.from_prompts(PROMPTS, lab.pack([*map(len, PROMPTS)]))
    forward_packed(tiny_model, batch)
    taught, token = lab.packed_mask(batch.segment_ids, tiny_model.dtype)[:, 0], batch.attention_mask.bool()
    assert len(masks) == tiny_model.config.num_hidden_layers and not token.all()
    for mask in masks:
        assert torch.equal(mask[:, 0][token], taught[token])
    padding = taught[~token]
    assert (padding[:, 0] < 0).all(), "padding sees no token"


def test_the_model_keeps_its_own_attention(tiny_model):
    before = tiny_model.config._attn_implementation
    with packed_attention(one_row_batch().slots):
        assert attention.packable(tiny_model).config._attn_implementation == attention.IMPLEMENTATION
        assert tiny_model.config._attn_implementation == before


def test_outside_a_packed_pass_a_twin_does_not_attend(tiny_model):
    with pytest.raises(LookupError):
        attention.packable(tiny_model)(torch.tensor(PROMPTS[:1]))


def test_what_is_not_known_is_refused(tiny_model):
    """An argument that nobody has thought about yet may change the attention."""
    batch = one_row_batch()
    states = torch.zeros(1, 2, batch.input_ids.shape[1], 8)
    with packed_attention(batch.slots, spans=batch.spans):
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
