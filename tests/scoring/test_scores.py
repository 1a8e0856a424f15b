"""Log-likelihoods, held against a plain loop over the model."""

import math
from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import prepack_lab as lab
import prepack_lab.scoring.scores as scoring
from prepack_lab.exactness.support import UnsupportedModelError, ask
from prepack_lab.forward import call
from prepack_lab.methods import DATASET_METHODS
from prepack_lab.models.zoo import every_class, small_model
from prepack_lab.scoring.branches import try_branches
from tests.conftest import random_prompts


def by_a_loop(model, prompt, continuation):
    """The log-likelihood of each token, and whether each is the most likely one: as few lines as there can be."""
    with torch.no_grad():
        logits = model(torch.tensor([prompt + continuation])).logits[0, len(prompt) - 1 : -1].float()
    found = logits.log_softmax(-1)[torch.arange(len(continuation)), torch.tensor(continuation)]
    return found.tolist(), logits.argmax(-1).tolist() == continuation


def assert_right(model, prompts, continuations, scores, atol=3e-5):
    for prompt, each, own in zip(prompts, continuations, scores, strict=True):
        for continuation, found in zip(each, own, strict=True):
            expected, greedy = by_a_loop(model, prompt, continuation)
            assert found.token_log_likelihoods == pytest.approx(expected, abs=atol)
            assert found.log_likelihood == pytest.approx(sum(expected), abs=atol * len(continuation))
            assert found.greedy == greedy


@pytest.fixture
def eager_to_share(monkeypatch):
    """Beginnings are shared however little that saves."""
    monkeypatch.setattr(scoring, "LEAST_SHARED", 1)


@st.composite
def questions(draw):
    """Prompts, some of one token, some equal, some with a beginning in common; and one to four continuations each."""
    beginning = draw(st.lists(st.integers(0, 255), max_size=20))
    ends = draw(st.lists(st.lists(st.integers(0, 255), min_size=1, max_size=9), min_size=1, max_size=6))
    prompts = [(beginning if draw(st.booleans()) else []) + end for end in ends]
    if draw(st.booleans()):
        prompts.append(prompts[0])
    one = st.lists(st.lists(st.integers(0, 255), min_size=1, max_size=5), min_size=1, max_size=4)
    return prompts, [draw(one) for _ in prompts]


@settings(max_examples=30)
@given(asked=questions(), method=st.sampled_from([*DATASET_METHODS]), share=st.booleans())
def test_scores_are_those_of_a_plain_loop(tiny_model, asked, method, share):
    before, scoring.LEAST_SHARED = scoring.LEAST_SHARED, 1
    try:
        scores = lab.score(tiny_model, *asked, method, share=share, verify=True)
    finally:
        scoring.LEAST_SHARED = before
    assert_right(tiny_model, *asked, scores)


def test_greedy_decoding_would_say_what_it_says(tiny_model):
    prompts = random_prompts([3, 9, 1, 14])
    said = lab.generate(tiny_model, prompts, max_new_tokens=4, eos_token_id=-1)
    assert all(found.greedy for found in lab.score(tiny_model, prompts, said))
    others = [[*ids[:3], (ids[3] + 1) % 256] for ids in said]
    assert not any(found.greedy for found in lab.score(tiny_model, prompts, others))


def test_one_continuation_per_prompt_or_several(tiny_model):
    prompts = random_prompts([3, 5])
    one = lab.score(tiny_model, prompts, [[1, 2], [3]])
    several = lab.score(tiny_model, prompts, [[[1, 2]], [[3]]])
    assert one == [own for (own,) in several]
    ragged = lab.score(tiny_model, prompts, [[[1, 2]], [[3], [4, 5, 6]]])
    assert [len(own) for own in ragged] == [1, 2]


def test_arrays_and_tensors_are_continuations_as_well(tiny_model):
    prompts = random_prompts([3, 5])
    plain = lab.score(tiny_model, prompts, [[[1, 2], [7]], [[3], [4]]])
    assert plain == lab.score(tiny_model, prompts, [[np.array([1, 2]), torch.tensor([7])], ((3,), (np.int64(4),))])
    assert lab.score(tiny_model, prompts, [np.array([1, 2]), torch.tensor([3])]) == [plain[0][0], plain[1][0]]


