"""Answers in order: one waits for those before it."""

import pytest

from prepack_lab.figures.deliveries import in_order_after


@pytest.mark.parametrize(
    ("batches", "counts"),
    [([[0, 1], [2]], [2, 3]), ([[2], [0, 1]], [0, 3]), ([[1, 3], [0, 4], [2]], [0, 2, 5]), ([], [])],
)
def test_an_answer_waits_for_those_before_it(batches, counts):
    assert in_order_after([(float(place), prompts) for place, prompts in enumerate(batches)]) == counts
