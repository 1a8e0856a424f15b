"""Files of prompts: read whole, or refused with the line that is wrong."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab.sources.layouts import LAYOUTS


def read_json(*values):
    return lab.read_prompts("a.jsonl", "\n".join(map(json.dumps, values)).encode())


def test_a_text_has_a_prompt_per_line():
    assert lab.read_prompts("a.txt", b"\xef\xbb\xbfone two\n\n  \nthree\r\n") == ["one two", "three"]


def test_json_lines_may_be_texts_or_objects():
    content = b'"one"\n{"prompt": "two", "id": 2}\n\n{"id": 3, "question": "three?"}\n'
    assert lab.read_prompts("a.jsonl", content) == ["one", "two", "three?"]


def test_a_table_is_read_by_its_heading():
    assert lab.read_prompts("a.csv", b'id,instruction\n1,"one, or\ntwo"\n2,three\n') == ["one, or\ntwo", "three"]


@pytest.mark.parametrize(
    ("content", "prompts"),
    [
        (b'\xef\xbb\xbfprompt\r\n"a ""b"", c"\r\n\r\n', ['a "b", c']),
        (b'\nid, prompt \n\n1,a\n2,"b\r\nc"\n\n\n', ["a", "b\r\nc"]),
        (b'prompt\nsay "hi" now\n"C:\\dir\\"\n', ['say "hi" now', "C:\\dir\\"]),
        (b"prompt,,\na,,\n", ["a"]),
        (b"prompt\ra\rb\r", ["a", "b"]),
    ],
)
def test_a_table_may_come_from_any_spreadsheet(content, prompts):
    assert lab.read_prompts("a.CSV", content) == prompts


def test_a_file_on_the_disk(tmp_path):
    (tmp_path / "mine.txt").write_text("Grüße\n", encoding="utf-8")
    assert lab.read_prompts(tmp_path / "mine.txt") == ["Grüße"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.pdf", b"", r"a\.pdf does not end in what prompts are read from: \.txt, \.json, "),
        ("a.txt", b"\n \n", "holds no prompts"),
        ("a.csv", b"", r"a\.csv holds no prompts"),
        ("a.csv", b"prompt\n", r"a\.csv holds no prompts"),
        ("a.txt", b"ok\n\xff\xfe", r"a\.txt, line 2 is not UTF-8 text \(byte 0xff after 0 characters\)"),
        ("a.txt", "ok".encode("utf-16"), "is not UTF-8 text"),
        ("a.txt", "ok".encode("utf-16-le"), r"a\.txt, line 1 holds a NUL byte"),
        ("a.jsonl", b'"ok"\n"a\0b"\n', r"a\.jsonl, line 2 holds a NUL byte"),
        ("a.csv", b"prompt\r\nok\r\na\0b\r\n", r"a\.csv, line 3 holds a NUL byte"),
        ("a.jsonl", b'"ok"\n{"prompt": \n', r"a\.jsonl, line 2 is not readable JSON"),
        ("a.jsonl", b'{"id": 1}\n', "line 1 has no text under any of: prompt, text"),
        ("a.jsonl", b'{"context": "x"}\n', "line 1 has no text under any of: prompt, text"),
        (
            "a.csv",
            b"id|prompt\n1|hello\n",
            r"row 1 has no text under any of: .* it has id\|prompt;.*--column",
        ),
        ("a.jsonl", b'"ok"\n["a"]\n', "line 2: 'a value per row' is a list; a text, messages or ids"),
        ("no/such/file.txt", None, "can't be read: No such file"),
    ],
)
def test_what_can_not_be_read_is_named(name, content, words):
    with pytest.raises(lab.InvalidPromptsError, match=words):
        lab.read_prompts(name, content)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("prompt\nHello, how are you?\nFine\n", "line 2, row 1 has 2 fields, the heading has 1"),
        ("id,prompt\n1,Fine\n2,Translate: yes, no, maybe\n", "line 3, row 2 has 4 fields, the heading has 2"),
        ("prompt,id\nTranslate: yes, no, maybe,1\n", "line 2, row 1 has 4 fields, the heading has 2"),
        ("id,prompt,topic\n1,Fine\n", "line 2, row 1 has 2 fields, the heading has 3"),
        ('prompt\n"one\ntwo"\nthree, four\n', "line 4, row 2 has 2 fields, the heading has 1"),
        ('prompt\nok\n"He said \\"hi, there\\" to me"\nok\n', "line 3: .* not CSV"),
        ('prompt\n"He said \\"hi\\""\n', "line 2: .* not CSV"),
        ('prompt\nok\n"one\ntwo\nthree\n', "line 3: .* not CSV"),
        ('prompt\n"one" two\n', "line 2: .* not CSV"),
    ],
)
def test_a_table_whose_fields_do_not_fit_loses_nothing(rows, words):
    with pytest.raises(lab.InvalidPromptsError, match=rf"^a\.csv, {words}.*double quotes"):
        lab.read_prompts("a.csv", rows.encode())


def test_a_name_stands_once_in_a_heading_and_in_an_object():
    with pytest.raises(lab.InvalidPromptsError, match=r"a\.csv, line 1: the heading has 'prompt' 2 times"):
        lab.read_prompts("a.csv", b"prompt,id,prompt\na,1,b\n")
    with pytest.raises(lab.InvalidPromptsError, match=r"a\.jsonl, line 2 .*'prompt' 2 times"):
        lab.read_prompts("a.jsonl", b'"ok"\n{"prompt": "a", "prompt": "b"}\n')


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"prompt": "x", "n": %s}' % ("9" * 5000), "4300 digits"),
        ('{"prompt": "x", "n": %s}' % ("[" * 100_000), "recursion"),
        ('{"n":' * 100_000, "recursion"),
        ('{"prompt": "x", "n": NaN}', "NaN is not a JSON value"),
        ('{"prompt": "x", "n": [-Infinity]}', "-Infinity is not a JSON value"),
        ("NaN", "NaN is not a JSON value"),
    ],
)
def test_what_python_cannot_read_as_json_is_named_by_its_line(line, words):
    with pytest.raises(lab.InvalidPromptsError, match=rf"^a\.jsonl, line 2 is not readable JSON: .*{words}"):
        lab.read_prompts("a.jsonl", f'"ok"\n{line}\n'.encode())


def test_half_a_character_is_named_where_it_is_read():
    assert read_json("whole 😀", {"prompt": "ok", "output": "cut \ud83d"}) == ["whole 😀", "ok"]
    for value, where in (
        ("cut \ud83d", "line 2 holds"),
        ({"prompt": "\ude00"}, "line 2: 'prompt' holds"),
        ({"instruction": "ok", "input": "cut \ud83d", "output": "x"}, "line 2: 'input' holds"),
    ):
        with pytest.raises(lab.InvalidPromptsError, match=rf"^a\.jsonl, {where} half a character"):
            read_json("ok", value)


@pytest.mark.parametrize(
    ("row", "prompt"),
    [
        ({"instruction": "Sort", "input": "b a", "output": "a b"}, "Sort\n\nb a"),
        ({"instruction": "Sort", "input": "", "output": "a b"}, "Sort"),
        ({"instruction": "Sort", "input": None, "history": [], "output": "a b"}, "Sort"),
        ({"instruction": "", "input": "Sort b a"}, "Sort b a"),
        ({"instruction": "Say", "input": "Say"}, "Say\n\nSay"),
        ({"context": "It opened in 1932.", "instruction": "When?", "response": "1932"}, "When?\n\nIt opened in 1932."),
        ({"system": "Be brief", "instruction": "Sort", "input": "b a"}, "Be brief\n\nSort\n\nb a"),
        (
            {"title": "Bridge", "context": "In 1932.", "question": "When?", "answers": {}},
            "When?\n\nIn 1932.",
        ),
        ({"question": "Is it?", "passage": "It is.", "answer": True}, "Is it?\n\nIt is."),
        ({"system_prompt": "Be brief", "question": "Why?", "response": "So"}, "Be brief\n\nWhy?"),
        ({"prompt": "Hello", "completion": "Hi"}, "Hello"),
        ({"text": "same", "content": "same"}, "same"),
        ({"prompt": "Sort\n\nb a", "instruction": "Sort", "input": "b a"}, "Sort\n\nb a"),
    ],
)
def test_all_of_a_prompt_is_read(row, prompt):
    assert read_json(row) == [prompt]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"text": "a", "content": "b"}, "not clear which of text, content make up the prompt.*under 'prompt'"),
        ({"prompt": "a", "input": "b"}, "not clear which of prompt, input make up"),
        ({"prompt": "a", "context": "b"}, "not clear which of prompt, context make up"),
        ({"instruction": "a", "input": "b", "text": "### a ### b"}, "not clear which of instruction, input, text"),
        ({"question": "a", "input": "b"}, "not clear which of question, input"),
        ({"prompt": "a", "choices": ["b"]}, "not clear which of prompt, choices"),
        (
            {"question": "Which?", "choices": ["a", "b"], "answer": 1},
            "'choices' is a list; a string is expected",
        ),
        ({"instruction": "a", "history": [["b", "c"]]}, "'history' is a list"),
        ({"instruction": "a", "input": {"b": "c"}}, "'input' is a dict"),
        ({"prompt": [{"role": "user", "content": "a"}], "text": "b"}, "'prompt' is a list"),
        ({"prompt": 5}, "'prompt' is a single number"),
    ],
)
def test_a_row_that_leaves_the_prompt_open_is_refused(row, words):
    with pytest.raises(lab.InvalidPromptsError, match=rf"^a\.jsonl, line 2: .*{words}"):
        read_json("ok", row)


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)
ROWS = st.dictionaries(st.sampled_from([*dict.fromkeys(sum(LAYOUTS.values(), ())), "output", "id"]), WORDS)


@given(ROWS)
def test_no_text_of_a_prompt_is_lost(row):
    """Read or refused: where a row is read, the prompt holds each of its texts but the answer and the id."""
    try:
        (prompt,) = read_json(row)
    except lab.InvalidPromptsError:
        return
    parts = [text for column, text in row.items() if column not in ("output", "id") and text.strip()]
    assert all(text in prompt for text in parts)
    assert len(prompt) <= sum(map(len, parts)) + 2 * (len(parts) - 1), "nothing was added but blank lines"


@given(st.lists(WORDS.filter(str.strip), min_size=1))
def test_texts_come_back_from_a_table_and_from_json_as_they_were(texts):
    table = io.StringIO(newline="")
    csv.writer(table, quoting=csv.QUOTE_ALL).writerows([("id", "prompt"), *enumerate(texts)])
    assert lab.read_prompts("a.csv", table.getvalue().encode()) == texts
    assert read_json(*texts) == read_json(*({"text": text} for text in texts)) == texts


@given(st.sampled_from(["a.txt", "a.jsonl", "a.csv"]), st.binary() | st.text('"\\,\n\r{}[]:1aé\0 ').map(str.encode))
def test_any_bytes_are_read_or_refused(name, content):
    try:
        assert all(text.strip() and text.encode() for text in lab.read_prompts(name, content))
    except lab.InvalidPromptsError as error:
        assert str(error).startswith(name)


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
