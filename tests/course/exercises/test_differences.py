"""What a difference looks like: only what holds in every case that fails is said."""

import pytest
import torch

from prepack_lab.course.exercises.differences import by_argument, picture, relation

POINT = "behind the point. Return it as it is."


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
        ([(2, 4), (3, 9)], "It is the square root of the right number."),
        ([(1, 1.2), (2, 1.7)], "It is the right number, rounded to a whole number. Return it as it is."),
        (
            [(0.3, 1 / 3), (0.7, 2 / 3)],
            "It is the right number, rounded to 1 digit behind the point. Return it as it is.",
        ),
        ([(0.3333, 1 / 3), (0.6667, 2 / 3)], f"It is the right number, rounded to 4 digits {POINT}"),
        ([(0.33, 1 / 3)], None),
        ([(3, 2), (3, 2)], "Your number is too large by 1 in every case that fails."),
        ([(0.3, 1.0), (0.6, 2.0)], "Your number is 0.3 times the right one in every case that fails."),
        ([(0.0, 1.0), (0.5, 2.0)], None),
        ([(1.0, 0.0), (4.0, 2.0)], None),
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
        ([([0, 1], [1, 2]), ([4], [5])], "Every number is one too small."),
        ([([1, 3], [1, 2])], "The first that differs is at place 1, counted from 0: 3, and right is 2."),
        ([([1 + 1e-9, 5], [1, 2])], "The first that differs is at place 1, counted from 0: 5, and right is 2."),
        ([([1 + 1e-9, 2], [1, 2])], None),
        ([((1, 5), (1, 4)), ((2, 8), (2, 7))], "Number 2: your number is too large by 1 in every case that fails."),
        (
            [((1, 9), (0, 4)), ((3, 8), (2, 7))],
            "The first that differs is at place 0, counted from 0: 1, and right is 0.",
        ),
        ([((1, "a"), (1, "b"))], "The first that differs is at place 1, counted from 0: 'a', and right is 'b'."),
        (
            [((1, 2), (1, 3)), ((1,), (1, 2, 3))],
            "The first that differs is at place 1, counted from 0: 2, and right is 3.",
        ),
    ],
)
def test_numbers_and_lists(pairs, words):
    assert relation(pairs) == words


def test_a_place_that_was_named_is_not_named_again():
    pairs = [([1, 5, 3], [1, 2, 3])]
    assert relation(pairs).startswith("The first that differs") and relation(pairs, located=True) is None


GIVEN = [{"some": [1], "same": 2, "n": 3}, {"some": [1], "same": 2, "n": 4}]


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([(2, 6), (5, 20)], "divided by `n`,"),
        ([(6, 2), (20, 5)], "times `n`,"),
        ([(1, 9), (1, 16)], "divided by `n` twice,"),
        ([(9, 1), (16.0, 1)], "times `n` twice,"),
        ([(2, 6), (5, 19)], None),
        ([(4, 2), (8, 4)], None),  # the same factor in each case
        ([(0, 0), (5, 20)], None),
        ([(2, 6)], None),
        ([("a", "aaa"), (5, 20)], None),
    ],
)
def test_an_argument_is_missing_as_a_factor_or_one_too_many(pairs, words):
    found = by_argument(pairs, GIVEN)
    assert found == (words and f"Your number is the right one {words} in every case that fails.")


@pytest.mark.parametrize("values", [(3.0, 4.0), (0, 4), (-3, -4)])
def test_only_counts_are_factors(values):
    assert by_argument([(6, 2), (20, 5)], [{"n": value} for value in values]) is None


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
        (SQUARE * 0.5, SQUARE, "Every number is 0.5 times the right one."),
        (SQUARE.flatten(), SQUARE, "The numbers are right and in order; only the shape is another."),
        (SQUARE.flatten() + 1, SQUARE, None),
        (SQUARE + 1e-7, SQUARE, None),
        (SQUARE * 1.001, SQUARE, "Every number is 1.001 times the right one."),
        (1.0 - MASK.float(), MASK.float(), "It is inverted: what should be seen is hidden, and the other way round."),
        (torch.tensor([0, 1, 1, 0]), torch.tensor([1, 0, 0, 1]), None),  # whole numbers are no mask
        (torch.tensor([7, 3]), torch.tensor([3, 5]), None),  # too few to have moved
        (torch.tensor([1, 1, 2]), torch.tensor([2, 2, 1]), None),
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
    assert picture(torch.zeros(16), torch.ones(16)) == " ".join("×" * 16)
    assert picture(SQUARE + 1e-7, SQUARE) == "" == picture(torch.zeros(17), torch.ones(17))
    assert picture(torch.tensor([torch.nan, 1.0]), torch.tensor([torch.nan, 1.001])) == "· ×"
    for came, right in (
        (MASK, MASK),
        (MASK[0], MASK),
        (3, MASK),
        (torch.zeros(17, 2), torch.ones(17, 2)),
        (torch.tensor(1), torch.tensor(2)),
    ):
        assert picture(came, right) == ""
