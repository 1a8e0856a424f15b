"""Files of every format, packed or not: what is written by a format's own library comes back as it was."""

import csv
import gzip
import io
import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab.extras import MissingExtraError
from prepack_lab.sources import files, formats, streams
from prepack_lab.sources.files import PromptFile

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def contents(name, content, **options):
    return [prompt.content for prompt in PromptFile(name, content, **options)]


def packed(content):
    """Without the time of day, which would be in the names of tests, and differ from core to core."""
    return gzip.compress(content, mtime=0)


def zstd(content):
    return pyarrow.compress(content, "zstd", asbytes=True)


def in_parquet(columns):
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def in_csv(texts, delimiter=","):
    table = io.StringIO(newline="")
    csv.writer(table, delimiter=delimiter).writerows([("id", "prompt"), *enumerate(texts)])
    return table.getvalue().encode()


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9).filter(str.strip)
TEXTS = st.lists(WORDS, min_size=1, max_size=9)


@settings(deadline=None)
@given(TEXTS, st.sampled_from(["", ".gz", ".zst"]), st.sampled_from([1, 2, 7, 65_536]))
def test_texts_come_back_from_every_format(texts, packing, chunk):
    pack = {"": bytes, ".gz": packed, ".zst": zstd}[packing]
    rows = [{"prompt": text, "n": None} for text in texts]
    written = {
        "a.csv": in_csv(texts),
        "a.tsv": in_csv(texts, "\t"),
        "a.jsonl": "\n".join(map(json.dumps, rows)).encode(),
        "a.ndjson": "\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode(),
        "a.json": json.dumps(rows, ensure_ascii=False).encode(),
        "b.json": json.dumps(texts, indent=2).encode(),
        "c.json": json.dumps({"version": 1, "data": rows}).encode(),
    }
    whole = streams.text_chunks
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(formats, "text_chunks", lambda stream, file: whole(stream, file, chunk))
        for name, content in written.items():
            assert contents(name + packing, pack(content)) == texts, name
    if not packing:
        assert contents("a.parquet", in_parquet({"n": [*range(len(texts))], "prompt": texts})) == texts


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 10**6), min_size=1, max_size=5), min_size=1, max_size=5), st.integers(1, 9))
def test_numbers_are_never_cut(ids, chunk):
    """A chunk may end inside a number: 12 and 34 are not 1234's beginning and end."""
    stream = streams.find_streams("a.json", json.dumps(ids).encode())[0]
    assert [value for _, value in formats._elements(_cut(json.dumps(ids)[1:], chunk))] == ids
    assert [value for _, value in formats.read_rows(stream)] == ids
    flat = [id for row in ids for id in row]
    assert [value for _, value in formats._elements(_cut(json.dumps(flat)[1:], chunk))] == flat


def _cut(text, size):
    return (text[start : start + size] for start in range(0, len(text), size))


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.JSON", b'{"prompt": "x"}', ["x"]),
        ("a.json", b'{"prompt": "x"}\n{"prompt": "y"}', ["x", "y"]),
        ("a.json", b'[1, 20,\n300]', [1, 20, 300]),
        ("a.json", b"[[1, 2], [3]]", [[1, 2], [3]]),
        ("a.json", b'{\n"version": 1, "data": [{"paragraphs": [{"context": "c", "qas": [{"question": "q"}]}]}]}',
         ["q\n\nc"]),
        ("a.txt", b"12\n\n40\n3\n", [12, 40, 3]),
        ("a.txt", b"12\nforty\n", ["12", "forty"]),
        ("a.csv", b"id;Prompt\n1;hello, you\n", ["hello, you"]),
        ("a.csv", b"id\tprompt\n1\thello\n", ["hello"]),
        ("a.TSV.GZ", packed(b'id\tTEXT\n1\tsay "hi", now\n'), ['say "hi", now']),
        ("a.csv", b"prompt\n007\nNULL\n2024-01-01\n", ["007", "NULL", "2024-01-01"]),
        ("a.csv.zst", zstd(b"prompt\nhi\n"), ["hi"]),
        ("a.jsonl.gz", packed(b'"one"\n') + packed(b'"two"\n'), ["one", "two"]),
        ("a.jsonl.zst", zstd(b'"one"\n') + zstd(b'"two"\n'), ["one", "two"]),
    ],
)  # fmt: skip
def test_what_people_have(name, content, found):
    assert contents(name, content) == found


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", b"[]", "holds no prompts"),
        ("a.json", b" \n", "holds no prompts"),
        ("a.json", b'["a", "b"', r"a\.json, element 2 is the last, and the list has no end"),
        ("a.json", b'["a" "b"]', "element 1 is followed by '\"'; a comma or ] is expected"),
        ("a.json", b'["a",]', "element 2 is not readable JSON"),
        ("a.json", b'["a"] x', "something follows the end of the list"),
        ("a.json", b'["a", {"prompt": "x", "prompt": "y"}]', "element 2 is not readable JSON: .*'prompt' 2 times"),
        ("a.json", b'["a", NaN]', "element 2 is not readable JSON: NaN is not a JSON value"),
        ("a.json", b'["a", ' + b"9" * 5000 + b"]", "element 2 is not readable JSON: .*4300 digits"),
        ("a.json", b'["a", ' + b"[" * 100_000, "element 2 is not readable JSON: .*recursion"),
        ("a.json", b'["\xe9"]', "after 0 characters, is not UTF-8 text .byte 0xe9 after 2 characters"),
        ("a.json", b'{"data": [{"prompt": "x"}', "the file is not readable JSON"),
        ("a.jsonl.gz", packed(b'"z"\n' * 99)[:-9], r"a\.jsonl\.gz is damaged or cut: .*ended before"),
        ("a.jsonl.gz", b"no", r"a\.jsonl\.gz is damaged or cut"),
        ("a.csv.zst", zstd(b"prompt\nhi\n")[:-3], r"a\.csv\.zst is damaged or cut: Truncated"),
        ("a.csv.zst", b"no", r"a\.csv\.zst is damaged or cut"),
        ("a.parquet", in_parquet({"prompt": ["a"]})[:-20], r"a\.parquet, after row 0: not readable Parquet"),
        ("a.parquet", b"", "not readable Parquet"),
        ("a.gz", b"", r"a\.gz does not end in what prompts are read from"),
        ("a.txt", "1\n" * 100 + "one\n", "line 101 is no length, as the lines before it are"),
        ("a.csv", "prompt\n\"open" + "\nx,y" * 99, "line 2: the row that begins here is not CSV"),
    ],
)  # fmt: skip
def test_what_is_damaged_is_named(name, content, words):
    with pytest.raises(lab.InvalidPromptsError, match=words):
        contents(name, content.encode() if isinstance(content, str) else content)


