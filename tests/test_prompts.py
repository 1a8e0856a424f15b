"""Prompts: tokenized as they were meant, run as they are, or refused by name."""

import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab.prompts import check_prompts

TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] | trim }}"
    "{% if m['role'] == 'tool' %}{{ raise_exception('no tools here') }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
USER = {"role": "user", "content": "hi"}


@pytest.fixture(scope="module")
def tokenizer():
    return lab.load_model("tiny-llama")[1]


@pytest.fixture
def chatting(tokenizer, monkeypatch):
    monkeypatch.setattr(tokenizer, "chat_template", TEMPLATE)
    return tokenizer


@pytest.mark.parametrize("prompts", [[[1, 2], [3]], [np.array([1, 2]), torch.tensor([3])], ((1, 2), (3,))])
def test_prompts_of_any_kind_become_lists(prompts):
    assert check_prompts(prompts, vocab_size=4, max_positions=2) == [[1, 2], [3]]


def test_ids_may_be_scalars_of_numpy_and_torch_and_become_plain_ints():
    (ids,) = check_prompts([[1, np.int64(2), np.array(3), torch.tensor(4)]], vocab_size=5)
    assert ids == [1, 2, 3, 4]
    assert {type(id) for id in ids} == {int}


@given(st.lists(st.lists(st.integers(0, 2**63 - 1), min_size=1), min_size=1))
def test_what_is_returned_equals_what_was_given_and_is_a_copy(prompts):
    found = check_prompts(prompts)
    assert found == prompts
    assert all(copy is not prompt for copy, prompt in zip(found, prompts, strict=True))


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        ([], "no prompts"),
        ("a text", "tokenize"),
        (b"bytes", "prompts is bytes; .*tokenize"),
        ([[1], "a text"], "prompt 1 is text"),
        ([[1], []], "prompt 1 is empty"),
        ([1, 2], r"pass \[prompt\]"),
        (7, "list of lists"),
        (None, "prompts is missing"),
        ([[1], None], "prompt 1 is missing"),
        ([[1], 2.5], "prompt 1 is a single number"),
        ([[1], {2, 3}], "prompt 1 is a set"),
        ([[1], b"ab"], "prompt 1 is bytes"),
        ([[1], [2, 10]], "prompt 1 holds id 10 at place 1; the model knows the ids 0 to 9"),
        ([[-1]], "prompt 0 holds id -1"),
        ([[1, 2.5]], "prompt 0 holds 2.5 at place 1"),
        ([[1, True]], "prompt 0 holds True at place 1"),
        ([[1, np.True_]], "prompt 0 holds True at place 1"),
        ([[1, torch.tensor(True)]], "prompt 0 holds True at place 1"),
        ([torch.tensor([True])], "prompt 0 holds True at place 0"),
        ([torch.tensor([1.0])], "prompt 0 holds 1.0 at place 0"),
        ([[1, None]], "prompt 0 holds None at place 1"),
        ([[1], ["a", "b"]], "prompt 1 holds 'a' at place 0"),
        ([[1], [1] * 6], "prompt 1 has 6 tokens; the model has 5 positions"),
        ([[[1]]], "prompt 0 holds"),
        ([[[1], [2, 3]]], r"prompt 0 holds \[1\] at place 0"),
        (np.array([1, 2]), "prompt 0 is a single number"),
        (torch.tensor([0, 2]), "prompt 0 is a single number"),
        (torch.tensor(0), "prompts is a single number"),
    ],
)
def test_what_cannot_be_run_is_named(prompts, words):
    with pytest.raises(lab.InvalidPromptsError, match=words):
        check_prompts(prompts, vocab_size=10, max_positions=5)


def test_an_invalid_prompt_is_a_value_error():
    assert issubclass(lab.InvalidPromptsError, ValueError)


@pytest.mark.parametrize("id", [-1, 2**63, -(2**70)])
def test_an_id_fits_a_tensor_even_where_no_vocabulary_is_known(id):
    with pytest.raises(lab.InvalidPromptsError, match=f"prompt 0 holds id {id} at place 1"):
        check_prompts([[1, id]])


@pytest.mark.parametrize("rows", [np.array([[1, 2]]), torch.tensor([[1, 2], [3, 0]]), torch.zeros(1, 1, 1).long()])
def test_padding_is_never_run_as_text(rows):
    with pytest.raises(lab.InvalidPromptsError, match=r"prompts is a [23]-D array, .*padding.*tolist.*lab\.tokenize"):
        check_prompts(rows)
    assert check_prompts([row.reshape(-1) for row in rows]) == [row.reshape(-1).tolist() for row in rows]


@pytest.mark.parametrize("padded", [False, True])
def test_what_a_tokenizer_returns_is_refused_whole(tokenizer, padded):
    encoded = tokenizer(["hello", "hi"], padding=padded)
    for prompts, culprit in ((encoded, "prompts"), (dict(encoded), "prompts"), ([encoded], "prompt 0")):
        with pytest.raises(lab.InvalidPromptsError, match=rf"^{culprit} is a .*lab\.tokenize"):
            check_prompts(prompts)


@pytest.mark.parametrize("prompts", [[range(1_000_000)], [np.arange(1_000_000)], [[7] * 1_000] * 1_000])
def test_a_million_tokens_are_checked_in_a_moment(prompts):
    begin = time.perf_counter()
    check_prompts(prompts, vocab_size=1_000_000, max_positions=1_000_000)
    assert time.perf_counter() - begin < 2


