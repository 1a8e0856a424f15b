"""Rows that go on as rows: the same tokens as alone, in less memory."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, GenerationConfig, MistralConfig, TextStreamer
from transformers.generation import BaseStreamer

import prepack_lab as lab
from prepack_lab import decoding as step_by_step
from prepack_lab.cache import cache_bytes
from tests.conftest import random_prompts

PROMPTS = random_prompts([9, 14, 2, 11, 1, 5], seed=1)


@settings(max_examples=15)
@given(
    lengths=st.lists(st.integers(1, 24), min_size=1, max_size=10),
    method=st.sampled_from(["prepacked", "padding_free"]),
    strategy=st.sampled_from(["first_fit_decreasing", "next_fit"]),
    budget=st.integers(1, 60),
)
def test_the_same_tokens_as_alone(tiny_model, lengths, method, strategy, budget):
    prompts = random_prompts(lengths)
    plan = {"strategy": strategy} if method == "prepacked" else {"token_budget": budget}
    alone = lab.generate(tiny_model, prompts, "one_by_one", max_new_tokens=6)
    assert lab.generate(tiny_model, prompts, method, max_new_tokens=6, decoding="packed", **plan) == alone


def test_the_logits_of_every_step(tiny_model):
    batch = lab.PackedBatch.from_prompts(PROMPTS, lab.pack([*map(len, PROMPTS)]))
    from prepack_lab.forward import forward_alone, forward_packed

    decoder = step_by_step.PackedDecoder(tiny_model, forward_packed(tiny_model, batch))
    fed = [list(prompt) for prompt in PROMPTS]
    for step in range(5):
        tokens = torch.arange(len(PROMPTS)) + 10 * step
        found = decoder.step(tokens)
        fed = [[*prompt, int(token)] for prompt, token in zip(fed, tokens, strict=True)]
        expected = torch.cat([forward_alone(tiny_model, prompt).next_token_logits for prompt in fed])
        torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)


def test_a_wrong_owner_is_noticed(tiny_model, monkeypatch):
    """The mistake that packed decoding invites: a new token sees its neighbour's slots."""
    tiny_model = lab.load_model(
        tiny_model.config.model_type.replace("llama", "tiny-llama").replace("gpt2", "tiny-gpt2"), device="cpu"
    )[0]
    lab.check_model(tiny_model)
    slots = step_by_step.Slots
    shifted = lambda owners, positions: slots(owners.where(owners < 0, (owners + 1) % 6), positions)  # noqa: E731
    monkeypatch.setattr(step_by_step, "Slots", shifted)
    with pytest.raises(lab.UnsupportedModelError, match=r"after \d+ tokens a prompt gets other logits than alone"):
        lab.generate(tiny_model, PROMPTS, max_new_tokens=12, decoding="packed")


def test_a_sliding_window_stays_inside_each_prompt():
    torch.manual_seed(0)
    sizes = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, vocab_size=64)
    config = MistralConfig(**sizes, num_key_value_heads=1, sliding_window=20, eos_token_id=None)
    model = AutoModelForCausalLM.from_config(config).eval()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    prompts = random_prompts([50, 18, 3, 21, 40], vocab_size=64)
    alone = lab.generate(model, prompts, "one_by_one", max_new_tokens=8)
    for method in ("prepacked", "padding_free"):
        assert lab.generate(model, prompts, method, max_new_tokens=8, decoding="packed") == alone


def test_the_memory_is_reported_and_true(tiny_model):
    """Nine prompts, one of them long: rows keep its length from being paid nine times."""
    prompts = random_prompts([200, *[20] * 8])
    steps = 6
    plain, rows, single = (
        lab.generate(tiny_model, prompts, method, max_new_tokens=steps, decoding=decoding, eos_token_id=-1)
        for method, decoding in [("prepacked", "unpacked"), ("prepacked", "packed"), ("padding_free", "packed")]
    )
    one_slot = cache_bytes(lab.prefill(tiny_model, [[1]]).cache)
    assert plain.cache_bytes == plain.unpacked_cache_bytes == one_slot * 9 * (200 + steps - 1)
    assert rows.unpacked_cache_bytes == single.unpacked_cache_bytes == plain.cache_bytes
    assert rows.cache_bytes == one_slot * 2 * (200 + 8 * (steps - 1))  # two rows; the second holds eight prompts
    assert single.cache_bytes == one_slot * (200 + 8 * 20 + 9 * (steps - 1))
    lengths = [*map(len, prompts)]
    for found, rows_of in ((plain, lab.Packing.padded), (rows, lab.pack), (single, lab.Packing.concatenated)):
        slots = step_by_step.decoding_slots(rows_of(lengths), steps - 1)
        assert found.cache_bytes == one_slot * slots, "known ahead"