@pytest.mark.parametrize(
    "continuations, words",
    [
        ([[1, 2]], "there are 2 prompts, and continuations for 1"),
        ([[1], []], "the continuation of prompt 1 is empty"),
        ([[[1], []], [[2]]], "continuation 1 of prompt 0 is empty"),
        ([[[1]], []], "prompt 1 has no continuation"),
        ([[1], [10**6]], "the continuation of prompt 1 holds id 1000000 at place 0"),
        ([[[1], [2, -1]], [[1]]], "continuation 1 of prompt 0 holds id -1 at place 1"),
        ([[[1]], [2]], "continuation 0 of prompt 1 is a single number"),
        ([[1], ["a"]], "the continuation of prompt 1 holds 'a' at place 0"),
        ("ab", "continuations is text"),
        ([" a", " b"], "the continuation of prompt 0 is text"),
        ([[1], None], "the continuation of prompt 1 is missing"),
    ],
)
def test_what_is_not_a_continuation_is_named(continuations, words):
    model = lab.load_model("tiny-llama")[0]
    with pytest.raises(lab.InvalidPromptsError) as caught:
        lab.score(model, random_prompts([3, 5]), continuations)
    assert words in str(caught.value)


def test_prompt_and_continuation_fit_the_positions(tiny_model):
    most = tiny_model.config.max_position_embeddings
    prompts = random_prompts([most - 2, 3])
    assert len(lab.score(tiny_model, prompts, [[1, 2, 3], [4]], "one_by_one")) == 2  # the last needs no position
    with pytest.raises(
        lab.InvalidPromptsError, match=f"of prompt 0 ends after {most + 2:,} tokens.*{most:,} positions"
    ):
        lab.score(tiny_model, prompts, [[1, 2, 3, 4], [4]])


def test_a_capacity_is_for_a_prompt_with_its_continuation(tiny_model):
    prompts, continuations = random_prompts([5, 3, 4]), [[[1, 2, 3], [4, 5]], [[6]], [[7, 8, 9]]]
    scores = lab.score(tiny_model, prompts, continuations, capacity=7)  # 8 with both branches, and 7 with either
    assert_right(tiny_model, prompts, continuations, scores)
    with pytest.raises(ValueError, match="prompt 0 has 7 tokens and a bin holds 6"):
        lab.score(tiny_model, prompts, continuations, capacity=6)


def slots_run(monkeypatch):
    """The slots of each call of a model from here on."""
    slots = []

    def count(model, input_ids, cache, **options):
        slots.append(input_ids.numel())
        return call(model, input_ids, cache, **options)

    for module in ("prepack_lab.forward", "prepack_lab.scoring.branches"):
        monkeypatch.setattr(f"{module}.call", count)
    return slots


def test_what_is_shared_is_read_once(tiny_model, monkeypatch, eager_to_share):
    (beginning,), ends = random_prompts([60]), random_prompts([3, 4, 5], seed=1)
    prompts, choices = [beginning + end for end in ends], [[[1], [2], [3, 4, 5]]] * 3
    for _ in range(2):  # the first call tries the model, too
        slots = slots_run(monkeypatch)
        lab.score(tiny_model, prompts, choices, "padding_free")
    assert slots == [60, 3 + 4 + 5 + 3 * 2]
    slots.clear()
    lab.score(tiny_model, prompts, choices, "padding_free", share=False)
    assert slots[0] == sum(len(prompt) * 3 + 2 for prompt in prompts)


def test_only_the_logits_asked_for_are_computed(tiny_model, monkeypatch):
    heads = []
    tiny_model.get_output_embeddings().register_forward_hook(lambda module, given, out: heads.append(out.shape))
    prompts = random_prompts([30, 20, 25])
    for method in ("padding_free", "prepacked", "one_by_one"):
        lab.score(tiny_model, prompts, [[1], [2, 3], [4]], method)
        heads.clear()
        lab.score(tiny_model, prompts, [[1], [2, 3], [4]], method)
        assert sum(math.prod(shape[:-1]) for shape in heads) == 4, method


def test_many_logits_are_computed_in_parts(tiny_model, monkeypatch):
    prompts, continuations = random_prompts([3] * 12), random_prompts([10] * 12, seed=1)
    whole = lab.score(tiny_model, prompts, continuations, "padding_free")
    monkeypatch.setattr(scoring, "MOST_LOGITS", 256 * 25)
    slots = slots_run(monkeypatch)
    parts = lab.score(tiny_model, prompts, continuations, "padding_free")
    assert slots == [2 * 12] * 6
    for one, other in zip(whole, parts, strict=True):
        assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-4)


