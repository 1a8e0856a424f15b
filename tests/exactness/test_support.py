"""What `check_model` accepts, what it refuses, and in which words."""

import pytest
import torch
from transformers import AutoModelForCausalLM, FalconConfig, MistralConfig

import prepack_lab as lab
from prepack_lab.exactness import support
from prepack_lab.forward import forward_alone
from prepack_lab.methods import METHODS
from prepack_lab.models.zoo import VOCABULARY, WINDOW, every_class, small_model
from tests.conftest import random_prompts

LENGTHS = [3, 21, 1, 8, WINDOW, 13, 2]  # some longer than two windows
TINY_MISTRAL = dict(
    hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
    vocab_size=VOCABULARY, pad_token_id=0,
)  # fmt: skip


def build(config, **options):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, **options).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.2)
    return model


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("MambaForCausalLM", "state from token to token"),
        ("Lfm3ForCausalLM", r"not plain attention \(conv\)"),
        ("BartForCausalLM", "works out positions by itself"),
        ("OpenAIGPTLMHeadModel", "OpenAIGPTLMHeadModel keeps no cache of keys and values"),
    ],
)
def test_a_refusal_names_the_model_the_reason_and_the_way_out(name, reason):
    if name not in every_class():
        pytest.skip("not in the installed transformers")
    model = small_model(every_class()[name])
    assert not lab.check_model(model).supported
    with pytest.raises(lab.UnsupportedModelError, match=rf"{name} can't be run by 'prepacked'.*{reason}.*Use "):
        lab.prefill(model, [[1, 2], [3]])


def test_a_model_that_computes_attention_by_itself_says_so():
    model = small_model(every_class()["GPTNeoForCausalLM"])
    assert lab.check_model(model).methods["prepacked"] is None
    with pytest.raises(lab.UnsupportedModelError, match=r"compute attention by themselves.*'prepacked'"):
        lab.prefill(model, [[1, 2], [3]], "padding_free")


def test_packed_decoding_is_refused_where_distance_is_counted_in_slots():
    """MPT's ALiBi measures how far apart slots are; the new slots of a row lie far from their prompt."""
    model = small_model(every_class()["MptForCausalLM"])
    said = lab.check_model(model)
    assert said.methods["prepacked"] is None and said.packed_decoding["prepacked"] is not None
    with pytest.raises(
        lab.UnsupportedModelError, match=r"'prepacked with packed decoding': decoding .*Use decoding='unpacked'"
    ):
        lab.generate(model, [[1, 2], [3]], decoding="packed")


def test_alibi_is_accepted_only_where_it_is_exact():
    """Falcon keeps its ALiBi slopes to itself where attention goes segment by segment."""
    sizes = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, vocab_size=VOCABULARY)
    model = build(FalconConfig(**sizes, alibi=True))
    prompts = random_prompts(LENGTHS, VOCABULARY)
    logits = torch.cat([forward_alone(model, prompt).next_token_logits for prompt in prompts])
    for method, obstacle in lab.check_model(model).methods.items():
        if obstacle is None:
            found = lab.prefill(model, prompts, method).next_token_logits
            torch.testing.assert_close(found, logits, atol=1e-3 * logits.std().item(), rtol=0)


def greedily(model, prompt):
    ids = torch.tensor([prompt])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=4, do_sample=False)
    return out[0, len(prompt) :].tolist()


@pytest.mark.parametrize("method", METHODS)
def test_a_large_window_is_kept_inside_each_prompt(method):
    """A window that the check's few tokens do not reach; prompts that are longer than it."""
    model = build(MistralConfig(**TINY_MISTRAL, sliding_window=100, max_position_embeddings=512))
    prompts = random_prompts([250, 3, 130, 101, 99], VOCABULARY)
    assert lab.check_model(model).methods[method] is None
    assert model.config.sliding_window == 100
    alone = [greedily(model, prompt) for prompt in prompts]
    assert lab.generate(model, prompts, method, max_new_tokens=4) == alone


def test_the_model_is_asked_once(monkeypatch):
    model = build(MistralConfig(**TINY_MISTRAL))
    first = lab.check_model(model)
    monkeypatch.setattr(support, "_try", None)
    assert lab.check_model(model) == first


def test_a_model_in_training_is_refused():
    model = build(MistralConfig(**TINY_MISTRAL)).train()
    with pytest.raises(lab.UnsupportedModelError, match=r"call model.eval\(\) first"):
        lab.prefill(model, [[1, 2]])


def test_a_leak_is_seen_by_the_check(monkeypatch):
    """The check itself can fail: without the mask no model passes it."""
    from prepack_lab import attention

    model = build(MistralConfig(**TINY_MISTRAL))
    monkeypatch.setattr(attention, "visible", lambda queries, keys, rule: rule(
        None, None, queries.position_ids[:, None, :, None], keys.position_ids[:, None, None]
    ))  # fmt: skip
    said = lab.check_model(model)
    assert "not those of each prompt alone" in said.methods["prepacked"]
    assert said.methods["padding_free"] is None


def test_an_unsupported_model_is_a_value_error():
    assert issubclass(lab.UnsupportedModelError, ValueError)


@pytest.mark.parametrize("method", ["one_by_one", "full_batching"])
def test_generation_by_the_usual_ways_asks_first_too(method):
    model = lab.load_model("tiny-llama", device="cpu")[0].train()
    with pytest.raises(lab.UnsupportedModelError, match="training mode"):
        lab.generate(model, [[1, 2], [3]], method)


def test_padding_is_refused_where_it_would_be_read():
    stateful = small_model(every_class()["MambaForCausalLM"])
    assert lab.check_model(stateful).methods["full_batching"] is not None
    with pytest.raises(lab.UnsupportedModelError, match="'full_batching'"):
        lab.generate(stateful, [[1, 2], [3]], "full_batching", max_new_tokens=1)


def test_a_model_that_reads_no_list_of_ids_is_named():
    model = lab.load_model("tiny-llama", device="cpu")[0]
    model.get_input_embeddings = lambda: torch.nn.ModuleList()
    for run in (lab.prefill, lab.generate):
        with pytest.raises(lab.UnsupportedModelError, match="not one list of token ids"):
            run(model, [[1, 2]])


def test_a_prompt_beyond_the_positions_of_a_model_is_named_whatever_they_are_called():
    model = small_model(every_class()["MptForCausalLM"])  # max_seq_len
    with pytest.raises(lab.InvalidPromptsError, match="prompt 1 has 257 tokens; the model has 256 positions"):
        lab.prefill(model, [[1], [1] * 257])
    roberta = small_model(
        every_class()["RobertaForCausalLM"]
    )  # its padding id 0 and the position after it are no places
    lab.prefill(roberta, [[1] * 255])
    with pytest.raises(lab.InvalidPromptsError, match="prompt 0 has 256 tokens; the model has 255 positions"):
        lab.prefill(roberta, [[1] * 256])
