"""Lessons 01 and 02: every answer that meets the statement passes, and what does not is shown where it goes wrong."""

from contextlib import nullcontext

import numpy as np
import pytest

import prepack_lab as lab
from prepack_lab.course.exercises.checking import check


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def lab_may_be_used(monkeypatch):
    """Lets answers be made by the lab's own functions, which learners may not use."""
    monkeypatch.setattr("prepack_lab.course.inside.attempt.without", lambda modules: nullcontext([]))


def packed_by(strategy):
    return lambda lengths, capacity: [[*members] for members in lab.pack(lengths, capacity, strategy).bins]


@pytest.mark.parametrize("sign", [1, -1], ids=["shortest first", "longest first"])
def test_sorting_from_either_end_pads_least(sign):
    assert check("01-order", lambda lengths: np.argsort(sign * np.array(lengths), kind="stable").tolist()).solved


def test_an_order_that_pads_more_is_shown_a_batch_that_mixes():
    words = check("01-order", lambda lengths: [*range(len(lengths))][::-1]).words
    assert "With lengths = [1, 9, 2, 8]" in words
    assert "computes 34 slots, and 22 are possible" in words and "prompts of 9, 1 tokens" in words


def test_ranks_are_no_order():
    def ranks(lengths):
        return np.argsort(np.argsort(lengths, kind="stable"), kind="stable").tolist()

    assert "These are ranks" in check("01-order", ranks).words


@pytest.mark.parametrize(
    "bound",
    [
        lambda lengths, capacity: lab.pack(lengths, capacity).lower_bound,
        lambda lengths, capacity: lab.pack(lengths, capacity, "optimal").num_bins,
        lambda lengths, capacity: max(-(-sum(lengths) // capacity), sum(2 * one > capacity for one in lengths)),
    ],
    ids=["Martello and Toth", "the optimum", "longer than half"],
)
def test_a_sharper_bound_passes(bound):
    assert check("02-bound", bound).solved


@pytest.mark.parametrize("strategy", ["next_fit", "first_fit", "first_fit_decreasing", "best_fit_decreasing"])
def test_what_a_rule_needs_is_no_bound(strategy):
    words = check("02-bound", lambda lengths, capacity: lab.pack(lengths, capacity, strategy).num_bins).words
    assert "Fewer will do: all prompts fit into 2 bins, [[" in words


def test_too_low_a_bound_is_shown_the_tokens():
    words = check("02-bound", lambda lengths, capacity: 1).words
    assert "With lengths = [6, 6, 4], capacity = 10" in words and "room for 10 tokens, and there are 16" in words


@pytest.mark.parametrize("rule", ["next-fit", "best-fit", "ffd"])
def test_bins_and_prompts_may_be_listed_in_any_order(rule, lab_may_be_used):
    strategy = {"ffd": "first_fit_decreasing"}.get(rule, rule.replace("-", "_"))

    def turned(lengths, capacity):
        return [members[::-1] for members in packed_by(strategy)(lengths, capacity)][::-1]

    assert check(f"02-{rule}", turned).solved


@pytest.mark.parametrize("rule", ["next-fit", "best-fit", "ffd"])
def test_no_other_strategy_passes(rule, lab_may_be_used):
    mine = {"ffd": "first_fit_decreasing"}.get(rule, rule.replace("-", "_"))
    for strategy in {*lab.packing.STRATEGIES} - {mine}:
        assert not check(f"02-{rule}", packed_by(strategy)).solved, strategy


def test_the_prompt_that_goes_elsewhere_is_named(lab_may_be_used):
    words = check("02-best-fit", packed_by("next_fit")).words
    assert "Prompt 2 of length 4 goes into the bin of prompt 0, with room for 4." in words
    assert "Here it went into the bin of prompt 1, with room for 4." in words
    words = check("02-ffd", packed_by("next_fit")).words
    assert "down to length 4 placed, the bins hold these lengths: [[6, 4], [5]]. Here they hold [[6], [5, 4]]" in words


def test_equally_long_prompts_may_come_in_any_order(lab_may_be_used):
    def from_the_end(lengths, capacity):
        last = len(lengths) - 1
        bins = lab.pack(lengths[::-1], capacity).bins  # so that of equals the larger index comes first
        return [[last - prompt for prompt in members] for members in bins]

    assert check("02-ffd", from_the_end).solved


def test_indices_from_one_are_named(lab_may_be_used):
    def from_one(lengths, capacity):
        return [[prompt + 1 for prompt in members] for members in lab.pack(lengths, capacity).bins]

    assert "This counts the prompts from 1." in check("02-ffd", from_one).words


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (([5, 5, 5, 5], 10), "needs 2 bins here, and no packing has fewer. Its bins hold [[5, 5], [5, 5]]"),
        ((10, [4, 4, 3, 3, 3, 3]), "The first is a list of lengths, and 10 came back"),
        (([11, 3], 10), "prompt 0 has 11 tokens and a bin holds 10"),
        ([4, 4, 3, 3, 3, 3], "Two things are asked for"),
        (([4.5, 4], 10), "the length of prompt 0 is 4.5"),
        (([*range(1000, 3000)], 5000), "was not found out in two seconds"),
    ],
    ids=["nothing to beat", "the wrong way round", "too long", "no capacity", "no whole number", "too many"],
)
def test_what_does_not_beat_first_fit_decreasing_is_named(returned, words):
    assert words in check("02-beat-ffd", lambda: returned).words


@pytest.mark.parametrize("lengths", [[4, 4, 3, 3, 3, 3], [3, 4, 3, 4, 3, 3, 10]])
def test_whatever_beats_first_fit_decreasing_passes(lengths):
    assert check("02-beat-ffd", lambda: (lengths, 10)).solved


def test_a_wrong_number_comes_with_what_it_is_made_of():
    assert "2 × 4 slots are 8; 5 hold a token, and 3 are padding." in check("01-waste", lambda lengths: 0.0).words
    words = check("01-batches", lambda lengths, batch_size: sum(lengths)).words
    assert "The batches, and their slots: [1, 4] with 2 × 4." in words
    words = check("01-attention", lambda lengths: 9 / 6 if lengths == [3] else 1.0).words
    assert "Computed are 2 × 2 × 2 scores, and needed are 3 + 3." in words
    words = check("02-rows", lambda packings: len(packings[0])).words
    assert "k is 2, and r is 1 and 2: 1.5 on average" in words


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (lambda lengths: [*range(len(lengths) - 1)], "Prompt 0 of length 3 is there 0 times"),
        (lambda lengths: [*range(len(lengths))] * 2, "Prompt 0 of length 3 is there 2 times"),
        (lambda lengths: [one + 1 for one in range(len(lengths))], "1 is not the index of a prompt"),
        (sorted, "These are the lengths, sorted."),
    ],
    ids=["one is missing", "all twice", "counted from 1", "lengths"],
)
def test_what_is_no_order_is_named(order, words):
    assert words in check("01-order", order).words
