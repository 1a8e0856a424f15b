import pytest
from hypothesis import given
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab.packing import STRATEGIES

lengths_lists = st.lists(st.integers(1, 60), min_size=1, max_size=60)
every_strategy = pytest.mark.parametrize("strategy", STRATEGIES)


@every_strategy
@given(lengths=lengths_lists, slack=st.integers(0, 40))
def test_every_prompt_lies_in_one_bin_and_no_bin_overflows(strategy, lengths, slack):
    packing = lab.pack(lengths, capacity=max(lengths) + slack, strategy=strategy)
    assert sorted(prompt for members in packing.bins for prompt in members) == list(range(len(lengths)))
    assert all(0 < filled <= packing.capacity for filled in packing.bin_lengths)
    assert packing.lower_bound <= packing.num_bins <= len(lengths)
    assert packing == lab.pack(lengths, capacity=max(lengths) + slack, strategy=strategy)


@given(lengths=lengths_lists, slack=st.integers(0, 40))
def test_first_fit_decreasing_is_first_fit_over_falling_lengths(lengths, slack):
    capacity = max(lengths) + slack
    bins, room = [], []
    for prompt in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        first = next((b for b, free in enumerate(room) if free >= lengths[prompt]), None)
        if first is None:
            bins.append([])
            room.append(capacity)
            first = len(bins) - 1
        bins[first].append(prompt)
        room[first] -= lengths[prompt]
    assert lab.pack(lengths, capacity).bins == tuple(map(tuple, bins))


def test_the_library_opens_four_bins_where_first_fit_needs_three():
    lengths = [9, 7, 6, 3, 2, 2]
    assert lab.pack(lengths, 10).num_bins == 3
    assert lab.pack(lengths, 10, "binpacking").num_bins == 4


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
    padded = lab.one_prompt_a_row([6, 4, 3])
    assert (padded.num_bins, padded.slots, padded.tokens) == (3, 18, 13)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([],), "no lengths"),
        (([3, 0],), "prompt 1 is 0"),
        (([3, -2],), "prompt 1 is -2"),
        (([3, 2.0],), "prompt 1 is 2.0"),
        (([True],), "prompt 0 is True"),
        (([3, 12, 5], 10), "prompt 1 has 12 tokens and a bin holds 10; shorten it, or raise the capacity to 12"),
        (([3], 0), "capacity is 0"),
        (([3], 2.5), "capacity is 2.5"),
        (([3], None, "nope"), "no strategy 'nope'; there are: first_fit_decreasing, binpacking"),
    ],
)
def test_what_cannot_be_packed_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        lab.pack(*arguments)
