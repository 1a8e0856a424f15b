"""The tables of lesson 07, on lengths that can be counted by hand."""

import pytest

from prepack_lab.course.reports import dataset_table, dataset_times_table, windows_table
from prepack_lab.figures.deliveries import in_order_after
from prepack_lab.measuring.timing import Measurement
from prepack_lab.methods import DATASET_METHODS

LENGTHS = [4, 1, 3, 2]


def test_every_method_is_counted():
    rows = {row[0]: row[1:] for row in dataset_table(LENGTHS, batch_size=2, token_budget=5).rows}
    assert list(rows) == list(DATASET_METHODS)
    assert rows["full_batching"] == (2, "14", "29%", "0.0", "kept")
    assert rows["length_ordered"] == (2, "12", "17%", "0.0", "changed")
    assert rows["padding_free"][:3] == (2, "10", "0%")
    assert rows["one_by_one"][:3] == (4, "10", "0%")
    assert rows["dataset_prepacked"][-1] == "changed"


def test_times_are_told_for_a_prompt():
    times = {"full_batching": Measurement((2.0,), "x", None), "prepacked": Measurement((1.0,), "x", None)}
    assert dataset_times_table(times, 100).rows[1] == ("prepacked", "10.00 ms", "100", "2.00×")


def test_a_wider_window_pads_no_more():
    rows = windows_table([9, 1, 8, 2, 7, 3], 2, (2, 4, 6)).rows
    assert [row[1] for row in rows] == ["48", "36", "36"]
    assert [row[3] for row in rows] == ["1", "3", "5"]


@pytest.mark.parametrize(
    ("batches", "counts"),
    [([[0, 1], [2]], [2, 3]), ([[2], [0, 1]], [0, 3]), ([[1, 3], [0, 4], [2]], [0, 2, 5]), ([], [])],
)
def test_an_answer_waits_for_those_before_it(batches, counts):
    assert in_order_after([(float(place), prompts) for place, prompts in enumerate(batches)]) == counts
