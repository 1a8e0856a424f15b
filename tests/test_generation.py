"""Tokens chosen and stopped as alone: everything that the library's configuration offers, or refused by name."""

import gc
import weakref

import pytest
import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

import prepack_lab as lab
from prepack_lab.models.zoo import every_class, small_model
from tests.conftest import random_prompts

PROMPTS = random_prompts([3, 9, 30, 5])
WAYS = [
    ("full_batching", "unpacked"), ("length_ordered", "unpacked"), ("prepacked", "unpacked"),
    ("dataset_prepacked", "unpacked"), ("prepacked", "packed"), ("padding_free", "packed"),
]  # fmt: skip


@pytest.fixture(scope="module")
def model():
    """With larger weights than at birth, so that what is asked for changes the tokens."""
    model = lab.load_model("tiny-llama", device="cpu")[0]
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.copy_(torch.randn(weights.shape, generator=generator) * 0.3)
    return model


@pytest.fixture(scope="module")
def end(model):
    """The third token of the shortest prompt, which would end it."""
    return lab.generate(model, PROMPTS, "one_by_one", 12, eos_token_id=-1)[0][2]


class Shun(LogitsProcessor):
    """Never the token that is as many as there are tokens so far: a rule that looks at the length."""

    def __call__(self, input_ids, scores):
        scores = scores.clone()
        scores[:, input_ids.shape[1] : input_ids.shape[1] + 100] = -torch.inf
        return scores


class AtTwelve(StoppingCriteria):
    """Stop when prompt and tokens are twelve."""

    def __call__(self, input_ids, scores, **_):
        return torch.full((len(input_ids),), input_ids.shape[1] >= 12)


AS_ALONE = {
    "eos_token_id": 5, "pad_token_id": 3, "min_length": 20, "min_new_tokens": 4, "no_repeat_ngram_size": 2,
    "repetition_penalty": 1.5, "encoder_repetition_penalty": 0.5, "encoder_no_repeat_ngram_size": 2,
    "bad_words_ids": [[5, 6], [7]], "sequence_bias": [[[5], 20.0], [[9, 4], 20.0]], "suppress_tokens": [1, 2, 3],
    "begin_suppress_tokens": [*range(0, 250, 2)], "forced_bos_token_id": 7, "forced_eos_token_id": 9,
    "exponential_decay_length_penalty": (2, 1.5), "remove_invalid_values": True, "renormalize_logits": True,
    "guidance_scale": 1.5, "prefill_chunk_size": 4, "max_length": 40, "max_time": 1000.0, "disable_compile": True,
    "watermarking_config": {"greenlist_ratio": 0.25, "bias": 20.0}, "temperature": 0.5, "top_k": 5, "top_p": 0.5,
    "min_p": 0.1, "typical_p": 0.9, "epsilon_cutoff": 0.01, "eta_cutoff": 0.01, "top_h": 0.4,
    "logits_processor": LogitsProcessorList([Shun()]), "stopping_criteria": StoppingCriteriaList([AtTwelve()]),
    "prefix_allowed_tokens_fn": lambda batch, ids: [(int(ids[-1]) + len(ids)) % 250, 7],
}  # fmt: skip
"""What the library offers, and a value for each: every method gives the tokens that the prompt has alone."""

REFUSED = {
    "num_beams": 2, "num_return_sequences": 2, "return_dict_in_generate": True, "use_cache": False,
    "token_healing": True, "cache_implementation": "static", "cache_config": {"backend": "quanto"}, "max_cache_len": 99,
    "prompt_lookup_num_tokens": 3, "assistant_early_exit": 1, "use_mtp": True, "past_key_values": 1, "cache": 1,
    "penalty_alpha": 0.6, "dola_layers": "low", "assistant_model": object(), "attention_mask": 1,
    "position_ids": 1, "token_type_ids": 1, "inputs_embeds": 1, "nonsense": 1,
    "generation_config": GenerationConfig(do_sample=True),
}  # fmt: skip

ELSEWHERE = {
    "do_sample", "max_new_tokens", "stop_strings",  # tested below
    "early_stopping", "length_penalty", "num_beam_groups", "diversity_penalty", "constraints",
    "force_words_ids",  # of beams
    "low_memory",  # of a way to decode that has left the library
    "is_assistant", "num_assistant_tokens", "num_assistant_tokens_schedule", "assistant_confidence_threshold",
    "max_matching_ngram_size", "assistant_lookbehind", "target_lookbehind", "assistant_ensemble_weight",
    "speculation_type",  # of assistants, which are refused
    "output_attentions", "output_hidden_states", "output_scores", "output_logits",  # of the output, which is refused
    "bos_token_id", "decoder_start_token_id", "compile_config", "continuous_batching_config", "transformers_version",
}  # fmt: skip