def test_texts_are_tokenized_each_by_itself(tokenizer):
    assert lab.tokenize(tokenizer, ["ab", "c"]) == [tokenizer("ab")["input_ids"], tokenizer("c")["input_ids"]]
    assert lab.tokenize(tokenizer, (text for text in np.array(["ab", "😀"]))) == lab.tokenize(tokenizer, ["ab", "😀"])


@pytest.mark.parametrize("texts", ["ab", b"ab", {"ab": 1}, {"ab"}, None, 5])
@pytest.mark.parametrize("chat", [False, True])
def test_texts_that_are_no_list_are_refused(chatting, texts, chat):
    with pytest.raises(lab.InvalidPromptsError, match=r"^texts is .*list of strings"):
        lab.tokenize(chatting, texts, chat=chat)


@pytest.mark.parametrize("text", [["hello", "world"], ("a", "b"), [1, 2], [USER], USER, None, 5, float("nan"), b"ab"])
def test_a_text_is_a_string(tokenizer, text):
    with pytest.raises(lab.InvalidPromptsError, match=r"^prompt 1 is .*; a string is expected"):
        lab.tokenize(tokenizer, ["fine", text])


@pytest.mark.parametrize(("text", "place"), [("cut \ud83d", 4), ("\ude00", 0), ("\ude00\ud83d", 0)])
def test_half_a_character_is_named(chatting, text, place):
    with pytest.raises(lab.InvalidPromptsError, match=f"prompt 1 holds half a character at {place}"):
        lab.tokenize(chatting, ["fine 😀", text])
    with pytest.raises(lab.InvalidPromptsError, match="prompt 0, message 1: 'content' holds half a character"):
        lab.tokenize(chatting, [[USER, {"role": "user", "content": text}]], chat=True)


@pytest.mark.parametrize(
    ("chat", "rendered"),
    [
        ("hi", "<user>hi<assistant>"),
        ([USER], "<user>hi<assistant>"),
        (({"role": "system", "content": "Be brief"}, USER), "<system>Be brief<user>hi<assistant>"),
        (
            [USER, {"role": "assistant", "content": "ho"}, {"role": "user", "content": "?", "name": "Ada"}],
            "<user>hi<assistant>ho<user>?<assistant>",
        ),
    ],
)
def test_a_chat_is_a_text_or_messages(chatting, chat, rendered):
    assert lab.tokenize(chatting, ["go", chat], chat=True) == [
        chatting(text)["input_ids"] for text in ("<user>go<assistant>", rendered)
    ]


@pytest.mark.parametrize(
    ("chat", "words"),
    [
        (USER, "prompt 1 is a dict, not a conversation; .*list of messages"),
        (None, "prompt 1 is missing"),
        (5, "prompt 1 is a single number"),
        ([], "prompt 1 is a list, not a conversation"),
        (["hello", "world"], "prompt 1 is a list, not a conversation"),
        ([USER, "hello"], "prompt 1 is a list, not a conversation"),
        ([[USER]], "prompt 1 is a list, not a conversation"),
        ([USER, {"content": "hi"}], "prompt 1, message 1: 'role' is missing"),
        ([{"role": 1, "content": "hi"}], "prompt 1, message 0: 'role' is a single number"),
        ([{"role": "user"}], "prompt 1, message 0: 'content' is missing"),
        ([{"role": "user", "content": None}], "prompt 1, message 0: 'content' is missing"),
        ([{"role": "user", "content": [{"type": "text", "text": "hi"}]}], "message 0: 'content' is a list"),
        (
            [USER, {"role": "tool", "content": "42"}],
            "prompt 1 is rejected by the chat template: no tools here",
        ),
    ],
)
def test_what_is_no_chat_is_named(chatting, chat, words):
    with pytest.raises(lab.InvalidPromptsError, match=words):
        lab.tokenize(chatting, ["fine", chat], chat=True)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ messages[0].content.parts.text }}", "no attribute"),
        ("{{ messages[0].content + 1 }}", "concatenate"),
        ("{% for", "end of template|Unexpected"),
        ({"tool_use": "{{ messages }}"}, "multiple chat templates"),
    ],
)
def test_a_template_that_fails_is_quoted(tokenizer, monkeypatch, template, words):
    monkeypatch.setattr(tokenizer, "chat_template", template)
    with pytest.raises(lab.InvalidPromptsError, match=f"prompt 0 is rejected by the chat template: .*({words})"):
        lab.tokenize(tokenizer, ["hi"], chat=True)


def test_a_chat_needs_a_template(tokenizer):
    with pytest.raises(lab.InvalidPromptsError, match="no chat template; use chat=False"):
        lab.tokenize(tokenizer, ["ab"], chat=True)


def test_random_prompts_have_the_lengths_asked_for_and_repeat_with_their_seed():
    prompts = lab.random_prompts([3, 1, 5], vocab_size=7, seed=2)
    assert [len(prompt) for prompt in prompts] == [3, 1, 5]
    assert prompts == check_prompts(prompts, vocab_size=7) == lab.random_prompts([3, 1, 5], 7, seed=2)
    assert prompts != lab.random_prompts([3, 1, 5], 7, seed=3)
