import pytest

from prepack_lab.course.lessons import LESSONS, lesson_map
from prepack_lab.measuring.table import Link, Table

TABLE = Table(("name", "words"), [("a", "two\nlines"), ("<b>", 7)], "A caption")


def test_a_terminal_gets_columns():
    assert str(TABLE).splitlines() == ["A caption", "name  words", "a     two ⏎ lines", "<b>   7"]


def test_a_page_gets_a_table_with_a_caption_and_headings():
    html = TABLE._repr_html_()
    assert "A caption</caption>" in html
    assert html.count("scope='col'") == html.count("scope='row'") == 2
    assert "&lt;b&gt;" in html and "<b>" not in html


def test_a_row_of_another_width_is_refused():
    with pytest.raises(ValueError, match="3 cells under 2 headings"):
        Table(("a", "b"), [(1, 2, 3)], "")
    with pytest.raises(ValueError, match="1 cells under 2 headings"):
        Table(("a", "b"), [(1, 2), (1,)], "")


def test_a_link_is_text_in_a_terminal():
    table = Table(("a",), [(Link("Start", "x.ipynb"),)], "")
    assert "<a href='x.ipynb'>Start</a>" in table._repr_html_()
    assert "x.ipynb" not in str(table)


def test_the_lesson_map_links_the_lessons_that_are_there(tmp_path):
    (tmp_path / "00_start_here.ipynb").touch()
    html = lesson_map(tmp_path)._repr_html_()
    assert html.count("<a href=") == 1
    assert html.count("in the making") == len(LESSONS) - 1
