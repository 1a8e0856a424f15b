"""Every causal language model of transformers: exact where it is accepted, refused with a reason where it is not."""

import pytest
import torch

import prepack_lab as lab
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


@pytest.fixture(scope="module")
def answers():
    return dict(support_of_every_class())


def test_a_hundred_classes_are_exact_by_a_packed_method(answers):
    accepted = [name for name, said in answers.items() if not isinstance(said, str) and said.supported]
    assert len(accepted) >= 100
    assert len([*answers]) == len(every_class())


@pytest.mark.parametrize("name", every_class())
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
    for method in exact:
        found = lab.prefill(model, prompts, method).next_token_logits
        torch.testing.assert_close(found, logits, atol=1e-3 * logits.std().item(), rtol=0)
        assert lab.generate(model, prompts, method, max_new_tokens=4, eos_token_id=-1) == tokens
    for method, obstacle in said.packed_decoding.items():
        if obstacle is None:
            found = lab.generate(model, prompts, method, max_new_tokens=4, eos_token_id=-1, decoding="packed")
            assert found == tokens


def test_the_table_has_a_row_for_each_class(answers):
    text = str(support_table([*answers.items()], tuple(METHODS)))
    assert text.count("\n") == len(answers) + 1
    llama = next(line for line in text.splitlines() if line.startswith("LlamaForCausalLM"))
    assert llama.split() == ["LlamaForCausalLM", *["exact"] * 5, "prepacked,", "padding_free"]
    mamba = next(line for line in text.splitlines() if line.startswith("MambaForCausalLM"))
    assert mamba.count("refused") == 6 and "it carries a state from token to token" in mamba