def test_every_setting_of_the_library_is_one_that_was_thought_about():
    offered = {name for name in vars(GenerationConfig()) if not name.startswith("_")}
    assert offered <= {*AS_ALONE, *REFUSED, *ELSEWHERE}


@pytest.mark.long
@pytest.mark.parametrize("name", AS_ALONE)
def test_every_setting_is_as_alone(model, end, name):
    options = {"eos_token_id": end, name: AS_ALONE[name]}
    alone = lab.generate(model, PROMPTS, "one_by_one", 12, **options)
    for method, decoding in WAYS:
        assert lab.generate(model, PROMPTS, method, 12, decoding, **options) == alone, (method, decoding)


@pytest.mark.parametrize(
    "name",
    ["min_length", "no_repeat_ngram_size", "repetition_penalty", "bad_words_ids", "begin_suppress_tokens",
     "exponential_decay_length_penalty", "logits_processor", "stopping_criteria", "prefix_allowed_tokens_fn"],
)  # fmt: skip
def test_the_settings_change_something(model, end, name):
    plain = lab.generate(model, PROMPTS, "one_by_one", 12, eos_token_id=end)
    assert lab.generate(model, PROMPTS, "one_by_one", 12, eos_token_id=end, **{name: AS_ALONE[name]}) != plain


@pytest.mark.parametrize("name", ["min_length", "repetition_penalty", "suppress_tokens"])
def test_settings_of_the_checkpoint_count_too(model, end, name, monkeypatch):
    monkeypatch.setattr(model.generation_config, name, AS_ALONE[name])
    monkeypatch.setattr(model.generation_config, "eos_token_id", end)
    alone = lab.generate(model, PROMPTS, "one_by_one", 12)
    for method, decoding in WAYS:
        assert lab.generate(model, PROMPTS, method, 12, decoding) == alone, (method, decoding)


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("method", ["one_by_one", "prepacked"])
def test_what_can_not_be_kept_is_refused_by_name(model, name, method):
    with pytest.raises(ValueError, match=name):
        lab.generate(model, PROMPTS, method, 4, **{name: REFUSED[name]})


@pytest.mark.parametrize("kind", ["static", "dynamic", "offloaded", "hybrid"])
def test_a_checkpoint_may_wish_for_another_cache(model, kind, monkeypatch):
    expected = lab.generate(model, PROMPTS, "one_by_one", 4)
    monkeypatch.setattr(model.generation_config, "cache_implementation", kind)
    for method, decoding in [*WAYS, ("one_by_one", "unpacked")]:
        assert lab.generate(model, PROMPTS, method, 4, decoding) == expected


def test_a_checkpoint_may_wish_for_no_cache_and_for_sampling(model, monkeypatch):
    expected = lab.generate(model, PROMPTS, "one_by_one", 4)
    monkeypatch.setattr(model.generation_config, "use_cache", False)
    monkeypatch.setattr(model.generation_config, "do_sample", True)
    for method, decoding in [*WAYS, ("one_by_one", "unpacked")]:
        assert lab.generate(model, PROMPTS, method, 4, decoding) == expected


@pytest.mark.parametrize(("name", "wish"), [("cache_implementation", "offloaded"), ("stop_strings", ["x"])])
def test_a_checkpoint_that_is_met_with_its_wishes_is_not_refused_for_them(name, wish):
    model, tokenizer = lab.load_model("tiny-llama", device="cpu")
    setattr(model.generation_config, name, wish)
    expected = lab.generate(model, PROMPTS, "one_by_one", 3, tokenizer=tokenizer)
    assert lab.generate(model, PROMPTS, "prepacked", 3, tokenizer=tokenizer) == expected


@pytest.mark.long
def test_a_model_whose_generate_counts_otherwise_is_sent_to_itself():
    roberta = small_model(every_class()["RobertaForCausalLM"])
    with pytest.raises(lab.UnsupportedModelError, match=r"other positions or inputs\. Use method='one_by_one'$"):
        lab.generate(roberta, [[5, 7], [9]], max_new_tokens=2)
    assert len(lab.generate(roberta, [[5, 7], [9]], "one_by_one", 2)) == 2


