"""Every causal language model of transformers: exact where it is accepted, refused with a reason where it is not."""

import pytest
import torch
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

import prepack_lab as lab
from prepack_lab.exactness.differences import TOLERANCE, InFloat32, apart
from prepack_lab.forward import forward_alone
from prepack_lab.methods import METHODS
from prepack_lab.models.zoo import (
    VOCABULARY,
    WINDOW,
    every_class,
    small_model,
    support_of_every_class,
    support_table,
)
from tests.conftest import random_prompts

pytestmark = pytest.mark.slow

LENGTHS = [3, 21, 1, 8, WINDOW, 13, 2]  # some longer than two windows
NAMES = {names if isinstance(names, str) else names[0] for names in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()}
"""Of all classes, without loading one."""
COUNTS_OTHERWISE = {
    "CamembertForCausalLM", "Data2VecTextForCausalLM", "RobertaForCausalLM", "RobertaPreLayerNormForCausalLM",
    "XLMRobertaForCausalLM", "XLMRobertaXLForCausalLM", "XmodForCausalLM",
}  # fmt: skip
"""Classes whose positions begin after the padding id, and whose `generate` lets them begin at 0."""
LATE = (
    "Phi3ForCausalLM", "Llama4ForCausalLM", "MistralForCausalLM", "Gemma3ForCausalLM", "GptOssForCausalLM",
    "Cohere2ForCausalLM", "BloomForCausalLM", "MptForCausalLM", "GPTNeoForCausalLM", "Qwen2ForCausalLM",
    "DeepseekV3ForCausalLM", "GPTJForCausalLM", "FalconForCausalLM", "RobertaForCausalLM", "MoshiForCausalLM",
)  # fmt: skip
"""Classes with windows, factors, buffers and biases of their own."""


@pytest.fixture(scope="module")
def answers():
    return dict(support_of_every_class())


def test_most_classes_are_exact_by_a_packed_method(answers):
    accepted = [name for name, said in answers.items() if not isinstance(said, str) and said.supported]
    assert len(accepted) >= 125
    assert {*answers} == {*every_class()} == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_no_class_is_silently_wrong(name, answers):
    """Longer prompts, other tokens and more steps than `check_model` looked at."""
    said = answers[name]
    if isinstance(said, str):
        pytest.skip(said)
    exact = [method for method, obstacle in said.methods.items() if obstacle is None]
    if not exact:
        assert len(said.reason) > 20
        pytest.skip(f"refused: {said.reason}")
    model = small_model(every_class()[name])
    prompts = random_prompts(LENGTHS, VOCABULARY, seed=len(name))
    logits = torch.cat([forward_alone(model, prompt).next_token_logits for prompt in prompts])
    tokens = lab.generate(model, prompts, "one_by_one", max_new_tokens=4, eos_token_id=-1)
    ways = [(method, "unpacked") for method in exact if method != "one_by_one"]
    ways += [(method, "packed") for method, obstacle in said.packed_decoding.items() if obstacle is None]
    for method, decoding in ways:
        found = lab.prefill(model, prompts, method).next_token_logits
        torch.testing.assert_close(found, logits, atol=1e-3 * logits.std().item(), rtol=0)
        try:
            assert lab.generate(model, prompts, method, 4, decoding, eos_token_id=-1) == tokens
        except lab.UnsupportedModelError as refusal:
            assert name in COUNTS_OTHERWISE and "model.generate gets other logits than the model alone" in str(refusal)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", LATE)
def test_no_rule_begins_unnoticed(name, dtype):
    """At the lengths where the configurations themselves let something begin, up to rows of 3,000 tokens."""
    if name not in every_class():
        pytest.skip("not in the installed transformers")
    model = small_model(every_class()[name], own_lengths=True).to(dtype)
    accepted = 0
    for lengths in ([1, 60, 7], [700, 20, 3], [3000, 5]):
        prompts = random_prompts(lengths, VOCABULARY, seed=5)
        for method, options in (("full_batching", {}), ("prepacked", {"capacity": sum(lengths)}), ("padding_free", {})):
            try:
                found = lab.prefill(model, prompts, method, **options).next_token_logits
            except (lab.UnsupportedModelError, lab.InvalidPromptsError):
                continue
            alone = torch.cat([forward_alone(model, prompt).next_token_logits for prompt in prompts])
            rounding = 0.0
            if dtype == torch.bfloat16:
                with InFloat32():
                    exact = torch.cat([forward_alone(model, prompt).next_token_logits for prompt in prompts])
                rounding = 3 * max(apart(alone, exact))
            assert max(apart(found, alone)) <= max(TOLERANCE, rounding), (lengths, method)
            accepted += 1
    assert accepted >= 2, "and it is of use"


def test_the_table_has_a_row_for_each_class(answers):
    text = str(support_table([*answers.items()], tuple(METHODS)))
    assert text.count("\n") == len(answers) + 1
    llama = next(line for line in text.splitlines() if line.startswith("LlamaForCausalLM"))
    assert llama.split() == ["LlamaForCausalLM", *["exact"] * 5, "prepacked,", "padding_free"]
    mamba = next(line for line in text.splitlines() if line.startswith("MambaForCausalLM"))
    assert mamba.count("refused") == 6 and "it carries a state from token to token" in mamba
