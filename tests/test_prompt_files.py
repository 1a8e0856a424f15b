"""Files of prompts: read, or refused with the line that is wrong."""

import json

import pytest

import prepack_lab as lab


def test_a_text_has_a_prompt_a_line():
    assert lab.read_prompts("a.txt", b"\xef\xbb\xbfone two\n\n  \nthree\r\n") == ["one two", "three"]


def test_json_lines_may_be_texts_or_objects():
    content = b'"one"\n{"prompt": "two", "id": 2}\n\n{"id": 3, "question": "three?"}\n'
    assert lab.read_prompts("a.jsonl", content) == ["one", "two", "three?"]


def test_a_table_is_read_by_its_heading():
    assert lab.read_prompts("a.csv", b'id,instruction\n1,"one, or\ntwo"\n2,three\n') == ["one, or\ntwo", "three"]


def test_a_file_on_the_disk(tmp_path):
    (tmp_path / "mine.txt").write_text("Grüße\n", encoding="utf-8")
    assert lab.read_prompts(tmp_path / "mine.txt") == ["Grüße"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.pdf", b"", r"a\.pdf ends in '\.pdf'; prompts are read from \.txt, \.jsonl, \.csv"),
        ("a.txt", b"\n \n", "holds no prompts"),
        ("a.txt", b"ok\n\xff\xfe", "is not UTF-8 text .* at byte 3"),
        ("a.jsonl", b'"ok"\n{"prompt": \n', r"a\.jsonl, line 2 is no JSON"),
        ("a.jsonl", b'{"id": 1}\n', "line 1 has no text under any of: prompt, text"),
        ("a.csv", b"id,prompt\n1,hello\n2,\n", "row 2 has no text"),
        ("a.jsonl", b'"ok"\n""\n', "line 2 has no text$"),
        ("no/such/file.txt", None, "can't be read: No such file"),
    ],
)
def test_what_can_not_be_read_is_named(name, content, words):
    with pytest.raises(lab.InvalidPromptsError, match=words):
        lab.read_prompts(name, content)


@pytest.mark.parametrize("letter", ["\u2028", "\u0085", "\x0c"])
def test_only_a_line_break_ends_a_line(letter):
    text = f"one{letter}two"
    assert lab.read_prompts("a.txt", f"{text}\r\nthree".encode()) == [text, "three"]
    assert lab.read_prompts("a.jsonl", json.dumps(text.replace("\x0c", " "), ensure_ascii=False).encode()) == [
        text.replace("\x0c", " ")
    ]


def test_a_prompt_in_a_table_may_be_long():
    long = "word " * 40_000
    assert lab.read_prompts("a.csv", f"prompt\n{long}\n".encode()) == [long]
