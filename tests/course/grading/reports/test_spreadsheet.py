"""A spreadsheet runs nothing in our CSV files, and what it saves can be read again."""

import csv

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from prepack_lab.course.grading.reports.spreadsheet import read_rows, safe, unsafe, write_rows
from prepack_lab.course.grading.reports.visible import one_line, visible

SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫"
TRICKY = st.text(st.sampled_from([*SIGNS, *"'\n\t\r ;,a1\"|\u00a0\u3000\u200b\u200d\u202e\x00"]), max_size=12)


def cells(text):
    """What a spreadsheet may take for cells of a text, whichever separator it goes by."""
    return [part for line in text.split("\n") for tabbed in line.split("\t") for part in tabbed.split(";")]


@given(st.one_of(st.text(), TRICKY))
@example("=cmd|' /C calc'!A0")
@example(" \n＝1+1")
@example("a;=1")
@example("\u200d-2+3")
def test_no_cell_begins_a_formula_and_nothing_is_lost(text):
    made = safe(text)
    assert not any(cell.strip(" \u00a0\u3000\u200c\u200d").startswith(tuple(SIGNS)) for cell in cells(made))
    assert not made.startswith(("\t", "\r", "\n"))
    assert unsafe(made) == visible(text)


def test_what_is_harmless_stays_as_it_is():
    for text in ("Ada Lovelace", "With lengths = [3, -1]: wrong", "3-2", "O'Hara", "'quoted'", "李 雷", "Zoë\nand Ada"):
        assert safe(text) == text
    assert safe("=1+1") == "'=1+1" and safe("x\n@SUM(A1)") == "x\n'@SUM(A1)"


@given(st.lists(st.one_of(st.text(), TRICKY), min_size=1, max_size=4))
def test_rows_come_back_as_they_were_written(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    write_rows(path, [("student", "comment"), *(("s", text) for text in texts)])
    rows = read_rows(path, ("student", "comment"), ("student",))
    assert [row["comment"] for _, row in rows] == [visible(text).strip() for text in texts]
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert [line[1] for line in csv.reader(file)][1:] == [safe(text) for text in texts]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_file_is_read_as_spreadsheets_save_it(tmp_path, separator, ending):
    lines = [("Student ", "note", "POINTS"), ("ada", "x", "1"), ("", "", ""), ("'=bob", '"two\nlines"', "0")]
    text = ending.join(separator.join(line) for line in lines)
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    rows = read_rows(tmp_path / "a.csv", ("student", "points"), ("student",))
    assert rows == [(2, {"student": "ada", "points": "1"}), (5, {"student": "=bob", "points": "0"})]


def test_what_cannot_be_read_says_what_to_do(tmp_path):
    path = tmp_path / "a.csv"
    for content, words in (
        (b"student\n\xff", "save it again"),
        (b"", "has no column points"),
        (b"points,x", "student"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=words):
            read_rows(path, ("student", "points"), ("points", "student"))
    with pytest.raises(ValueError, match="can't be read"):
        read_rows(tmp_path / "none.csv", (), ())


def test_hidden_letters_are_shown_as_what_they_are():
    assert visible("a\u202eb\x00\ud800\u2066\ufeff\r") == "a\\u202eb\\x00\\ud800\\u2066\\ufeff\\r"
    assert visible("می\u200cخواهم\n\t") == "می\u200cخواهم\n\t"
    assert one_line("a\nb\t") == "a\\nb\\t"