def test_an_open_quote_is_found_before_it_swallows_the_file(monkeypatch):
    monkeypatch.setattr(formats, "_LONGEST_FIELD", 1000)
    with pytest.raises(lab.InvalidPromptsError, match=r"line 3: the row that begins here is not CSV .*field limit"):
        contents("a.csv", b'prompt\nfine\n"open\n' + b"fine\n" * 1000)
    with pytest.raises(lab.InvalidPromptsError, match="element 1 is not readable JSON: Unterminated string"):
        contents("a.json", b'["open ' + b"fine " * 100_000)


def test_without_pyarrow_its_formats_name_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for name in ("a.parquet", "a.jsonl.zst") if sys.version_info < (3, 14) else ("a.parquet",):
        with pytest.raises(MissingExtraError, match=r"To have files of prompts in Parquet .*: pip install .*\[files\]"):
            contents(name, b"")


def test_a_folder_is_read_file_by_file(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "empty" / ".hidden").mkdir(parents=True)
    (tmp_path / "empty" / ".hidden" / "no.txt").write_text("no\n")
    (tmp_path / "b" / "two.jsonl").write_text('"two"\n')
    (tmp_path / "c.csv").write_text("prompt\nthree\n")
    (tmp_path / "a.txt").write_text("one\n")
    (tmp_path / ".hidden" / "no.txt").write_text("no\n")
    (tmp_path / "notes.pdf").write_text("no")
    found = [*PromptFile(tmp_path)]
    assert [prompt.content for prompt in found] == ["one", "two", "three"]
    assert [prompt.where for prompt in found] == ["a.txt, line 1", "b/two.jsonl, line 1", "c.csv, line 2, row 1"]
    with pytest.raises(lab.InvalidPromptsError, match=r"is a folder without files of prompts; they end in \.txt"):
        PromptFile(tmp_path / "empty")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"one\ntwo, three\n", ["one", "two, three"]),
        (b"Hello, world\n", ["Hello, world"]),
        (b'{"prompt": "one"}\n', ["one"]),
        (b'["one", "two"]', ["one", "two"]),
        (b"id,prompt\n1,one\n", ["one"]),
        (b"id\tprompt\n1\tone\n", ["one"]),
        (packed(b'"one"\n'), ["one"]),
        (zstd(b"one\n"), ["one"]),
        (in_parquet({"prompt": ["one"]}), ["one"]),
    ],
)
def test_standard_input_shows_what_it_is(content, found, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    file = PromptFile("-")
    assert [prompt.content for prompt in file] == found == [prompt.content for prompt in file], "it is read again"


def test_progress_is_in_bytes_of_the_file(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("word\n" * 5000)
    seen = []
    file = PromptFile(tmp_path)
    assert sum(1 for _ in file.read(seen.append)) == 10_000 and file.size == 50_000
    assert seen == sorted(seen) and seen[0] <= 25_000 and seen[-1] == 50_000


def test_prompts_are_tokenized_in_chunks(monkeypatch):
    monkeypatch.setattr(files, "CHUNK", 2)
    _, tokenizer = lab.load_model("tiny-llama")
    file = PromptFile("a.txt", b"a\nbb\nccc\n")
    assert [(prompt.content, ids) for prompt, ids in files.tokenized(file, tokenizer)] == [
        ("a", lab.tokenize(tokenizer, ["a"])[0]),
        ("bb", lab.tokenize(tokenizer, ["bb"])[0]),
        ("ccc", lab.tokenize(tokenizer, ["ccc"])[0]),
    ]