@pytest.mark.parametrize("decoding", ["unpacked", "packed"])
def test_an_end_token_ends_one_prompt_and_not_the_others(tiny_model, decoding):
    free = lab.generate(tiny_model, PROMPTS, "one_by_one", max_new_tokens=8, eos_token_id=-1)
    end = free[1][3]
    ended = lab.generate(tiny_model, PROMPTS, max_new_tokens=8, eos_token_id=end, decoding=decoding)
    assert ended == [ids[: ids.index(end) + 1] if end in ids else ids for ids in free]
    assert len(ended[1]) <= 4


@pytest.mark.parametrize("decoding", ["unpacked", "packed"])
def test_sampling_and_penalties_are_the_library_s_own(tiny_model, decoding):
    """With one prompt, both loops draw the same random numbers."""
    chosen = dict(max_new_tokens=10, do_sample=True, temperature=3.0, top_k=40, repetition_penalty=1.3)

    def draw(seed, **how):
        torch.manual_seed(seed)
        return lab.generate(tiny_model, PROMPTS[:1], **chosen, **how)

    assert draw(0, decoding=decoding) == draw(0, method="one_by_one")
    assert draw(0, decoding=decoding) != draw(1, decoding=decoding)


@pytest.mark.parametrize(("method", "decoding"), [("full_batching", "unpacked"), ("prepacked", "unpacked"),
                                                  ("prepacked", "packed"), ("padding_free", "packed")])  # fmt: skip
def test_padding_is_no_word_that_was_said(tiny_model, method, decoding):
    """A penalty for what was there finds the same before every prompt as before it alone: nothing."""
    said = dict(max_new_tokens=8, repetition_penalty=1.5)
    prompts = [*PROMPTS, [7], [0, 256, 3]]
    alone = lab.generate(tiny_model, prompts, "one_by_one", **said)
    assert lab.generate(tiny_model, prompts, method, decoding=decoding, **said) == alone
    assert alone != lab.generate(tiny_model, prompts, "one_by_one", max_new_tokens=8), "the penalty tells"


def test_a_whole_configuration_is_refused_because_it_would_be_hidden(tiny_model):
    with pytest.raises(ValueError, match="name its settings"):
        lab.generate(tiny_model, PROMPTS, generation_config=GenerationConfig(do_sample=True))


class Columns(BaseStreamer):
    """Keeps what is streamed: the prompts, then a column of tokens a step."""

    def __init__(self):
        self.put_so_far, self.ended = [], False

    def put(self, value):
        self.put_so_far.append(value)

    def end(self):
        self.ended = True


@pytest.mark.parametrize("decoding", ["unpacked", "packed"])
def test_a_streamer_hears_every_step(tiny_model, decoding):
    streamer = Columns()
    tokens = lab.generate(tiny_model, PROMPTS, max_new_tokens=5, streamer=streamer, decoding=decoding, eos_token_id=-1)
    prompts, *columns = streamer.put_so_far
    assert prompts.shape == (6, 14)
    assert torch.stack(columns, 1).tolist() == tokens
    assert streamer.ended


def test_a_text_streamer_writes_one_prompt(capsys):
    model, tokenizer = lab.load_model("tiny-llama", device="cpu")
    written = []
    for how in ({"method": "one_by_one"}, {"decoding": "unpacked"}, {"decoding": "packed"}):
        lab.generate(model, [[104, 105]], max_new_tokens=4, streamer=TextStreamer(tokenizer), **how)
        written.append(capsys.readouterr().out)
    assert written[0].strip() and written[0] == written[1] == written[2]


def test_what_can_not_be_decoded_so_is_refused(tiny_model):
    with pytest.raises(ValueError, match="'full_batching' makes no rows of several prompts"):
        lab.generate(tiny_model, PROMPTS, "full_batching", decoding="packed")
    with pytest.raises(ValueError, match="no decoding 'rows'; there are: unpacked, packed"):
        lab.generate(tiny_model, PROMPTS, decoding="rows")
    for options, words in [
        ({"num_beams": 2}, "num_beams"),
        ({"num_return_sequences": 2, "do_sample": True}, "num_return_sequences"),
        ({"return_dict_in_generate": True}, "return_dict_in_generate"),
        ({"use_cache": False}, "use_cache"),
        ({"past_key_values": 1}, "past_key_values"),
        ({"token_type_ids": 1}, "token_type_ids"),
    ]:
        for decoding in ("unpacked", "packed"):
            with pytest.raises(ValueError, match=words):
                lab.generate(tiny_model, PROMPTS, decoding=decoding, **options)
