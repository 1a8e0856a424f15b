import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab.packing import STRATEGIES

lengths_lists = st.lists(st.integers(1, 60), min_size=1, max_size=60)
every_strategy = pytest.mark.parametrize("strategy", STRATEGIES)


@every_strategy
@settings(max_examples=20)
@given(lengths=lengths_lists, slack=st.integers(0, 40))
def test_every_prompt_lies_in_one_bin_and_no_bin_overflows(strategy, lengths, slack):
    packing = lab.pack(lengths, capacity=max(lengths) + slack, strategy=strategy)
    assert sorted(prompt for members in packing.bins for prompt in members) == list(range(len(lengths)))
    assert all(0 < filled <= packing.capacity for filled in packing.bin_lengths)
    assert packing.lower_bound <= packing.num_bins <= len(lengths)
    assert packing == lab.pack(lengths, capacity=max(lengths) + slack, strategy=strategy)


def test_the_capacity_is_the_longest_prompt_where_left_out():
    assert lab.pack([3, 8, 5]).capacity == 8


def test_what_a_packing_says_of_itself():
    packing = lab.pack([6, 4, 3], capacity=10)
    assert packing.bins == ((0, 1), (2,))
    assert (packing.num_bins, packing.bin_lengths, packing.lower_bound) == (2, (10, 3), 2)
    assert (packing.width, packing.slots, packing.tokens) == (10, 20, 13)
    assert packing.utilization == pytest.approx(13 / 20)
    assert packing.padding_share == pytest.approx(7 / 20)


def test_full_batching_is_a_packing_with_one_prompt_a_row():
    padded = lab.Packing.padded([6, 4, 3])
    assert (padded.num_bins, padded.slots, padded.tokens) == (3, 18, 13)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([],), "no lengths"),
        (([3, 0],), "prompt 1 is 0"),
        (([3, -2],), "prompt 1 is -2"),
        (([3, 2.0],), "prompt 1 is 2.0"),
        (([True],), "prompt 0 is True"),
        (([3, 12, 5], 10), r"prompt 1 has 12 tokens and a bin holds 10; shorten it, or raise the capacity to 12"),
        (([3], 0), "capacity is 0"),
        (([3], 2.5), "capacity is 2.5"),
        (([3], None, "nope"), r"no strategy 'nope'; there are: next_fit, first_fit, .*binpacking, optimal"),
    ],
)
def test_what_cannot_be_packed_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        lab.pack(*arguments)


@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=15), strategy=st.sampled_from(STRATEGIES))
def test_a_packing_can_be_replayed(lengths, strategy):
    packing = lab.pack(lengths, max(lengths) + 5, strategy)
    assert sorted(packing.placing_order) == [*range(len(lengths))]
    for step in range(len(lengths) + 1):
        bins = packing.after(step)
        assert sorted(prompt for members in bins for prompt in members) == sorted(packing.placing_order[:step])
    assert {frozenset(members) for members in bins} == {frozenset(members) for members in packing.bins}


def test_a_replay_opens_bins_as_the_strategy_does():
    packing = lab.pack([5, 7, 3, 2], 8, "first_fit_decreasing")
    assert packing.placing_order == [1, 0, 2, 3]
    assert [packing.after(step) for step in range(5)] == [[], [[1]], [[1], [0]], [[1], [0, 2]], [[1], [0, 2], [3]]]
    assert lab.pack([5, 7, 3, 2], 8, "first_fit").after(2) == [[0], [1]]


@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=15), start=st.integers(0, 5), size=st.integers(1, 5))
def test_a_part_of_a_packing_stands_by_itself(lengths, start, size):
    packing = lab.pack(lengths)
    prompts, part = packing.part(start, start + size)
    assert part.lengths == tuple(lengths[prompt] for prompt in prompts)
    assert [[prompts[place] for place in members] for members in part.bins] == [
        [*members] for members in packing.bins[start : start + size]
    ]
