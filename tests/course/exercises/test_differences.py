"""What a difference looks like: only what holds in every case that fails is said."""

import pytest
import torch

from prepack_lab.course.exercises.differences import picture, relation


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([(2.0, 0.5), (4, 0.25)], "It is upside down: 1 over the right number."),
        ([(0.75, 0.25), (0.9, 0.1)], "It is the rest: 1 minus the right number."),
        ([(-1, 1), (-2.5, 2.5)], "The sign is turned round."),
        ([(2, 2.5), (3, 3.1)], "It is the right number, rounded down."),
        ([(3, 2.5), (4, 3.1)], "It is the right number, rounded up."),
        ([(3, 2), (8, 7)], "Your number is too large by 1 in every case that fails."),
        ([(1.5, 2), (6.5, 7)], "Your number is too small by 0.5 in every case that fails."),
        ([(2000.0, 2), (7000.0, 7)], "Your number is 1000 times the right one in every case that fails."),
        ([(0.5, 2), (1.75, 7)], "Your number is 1/4 of the right one in every case that fails."),
        ([(3, 2), (3, 5), (3, 9)], "You return 3 in every case that fails."),
        ([(16, 4), (25, 5)], "It is the square of the right number."),
        ([(3, 2), (9, 5)], None),
        ([(3, 2)], None),
        ([(3, 2), (4, 5)], None),
        ([(float("nan"), 2)], None),
        ([(True, 2)], None),
        ([("a", "b")], None),
        ([], None),
        ([([1, 2], [1, 2, 3])], "The last item is missing."),
        ([([2, 3], [1, 2, 3])], "The first item is missing."),
        ([([1, 2, 9], [1, 2])], "There is one item too many at the end."),
        ([([0, 1, 2], [1, 2])], "There is one item too many at the beginning."),
        ([([3, 2, 1], [1, 2, 3])], "It is the right list, back to front."),
        ([([[1, 3], [2, 4]], [[1, 2], [3, 4]])], "Rows and columns are exchanged."),
        ([([2, 3], [1, 2]), ([6], [5])], "Every number is one too large."),
        ([([1, 3, 6], [1, 2, 3])], "These are running sums of the right numbers."),
        ([([2, 1, 3], [1, 2, 3])], "These are the right items in another order."),
        ([([1, 5, 3], [1, 2, 3])], "The first that differs is at place 1, counted from 0: 5, and right is 2."),
        ([([1], [1, 2, 3])], "Your list has 1 item, and the right one 3 items."),
    ],
)
def test_numbers_and_lists(pairs, words):
    assert relation(pairs) == words


SQUARE = torch.arange(9.0).view(3, 3)
MASK = torch.ones(3, 3, dtype=torch.bool).tril()


@pytest.mark.parametrize(
    ("came", "right", "words"),
    [
        (SQUARE.T, SQUARE, "Rows and columns are exchanged."),
        (SQUARE.flip(-1), SQUARE, "It is turned round: the last comes first."),
        (~MASK, MASK, "It is inverted: what should be seen is hidden, and the other way round."),
        (MASK * -1.0, ~MASK * -1.0, "It is inverted: what should be seen is hidden, and the other way round."),
        (SQUARE + 2, SQUARE, "Every number is too large by 2."),
        (SQUARE - 1, SQUARE, "Every number is too small by 1."),
        (SQUARE * 2, SQUARE, "Every number is 2 times the right one."),
        (torch.tensor([9, 0, 1, 2]), torch.tensor([0, 1, 2, 5]), "Everything comes one place too late."),
        (torch.tensor([1, 2, 5, 5]), torch.tensor([0, 1, 2, 5]), "Everything comes one place too early."),
        (SQUARE.flatten()[[0, 2, 1, *range(3, 9)]].view(3, 3), SQUARE, "These are the right numbers in other places."),
        (torch.zeros(3, 3), SQUARE, None),
        (torch.zeros(2), SQUARE, None),
        (SQUARE.int(), SQUARE, None),
        (SQUARE * torch.nan, SQUARE, None),
        (torch.zeros(0), torch.zeros(0), None),
        (MASK, MASK | ~MASK.triu(), None),
    ],
)
def test_tensors(came, right, words):
    assert relation([(came, right)]) == words


def test_a_picture_shows_where_tensors_differ():
    wrong = MASK.clone()
    wrong[0, 2] = True
    assert picture(wrong, MASK) == "· · ×\n· · ·\n· · ·"
    both = torch.stack([MASK, MASK])[:, None]
    off = both.clone()
    off[1, 0, 2] = False
    assert picture(off, both) == "· · ·\n· · ·\n× × ×", "the first row of the batch in which anything differs"
    assert picture(torch.tensor([1, 2]), torch.tensor([1, 3])) == "· ×"
    for came, right in ((MASK, MASK), (MASK[0], MASK), (3, MASK), (torch.zeros(99), torch.ones(99))):
        assert picture(came, right) == ""
