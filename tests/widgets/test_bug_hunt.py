"""The bug hunt, as an object."""

import pytest

import prepack_lab as lab
from prepack_lab.course import broken_ways


@pytest.fixture
def hunt():
    return lab.widgets.BugHunt([9, 5, 4])


def wrong(hunt):
    """For logits and decoding, which prompts are marked as wrong."""
    return {
        row: [place for place, mark in enumerate(marks) if mark == "✗"]
        for row, marks in zip(("logits", "decoding"), hunt.figure.data[0].text, strict=True)
    }


@pytest.mark.parametrize(
    ("colour", "logits", "decoding"),
    [
        ("amber", [], []),
        ("blue", [], [2]),
        ("coral", [0, 1, 2], []),
        ("denim", [], [0, 1, 2]),
        ("ebony", [2], [2]),
    ],
)
def test_each_implementation_hurts_its_own_prompts(hunt, colour, logits, decoding):
    hunt.colour.value = colour
    assert wrong(hunt) == {"logits": logits, "decoding": decoding}


def test_the_order_is_wrong_once_prompts_change_their_place(hunt):
    assert "These lengths hide the mistake" in hunt.status.value
    hunt.lengths.value = "4, 5, 9"
    assert wrong(hunt) == {"logits": [0, 2], "decoding": []}
    assert "amber: logits wrong for 2 of 3, decoding right for all" in hunt.status.value


@pytest.mark.parametrize("colour", ["amber", "blue", "ebony"])
def test_equal_lengths_hide_three_of_the_five(hunt, colour):
    hunt.colour.value, hunt.lengths.value = colour, "5, 5, 5"
    assert wrong(hunt) == {"logits": [], "decoding": []}


def test_columns_say_where_a_prompt_lies(hunt):
    assert [*hunt.figure.layout.xaxis.ticktext] == ["0, first in row 0", "1, first in row 1", "2, later in row 1"]
    assert broken_ways.places_in_rows([[1]]) == ["0, first in row 0"]


@pytest.mark.parametrize(
    ("lengths", "said"),
    [("3, x", "is not a length"), ("1 " * 13, "at most 12"), ("100000", "is too long here")],
)
def test_what_can_not_be_run_is_said(hunt, lengths, said):
    hunt.lengths.value = lengths
    assert said in hunt.status.value
