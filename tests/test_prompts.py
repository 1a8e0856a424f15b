import numpy as np
import pytest
import torch

import prepack_lab as lab


@pytest.mark.parametrize("prompts", [[[1, 2], [3]], [np.array([1, 2]), torch.tensor([3])], ((1, 2), (3,))])
def test_prompts_of_any_kind_become_lists(prompts):
    assert lab.check_prompts(prompts, vocab_size=4, max_positions=2) == [[1, 2], [3]]


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        ([], "no prompts"),
        ("a text", "tokenize"),
        ([[1], "a text"], "prompt 1 is text"),
        ([[1], []], "prompt 1 is empty"),
        ([1, 2], r"pass \[prompt\]"),
        (7, "list of lists"),
        ([[1], [2, 10]], "prompt 1 holds id 10 at place 1; the model knows the ids 0 to 9"),
        ([[-1]], "prompt 0 holds id -1"),
        ([[1, 2.5]], "prompt 0 holds 2.5 at place 1"),
        ([[1, True]], "prompt 0 holds True at place 1"),
        ([[1], ["a", "b"]], "prompt 1 holds 'a' at place 0"),
        ([[1], [1] * 6], "prompt 1 has 6 tokens; the model has 5 positions"),
        ([[[1]]], "prompt 0 holds"),
        ([[[1], [2, 3]]], r"prompt 0 holds \[1\] at place 0"),
        (np.array([1, 2]), "prompt 0 is a single number"),
        (torch.tensor([0, 2]), "prompt 0 is a single number"),
    ],
)
def test_what_cannot_be_run_is_named(prompts, words):
    with pytest.raises(lab.InvalidPromptsError, match=words):
        lab.check_prompts(prompts, vocab_size=10, max_positions=5)


def test_an_invalid_prompt_is_a_value_error():
    assert issubclass(lab.InvalidPromptsError, ValueError)


def test_tokenize_refuses_a_single_text_and_a_missing_chat_template():
    tokenizer = lab.load_model("tiny-llama")[1]
    assert lab.tokenize(tokenizer, ["ab", "c"]) == [tokenizer("ab")["input_ids"], tokenizer("c")["input_ids"]]
    with pytest.raises(lab.InvalidPromptsError, match="list of strings"):
        lab.tokenize(tokenizer, "ab")
    with pytest.raises(lab.InvalidPromptsError, match="no chat template"):
        lab.tokenize(tokenizer, ["ab"], chat=True)
