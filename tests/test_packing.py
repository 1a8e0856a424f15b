import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab import optimal, strategies
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


CHOICES = {
    "next_fit": lambda fitting, free: [b for b in fitting if b == len(free) - 1],
    "first_fit": lambda fitting, free: fitting[:1],
    "best_fit": lambda fitting, free: sorted(fitting, key=lambda b: free[b])[:1],
    "worst_fit": lambda fitting, free: sorted(fitting, key=lambda b: -free[b])[:1],
}


def by_the_book(lengths, capacity, choose):
    """A packing by trying every open bin for every prompt."""
    bins, free = [], []
    for prompt, length in lengths:
        chosen = choose([b for b, room in enumerate(free) if room >= length], free)
        if not chosen:
            chosen = [len(bins)]
            bins.append([])
            free.append(capacity)
        bins[chosen[0]].append(prompt)
        free[chosen[0]] -= length
    return bins


@pytest.mark.parametrize("rule", CHOICES)
@given(lengths=lengths_lists, slack=st.integers(0, 40), falling=st.booleans())
def test_every_rule_is_the_rule_of_the_book(rule, lengths, slack, falling):
    capacity = max(lengths) + slack
    order = sorted(enumerate(lengths), key=lambda item: -item[1]) if falling else [*enumerate(lengths)]
    expected = by_the_book(order, capacity, CHOICES[rule])
    packing = lab.pack(lengths, capacity, f"{rule}_decreasing" if falling else rule)
    if rule in ("next_fit", "first_fit"):
        assert packing.bins == tuple(map(tuple, expected))
    else:  # between bins that are equally full the book leaves the choice
        assert sorted(packing.bin_lengths) == sorted(sum(lengths[prompt] for prompt in members) for members in expected)


@pytest.mark.parametrize(("lengths", "by_tree"), [([*range(1, 400)] * 9, False), ([*range(1, 9000, 2)], True)])
def test_few_and_many_different_lengths_are_packed_by_the_same_rule(lengths, by_tree, monkeypatch):
    capacity = max(lengths)
    falling = sorted(range(len(lengths)), key=lambda prompt: -lengths[prompt])
    expected = strategies.first_fit(lengths, capacity, falling)
    calls = []
    monkeypatch.setattr(strategies, "first_fit", lambda *args: calls.append(args) or expected)
    assert strategies.first_fit_decreasing(lengths, capacity) == expected
    assert bool(calls) == by_tree


@pytest.mark.parametrize("strategy", ["first_fit_decreasing", "best_fit_decreasing"])
def test_a_million_prompts_are_packed_to_a_thousandth_of_the_bound(strategy):
    packing = lab.pack(lab.load_profile("azure_conv").sample(1_000_000), 16_384, strategy)
    assert packing.num_bins <= 1.001 * packing.lower_bound


def fewest(lengths, capacity):
    """The optimum, by trying everything."""
    if not lengths:
        return 0
    first, *others = lengths
    best = len(lengths)
    for size in range(len(others) + 1):
        for chosen in itertools.combinations(range(len(others)), size):
            if first + sum(others[i] for i in chosen) <= capacity:
                left = [length for i, length in enumerate(others) if i not in chosen]
                best = min(best, 1 + fewest(left, capacity))
    return best


@settings(max_examples=60)
@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=7), slack=st.integers(0, 15))
def test_optimal_is_the_optimum_and_the_bound_is_below_it(lengths, slack):
    capacity = max(lengths) + slack
    packing = lab.pack(lengths, capacity, "optimal")
    assert packing.num_bins == fewest(lengths, capacity)
    assert packing.gap == 0
    bound = optimal.lower_bound(lengths, capacity)
    assert -(-sum(lengths) // capacity) <= bound <= packing.num_bins


def test_the_bound_sees_more_than_the_sum():
    assert optimal.lower_bound([6, 6, 6, 6], 10) == 4  # 24 tokens would fit into three bins


def triplets(n, seed):
    """Lengths of which three fill a bin of 1,000 exactly, so that n / 3 bins are the optimum (Falkenauer 1996)."""
    draw, lengths = random.Random(seed), []
    for _ in range(n // 3):
        first = draw.randint(380, 490)
        second = draw.randint(250, (1000 - first) // 2)
        lengths += [first, second, 1000 - first - second]
    draw.shuffle(lengths)
    return lengths


@pytest.mark.parametrize("seed", [0, 1])
def test_triplets_are_solved(seed):
    lengths = triplets(120, seed)
    assert lab.pack(lengths, 1000).num_bins > 40
    packing = lab.pack(lengths, 1000, "optimal", time_limit=120)
    assert (packing.num_bins, packing.gap) == (40, 0)
    assert sorted(prompt for members in packing.bins for prompt in members) == [*range(120)]
    assert set(packing.bin_lengths) == {1000}


def test_a_time_limit_that_is_hit_leaves_a_packing_and_its_gap():
    packing = lab.pack(triplets(120, 0), 1000, "optimal", time_limit=0.001)
    assert packing.num_bins > 40
    assert packing.gap == packing.num_bins - 40
    assert sorted(prompt for members in packing.bins for prompt in members) == [*range(120)]


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
