"""Rows as people lay them out."""

import json

import pytest

import prepack_lab as lab
from prepack_lab.sources.files import PromptFile, count_tokens, tokenized

USER = {"role": "user", "content": "Hi"}


def read(*rows, **options):
    file = PromptFile("a.jsonl", "\n".join(map(json.dumps, rows)).encode(), **options)
    return file, [*file]


@pytest.mark.parametrize(
    ("row", "kind", "content"),
    [
        ({"Prompt": "a"}, "texts", "a"),
        ({"USER PROMPT": "a", "id": 1}, "texts", "a"),
        ({"Input-Text": "a"}, "texts", "a"),
        ({"messages": [USER]}, "conversations", [USER]),
        ({"Messages": [{"role": "system", "content": "Be brief"}, USER]}, "conversations",
         [{"role": "system", "content": "Be brief"}, USER]),
        ({"messages": [USER, {"role": "assistant", "content": "Yo"}]}, "conversations", [USER]),
        ({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yo"}]}, "conversations",
         [USER]),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]}]},
         "conversations", [{"role": "user", "content": "H\ni"}]),
        ({"custom_id": "1", "method": "POST", "body": {"model": "m", "messages": [USER]}}, "conversations", [USER]),
        ({"custom_id": "1", "body": {"model": "m", "input": "a"}}, "texts", "a"),
        ({"custom_id": "1", "body": {"input": [USER]}}, "conversations", [USER]),
        ({"custom_id": "1", "body": {"prompt": "a", "max_tokens": 5}}, "texts", "a"),
        ({"prompt": "Hi", "prompt_id": "x", "messages": [USER]}, "conversations", [USER]),
        ({"system": "Be brief", "conversations": [{"from": "human", "value": "Hi"}]}, "conversations",
         [{"role": "system", "content": "Be brief"}, USER]),
        ({"prompt": [USER], "completion": "Yo"}, "conversations", [USER]),
        ([USER], "conversations", [USER]),
        ({"input_ids": [5, 6, 0], "attention_mask": [1, 1, 0], "labels": [1]}, "token ids", [5, 6]),
        ({"prompt_token_ids": "[5, 6]"}, "token ids", [5, 6]),
        ({"length": 12}, "lengths", 12),
        ({"Prompt Tokens": "12.0", "id": 3}, "lengths", 12),
        ({"prompt": "a b", "prompt_tokens": 2}, "texts", "a b"),
        (12, "lengths", 12),
    ],
)  # fmt: skip
def test_a_row_is_known_by_its_columns(row, kind, content):
    file, (prompt,) = read(row)
    assert (file.kind, prompt.kind, prompt.content) == (kind, kind, content)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"Prompt": "a", "prompt": "b"}, "two columns 'prompt'; name the column"),
        ({"prompt": "a", "query": "b"}, "not clear which of prompt, query make up"),
        ({"messages": [USER], "prompt": "a"}, "not clear which of messages, prompt make up"),
        (
            {"system": "a", "messages": [{"role": "system", "content": "b"}, USER]},
            "not clear which of messages, system",
        ),
        ({"messages": [USER], "tools": [{"type": "function"}]}, "offers tools, which are not rendered"),
        ({"messages": [{"content": "Hi"}]}, "message 0 has no role"),
        ({"messages": [{"role": "user"}]}, "message 0 is missing; a string is expected"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "more than text"),
        ({"messages": [{"role": "user", "content": "cut \ud83d"}]}, "message 0 holds half a character"),
        ({"input_ids": [1, -2]}, "'input_ids' holds id -2 at place 1"),
        ({"input_ids": [1, 2], "attention_mask": [1]}, "2 ids and an attention mask of 1"),
        ({"input_ids": "[1, 2"}, "begins like a list, and is no JSON"),
        ({"length": -1}, "'length' is -1; a number of tokens"),
        ({"length": 1.5}, "'length' is 1.5"),
        ({"length": "9" * 99}, "a number of tokens"),
        ({"prompt": 5}, "'prompt' is a single number"),
        ({"foo": "a"}, r"no text under any of: prompt, .*it has foo; .*--column"),
        (True, "is a bool"),
    ],
)
def test_what_is_unclear_is_refused(row, words):
    with pytest.raises(lab.InvalidPromptsError, match=rf"^a\.jsonl, line 1.*({words})"):
        read(row)


def test_a_column_can_be_named():
    row = {"id": 1, "prompt": "a", "query": "b", "My Ids": [3, 4], "n": 7}
    for column, content in (("prompt", "a"), ("QUERY", "b"), ("my_ids", [3, 4]), ("n", 7)):
        assert read(row, column=column)[1][0].content == content
    with pytest.raises(lab.InvalidPromptsError, match=r"a\.jsonl, line 1 has no columns, so none is called 'prompt'"):
        read("a", column="prompt")
    with pytest.raises(lab.InvalidPromptsError, match="has no column 'nothing'; it has: id, prompt, query, My Ids, n"):
        read(row, column="nothing")


