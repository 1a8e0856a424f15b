"""What judges share: when two answers are the same, and what is said where they are not."""

from collections import OrderedDict

import pytest
import torch

from prepack_lab.course.exercises.judges import article, bins_hold_all, number, numbers, same, tensor


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (torch.tensor([1.0, torch.nan]), torch.tensor([1.00005, torch.nan]), True),
        (torch.tensor([1.0]), torch.tensor([1.001]), False),
        (torch.tensor([0.0]), torch.tensor([5e-7]), True),
        (torch.tensor([0.0]), torch.tensor([5e-6]), False),
        (torch.tensor([100_000]), torch.tensor([100_001]), False),
        (torch.tensor([1]), torch.tensor([1.0]), False),
        (torch.tensor([1]), torch.tensor([[1]]), False),
        ([1, 2.0], [1, 2.0 + 1e-6], True),
        ([1, 2], [1, 3], False),
        ([1, 2], [1, 2, 3], False),
        ([1, 2], (1, 2), False),
        ({"a": 1.0}, {"a": 1.0 + 1e-6}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"b": 1}, False),
        (1.0, 1, True),
        (1.0, 1 + 9e-6, True),
        (1.0, 1 + 2e-5, False),
        (0.0, 1.5e-6, True),
        (0.0, 3e-6, False),
        (1.0, 10**400, False),
        (True, 1, False),
        ("a", "a", True),
        (2, 3, False),
    ],
)
def test_two_answers_are_the_same_up_to_rounding(first, second, expected):
    assert same(first, second) is expected


def test_things_have_articles():
    assert [article(one) for one in (1, [], OrderedDict(), None)] == [
        "an int",
        "a list",
        "an OrderedDict",
        "a NoneType",
    ]


RIGHT = torch.tensor([[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize(
    ("returned", "right", "words"),
    [
        ([1], RIGHT, "A tensor is asked for, and a list came back."),
        (RIGHT[0], RIGHT, "The shape is [2], and [2, 2] is asked for."),
        (RIGHT, RIGHT.long(), "The dtype is torch.float32, and whole numbers are asked for."),
        (RIGHT.double(), RIGHT, "The dtype is torch.float64, and torch.float32 is asked for."),
        (RIGHT + torch.eye(2), RIGHT, "2 of 4 numbers differ, the first at [0, 0]: 2, and right is 1."),
        (
            RIGHT + torch.tensor([[0, 0], [0, 0.5]]),
            RIGHT,
            "1 of 4 numbers differs, the first at [1, 1]: 4.5, and right is 4.",
        ),
        (RIGHT * 1.00005 + 5e-7, RIGHT, None),
        (RIGHT * torch.nan, RIGHT * torch.nan, None),
    ],
)
def test_tensors_are_compared_by_type_shape_dtype_and_values(returned, right, words):
    assert tensor(returned, right) == words


@pytest.mark.parametrize(
    ("returned", "right", "words"),
    [
        (3, 1, "The number is too large by 2."),
        (1.5, 2, "The number is too small by 0.5."),
        (10**20 + 1, 10**20, "The number is too large by 1."),
        ("a", 1, "A number is asked for, and a str came back."),
        (1.5e-6, 0.0, None),
        (3e-6, 0.0, "The number is too large by 3e-06."),
    ],
)
def test_numbers_are_compared_one_by_one(returned, right, words):
    assert number(returned, right) == words
    in_a_row = numbers((0, returned), (0, right))
    assert in_a_row == (words and f"Number 2 of 2: {words[0].lower()}{words[1:]}")


def test_several_numbers_come_in_a_tuple_or_a_list():
    assert numbers((1,), (1, 2)) == "2 numbers are asked for, in a tuple or a list, and a tuple came back."
    assert numbers(3, (1, 2)).endswith("and an int came back.")
    assert numbers([1, float("nan")], (1, 2)).startswith("Number 2 of 2: NaN came back")
    assert numbers([1, 2], (1, 2)) is None


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ([[0, 1], [2]], None),
        ((0, 1), "A list of bins is asked for"),
        ([0, 1], "A list of bins is asked for"),
        ([[[0, 1]], [[2]]], "These lists are one level too deep"),
        ([[6, 4], [5]], "These are lengths."),
        ([[0, 1], [2, 3]], "3 is not the index of a prompt."),
        ([[0], [2]], "Prompt 1 of length 4 is in no bin."),
        ([[0, 1], [2, 1]], "Prompt 1 of length 4 is in the bins 2 times."),
        ([[0, 1], [], [2]], "There is an empty bin"),
        ([[0], [1, 2]], None),
        ([[0, 2], [1]], "Bin 0 holds 11 tokens, and its capacity is 10."),
        ([], "Prompt 0 of length 6 is in no bin."),
    ],
)
def test_bins_hold_each_prompt_once_and_no_more_than_they_can(returned, words):
    said = bins_hold_all(returned, [6, 4, 5], 10)
    assert said is None if words is None else said.startswith(words)