@pytest.mark.long
def test_every_form_of_an_end_token_ends(model):
    free = lab.generate(model, PROMPTS, "one_by_one", 12, eos_token_id=-1)
    ends = [free[0][2], free[1][4]]
    cut = [next((ids[: place + 1] for place, id in enumerate(ids) if id in ends), ids) for ids in free]
    assert [*map(len, cut)] != [12] * 4
    for form in (ends, tuple(ends), torch.tensor(ends)):
        for method, decoding in [*WAYS, ("one_by_one", "unpacked")]:
            assert lab.generate(model, PROMPTS, method, 12, decoding, eos_token_id=form) == cut
    for form in (ends[0], torch.tensor(ends[0]), torch.tensor(ends[:1])):
        alone = lab.generate(model, PROMPTS, "one_by_one", 12, eos_token_id=ends[0])
        for method, decoding in WAYS:
            assert lab.generate(model, PROMPTS, method, 12, decoding, eos_token_id=form) == alone


def test_a_stop_string_ends_a_prompt_where_it_ends_alone(model):
    _, tokenizer = lab.load_model("tiny-llama", device="cpu")
    free = lab.generate(model, PROMPTS, "one_by_one", 12, eos_token_id=-1)
    letters = [(place, tokenizer.decode([id])) for place, id in enumerate(free[1]) if tokenizer.decode([id]).isalnum()]
    place, letter = letters[0]
    options = dict(stop_strings=[letter], tokenizer=tokenizer, eos_token_id=-1)
    alone = lab.generate(model, PROMPTS, "one_by_one", 12, **options)
    assert alone[1] == free[1][: place + 1] and place < 11
    for method, decoding in WAYS:
        assert lab.generate(model, PROMPTS, method, 12, decoding, **options) == alone


def test_a_stop_string_asks_for_the_tokenizer(model):
    with pytest.raises(ValueError, match="pass it, too: tokenizer=tokenizer"):
        lab.generate(model, PROMPTS, stop_strings=["."])


@pytest.mark.parametrize(("method", "decoding"), WAYS)
def test_a_prompt_by_itself_draws_what_it_draws_alone(model, method, decoding):
    """The same random numbers, with all that shapes a distribution."""
    options = dict(do_sample=True, temperature=3.0, top_k=40, top_p=0.9, repetition_penalty=1.3, eos_token_id=-1)
    torch.manual_seed(3)
    alone = lab.generate(model, PROMPTS[1:2], "one_by_one", 10, **options)
    torch.manual_seed(3)
    assert lab.generate(model, PROMPTS[1:2], method, 10, decoding, **options) == alone
    torch.manual_seed(4)
    assert lab.generate(model, PROMPTS[1:2], method, 10, decoding, **options) != alone


def test_the_first_token_costs_no_pass_of_its_own(model, monkeypatch):
    """It is chosen from the logits of the prefill, so n tokens take n - 1 steps of decoding."""
    from prepack_lab import decoding, forward

    lab.generate(model, PROMPTS, max_new_tokens=5)  # known now
    passes = []
    for module in (forward, decoding):
        run = module.call
        monkeypatch.setattr(
            module, "call", lambda *args, run=run, **how: passes.append(args[1].shape) or run(*args, **how)
        )
    lab.generate(model, PROMPTS, max_new_tokens=1)
    assert len(passes) == 1
    lab.generate(model, PROMPTS, max_new_tokens=4, eos_token_id=-1)
    assert len(passes) == 1 + 1 + 3


def alive(kept):
    gc.collect()
    return sum(one() is not None for one in kept)


@pytest.mark.long
@pytest.mark.parametrize(("method", "decoding", "most"), [("prepacked", "unpacked", 0), ("padding_free", "packed", 1)])
def test_while_tokens_are_decoded_no_cache_is_held_twice(model, method, decoding, most, monkeypatch):
    """Packed caches are gone once they are unpacked, and of rows that go on only those of one pass are there."""
    from prepack_lab import forward, generation

    kept, seen, run, choose = [], [], forward.DynamicCache, generation.choose_tokens

    def watched(*args, **how):
        cache = run(*args, **how)
        kept.append(weakref.ref(cache))
        return cache

    def count(*args):
        seen.append(alive(kept))
        return choose(*args)

    sharing = {"token_budget": 12} if decoding == "packed" else {}
    lab.generate(model, PROMPTS, method, 3, decoding, **sharing)  # known now
    monkeypatch.setattr(forward, "DynamicCache", watched)
    monkeypatch.setattr(generation, "choose_tokens", count)
    lab.generate(model, PROMPTS, method, 3, decoding, **sharing)
    assert seen == [most] * (3 if decoding == "packed" else 1)