def test_options_of_the_method_are_taken_and_others_refused(tiny_model):
    prompts, continuations = random_prompts([3, 4, 5]), [[1], [2], [3]]
    plain = lab.score(tiny_model, prompts, continuations)
    sized = lab.score(tiny_model, prompts, continuations, batch_size=2, strategy="best_fit")
    assert [one.log_likelihood for one in sized] == pytest.approx([one.log_likelihood for one in plain], abs=1e-5)
    with pytest.raises(ValueError, match="has no option 'token_budget'"):
        lab.score(tiny_model, prompts, continuations, token_budget=8)
    with pytest.raises(ValueError, match="there is no method 'magic'"):
        lab.score(tiny_model, prompts, continuations, "magic")


@pytest.mark.parametrize("name", ["BloomForCausalLM", "MptForCausalLM", "GPTNeoForCausalLM", "RobertaForCausalLM"])
@pytest.mark.parametrize("method", ["prepacked", "padding_free"])
def test_models_whose_branches_would_be_wrong_read_each_pair_alone(name, method, eager_to_share):
    """Some biases count slots instead of positions: those models are exact without branches, and that is what runs."""
    model = small_model(every_class()[name])
    if lab.check_model(model).methods[method] is not None:
        with pytest.raises(UnsupportedModelError):
            lab.score(model, [[1, 2, 3]], [[4]], method)
        return
    assert (method == "padding_free" and name == "GPTNeoForCausalLM") or ask(
        model, method, "branched", try_branches
    ).obstacle
    prompts, continuations = [[9, 8, 7, 6, 3], [9, 8, 7, 6, 4, 4]], [[[4, 5, 6], [7, 8]], [[9, 10], [11]]]
    assert_right(model, prompts, continuations, lab.score(model, prompts, continuations, method))


@pytest.mark.parametrize("method", ["prepacked", "padding_free"])
@pytest.mark.parametrize("name", ["MistralForCausalLM", "Gemma3ForCausalLM", "GptOssForCausalLM", "Cohere2ForCausalLM"])
def test_branches_keep_to_the_rules_of_their_layers(name, method, eager_to_share):
    """Windows, sinks and softcaps count along the path from the beginning to the end of a continuation."""
    model = small_model(every_class()[name])
    (beginning,), ends = random_prompts([19], 60), random_prompts([3, 14, 1], 60, seed=1)
    prompts = [beginning + end for end in ends]
    continuations = [random_prompts([9, 2, 17], 60, seed=seed) for seed in range(3)]
    assert ask(model, method, "branched", try_branches).obstacle is None
    assert_right(model, prompts, continuations, lab.score(model, prompts, continuations, method))


def test_a_rule_that_begins_late_is_found(eager_to_share, monkeypatch):
    """A bias that begins after 40 tokens, and that branches get wrong: the pass that first goes so far is refused."""
    model = lab.load_model("tiny-llama")[0]
    prompts = [prompt * 2 for prompt in random_prompts([30, 31])]
    lab.score(model, [prompt[:9] for prompt in prompts], [[[1], [2, 3]]] * 2)  # a first meeting
    embedding = model.get_input_embeddings()
    wrong = embedding.register_forward_hook(lambda module, ids, out: out + 0.5 * (ids[0].shape[1] > 100))
    with pytest.raises(UnsupportedModelError, match="other logits than alone"):
        lab.score(model, prompts, [[[1], [2, 3]]] * 2, "padding_free")
    wrong.remove()


def test_bfloat16_scores_are_near_those_of_float32():
    exact = lab.load_model("tiny-llama", dtype="float32")[0]
    rough = lab.load_model("tiny-llama", dtype="bfloat16")[0]
    prompts, continuations = random_prompts([3, 9, 20]), [[[1, 2], [3]], [[4, 5, 6]], [[7], [8]]]
    expected = lab.score(exact, prompts, continuations, "one_by_one")
    for method in ("prepacked", "padding_free"):
        found = lab.score(rough, prompts, continuations, method)
        for one, other in zip(chain(*found), chain(*expected), strict=True):
            assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=0.05)
