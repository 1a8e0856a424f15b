import math
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab.packing import MAX_TOKENS, STRATEGIES

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


def test_full_batching_is_a_packing_with_one_prompt_per_row():
    padded = lab.Packing.padded([6, 4, 3])
    assert (padded.num_bins, padded.slots, padded.tokens) == (3, 18, 13)


def peak_memory(run, *args):
    """The result, and the most bytes that Python and numpy held at a time."""
    run(*args)  # whatever is imported on the way is not counted
    tracemalloc.start()
    try:
        return run(*args), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@every_strategy
@pytest.mark.parametrize(
    "no_limit",
    [int(1e30), 10**9, 10**12, math.inf, np.float32("inf"), np.int64(10**12), torch.tensor(10**12)],
    ids=lambda value: f"{type(value).__name__}-{float(value):.0e}",
)
def test_a_capacity_above_all_prompts_together_is_their_sum(strategy, no_limit):
    packing, peak = peak_memory(lab.pack, [5, 9, 1000, 3], no_limit, strategy)
    assert (packing.num_bins, packing.capacity, packing.utilization, packing.gap) == (1, 1017, 1.0, 0)
    assert peak < 100_000


@every_strategy
def test_memory_does_not_grow_with_the_capacity(strategy):
    packing, peak = peak_memory(lab.pack, [10**12, 5, 10**12 - 5, 7], None, strategy)
    assert (packing.num_bins, packing.capacity) == (3, 10**12)
    assert peak < 100_000


@every_strategy
@settings(max_examples=20)
@given(lengths=lengths_lists, slack=st.integers(0, 40))
def test_the_longest_lengths_that_are_taken_do_not_overflow(strategy, lengths, slack):
    scale, capacity = MAX_TOKENS // sum(lengths), max(lengths) + slack
    packing = lab.pack(lengths, capacity, strategy)
    scaled = lab.pack([scale * length for length in lengths], scale * capacity, strategy)
    assert (scaled.bins, scaled.lower_bound) == (packing.bins, packing.lower_bound)


@pytest.mark.parametrize(
    "lengths",
    [np.array([3, 2, 4]), np.array([3, 2, 4], dtype=np.uint8), [*np.array([3, 2, 4])], torch.tensor([3, 2, 4])],
    ids=["array", "uint8", "list of numpy integers", "tensor"],
)
def test_integers_of_numpy_and_torch_are_taken(lengths):
    packing = lab.pack(lengths, np.int64(5))
    assert packing == lab.pack([3, 2, 4], 5)
    assert {*map(type, packing.lengths), type(packing.capacity)} == {int}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([],), "no lengths"),
        (([3, 0],), "prompt 1 is 0"),
        (([3, -2],), "prompt 1 is -2"),
        (([3, 2.0],), "prompt 1 is 2.0"),
        (([3, math.inf],), "prompt 1 is inf"),
        (([3, "4"],), "prompt 1 is '4'"),
        (([3, None],), "prompt 1 is None"),
        (([True],), "prompt 0 is True"),
        (([3, np.True_],), "prompt 1 is True"),
        ((torch.tensor([True]),), "prompt 0 is True"),
        (([[7, 8], [9]],), r"prompt 0 is \[7, 8\]"),
        (([[*range(99)]],), r"prompt 0 is \[0, 1, 2, 3, 4, 5, \.\.\.\]"),
        (([3, 2**70],), "prompt 1 has 1,180,591,620,717,411,303,424 of them; at most 1,000,000,000,000,000 can be"),
        (([4 * 10**14, 7 * 10**14], math.inf), "1,100,000,000,000,000 tokens together, and prompt 1 has 700,000,"),
        (([3, 12, 5], 10), r"prompt 1 has 12 tokens and a bin holds 10; shorten it, or raise the capacity to 12"),
        (([3], 0), "capacity is 0"),
        (([3], -1), "capacity is -1"),
        (([3], 2.5), "capacity is 2.5; it is a positive integer"),
        (([3], 1e30), r"capacity is 1e\+30; .* math.inf for no limit, or None for the longest prompt"),
        (([3], -math.inf), "capacity is -inf"),
        (([3], math.nan), "capacity is nan"),
        (([3], True), "capacity is True"),
        (([3], np.True_), "capacity is True"),
        (([3], "10"), "capacity is '10'"),
        (([3], np.array([10, 12])), r"capacity is \[10, 12\]"),
        (([3], torch.tensor(10.0)), "capacity is 10.0"),
        (([3], None, "nope"), r"no strategy 'nope'; there are: next_fit, first_fit, .*binpacking, optimal"),
    ],
)
def test_what_cannot_be_packed_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        lab.pack(*arguments)


@pytest.mark.parametrize("build", [lab.Packing.padded, lab.Packing.concatenated])
def test_rows_that_no_strategy_fills_refuse_the_same_lengths(build):
    with pytest.raises(ValueError, match=r"prompt 1 is 2\.5"):
        build([3, 2.5])
    with pytest.raises(ValueError, match="prompt 0 has 1,180,591,620,717,411,303,424"):
        build([2**70, 3])


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
