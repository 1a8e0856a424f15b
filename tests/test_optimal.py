import itertools
import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab import optimal


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


def triplets(n, seed, scale=1):
    """Lengths of which three fill a bin of 1,000 exactly, so that n / 3 bins are the optimum (Falkenauer 1996)."""
    draw, lengths = random.Random(seed), []
    for _ in range(n // 3):
        first = draw.randint(380, 490)
        second = draw.randint(250, (1000 - first) // 2)
        lengths += [first, second, 1000 - first - second]
    draw.shuffle(lengths)
    return [scale * length for length in lengths]


@pytest.mark.long
@pytest.mark.parametrize(("seed", "scale"), [(0, 1), (1, 1), (1, 10**10)])
def test_triplets_are_solved(seed, scale):
    lengths = triplets(120, seed, scale)
    assert lab.pack(lengths, 1000 * scale).num_bins > 40
    packing = lab.pack(lengths, 1000 * scale, "optimal", time_limit=120)
    assert (packing.num_bins, packing.gap) == (40, 0)
    assert sorted(prompt for members in packing.bins for prompt in members) == [*range(120)]
    assert set(packing.bin_lengths) == {1000 * scale}


def test_a_time_limit_that_is_hit_leaves_a_packing_and_its_gap():
    packing = lab.pack(triplets(120, 0), 1000, "optimal", time_limit=0.001)
    assert packing.num_bins > 40
    assert packing.gap == packing.num_bins - 40
    assert sorted(prompt for members in packing.bins for prompt in members) == [*range(120)]


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_a_time_limit_that_the_solver_would_take_for_none_is_refused(seconds):
    with pytest.raises(ValueError, match=f"time_limit is {seconds}; it is a number of seconds"):
        lab.pack([5, 4, 3], 8, "optimal", time_limit=seconds)


def test_a_model_that_is_too_large_is_given_up_before_it_fills_the_memory(monkeypatch):
    monkeypatch.setattr(optimal, "MAX_STEPS", 1_000)
    lengths = [2000 * 2**power for power in range(8)] + [1] * 1_000  # 2**8 places, and 1,000 steps from each
    tracemalloc.start()
    assert optimal._steps(lengths, sum(lengths)) == []
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