def test_continuations_stand_apart():
    row = {"question": "Which?", "choices": ["a", "b"], "answer": 1}
    with pytest.raises(lab.InvalidPromptsError, match="'choices' is a list"):
        read(row)
    assert read(row, apart=["choices"])[1][0].content == "Which?"


def test_what_is_left_out_is_counted():
    rows = {"prompt": "a"}, {"prompt": ""}, {"prompt": None, "id": 3}, {"instruction": "b", "input": "c"}, ""
    file, found = read(*rows)
    assert [prompt.content for prompt in found] == ["a", "b\n\nc"]
    assert file.notes == [
        "read from prompt: 1; instruction + input, joined by a blank line: 1",
        "left out, rows without a prompt: 3",
    ]
    with pytest.warns(UserWarning, match=r"a\.csv: left out, rows without a prompt: 1"):
        assert lab.read_prompts("a.csv", b"id,prompt\n1,hello\n2,\n") == ["hello"]
    with pytest.raises(lab.InvalidPromptsError, match=r"holds no prompts \(left out, rows without a prompt: 1\)"):
        read({"prompt": ""})


def test_a_file_holds_prompts_of_one_kind():
    with pytest.raises(lab.InvalidPromptsError, match="line 2 holds conversations, the prompts before are texts"):
        read({"prompt": "a"}, {"messages": [USER]})
    with pytest.raises(lab.InvalidPromptsError, match=r"a\.json holds lengths and no prompts; prepack-lab inspect"):
        lab.read_prompts("a.json", b"[1, 2]")


AZURE = b"""TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
"""
BURST = b"Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,ChatGPT,472,18,490,Conversation log\n"
MOONCAKE = b'{"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47]}\n'


def test_traces_as_they_are_published():
    first, second = PromptFile("azure.csv", AZURE)
    assert (first.content, second.content) == (374, 396)
    assert second.arrival - first.arrival == pytest.approx(4.314579, abs=1e-5)
    (burst,) = PromptFile("burst.csv", BURST)
    assert (burst.content, burst.arrival) == (472, 5.0)
    (mooncake,) = PromptFile("mooncake.jsonl", MOONCAKE)
    assert (mooncake.content, mooncake.arrival) == (6955, 27.482)
    (odd,) = PromptFile("odd.csv", b"timestamp,length\nnoon,3\n")
    with pytest.raises(lab.InvalidPromptsError, match=r"odd\.csv, line 2, row 1: 'timestamp' is 'noon'; write seconds"):
        _ = odd.arrival


class TestTokens:
    @pytest.fixture
    def tokenizer(self):
        _, tokenizer = lab.load_model("tiny-llama")
        tokenizer.chat_template = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}<assistant>"
        return tokenizer

    def texts(self, tokenizer, *rows, **options):
        return [tokenizer.decode(ids) for _, ids in tokenized(read(*rows, **options)[0], tokenizer)]

    def test_conversations_are_rendered_and_texts_are_not(self, tokenizer):
        conversation = {"messages": [{"role": "system", "content": "Be brief"}, USER]}
        assert self.texts(tokenizer, conversation) == ["<system>Be brief<user>Hi<assistant>"]
        assert self.texts(tokenizer, conversation, chat=False) == ["Be brief\n\nHi"]
        assert self.texts(tokenizer, "Hi") == ["Hi"]
        assert self.texts(tokenizer, "Hi", chat=True) == ["<user>Hi<assistant>"]

    def test_a_template_that_is_missing_or_objects_is_named(self, tokenizer):
        tokenizer.chat_template = "{{ raise_exception('no system') }}"
        with pytest.raises(lab.InvalidPromptsError, match=r"a\.jsonl, line 1 is rejected by the chat .*: no system"):
            self.texts(tokenizer, {"messages": [USER]})
        tokenizer.chat_template = None
        with pytest.raises(lab.InvalidPromptsError, match=r"a\.jsonl, line 1 asks for a chat template.*--no-chat"):
            self.texts(tokenizer, {"messages": [USER]})

    def test_ids_are_taken_as_they_stand_and_lengths_are_only_counted(self, tokenizer):
        file, _ = read({"input_ids": [5, 6]}, {"input_ids": [7]})
        assert [ids for _, ids in tokenized(file, tokenizer)] == [[5, 6], [7]]
        assert [(tokens, ids) for _, tokens, ids in count_tokens(file, tokenizer)] == [(2, [5, 6]), (1, [7])]
        lengths, _ = read(3, 4)
        assert [(tokens, ids) for _, tokens, ids in count_tokens(lengths, tokenizer)] == [(3, []), (4, [])]
        with pytest.raises(lab.InvalidPromptsError, match=r"a\.jsonl holds lengths and no prompts"):
            [*tokenized(lengths, tokenizer)]
