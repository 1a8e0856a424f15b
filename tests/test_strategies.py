import pytest
from hypothesis import given
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab import strategies
from prepack_lab.strategies import BY_NAME, RULES, pack_by_rule


@pytest.mark.parametrize(
    ("rule", "bins"),
    [
        ("next_fit", [[0], [1], [2, 3, 4]]),
        ("first_fit", [[0, 3, 4], [1], [2]]),
        ("best_fit", [[0, 4], [1, 3], [2]]),
        ("worst_fit", [[0, 4], [1], [2, 3]]),
    ],
)
def test_the_rules_part_ways_over_five_prompts(rule, bins):
    assert pack_by_rule(RULES[rule], [6, 7, 5, 2, 2], 10) == bins


@pytest.mark.parametrize("name", ["best_fit", "worst_fit", "best_fit_decreasing", "worst_fit_decreasing"])
def test_of_bins_that_are_equally_full_the_first_is_taken(name):
    assert BY_NAME[name]([5, 5, 5, 3, 3], 8) == [[0, 3], [1, 4], [2]]


@pytest.mark.parametrize("rule", RULES)
@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=60), slack=st.integers(0, 40))
def test_every_strategy_makes_the_bins_of_its_rule(rule, lengths, slack):
    capacity = max(lengths) + slack
    assert BY_NAME[rule](lengths, capacity) == pack_by_rule(RULES[rule], lengths, capacity)
    falling = sorted(range(len(lengths)), key=lambda prompt: -lengths[prompt])
    places = pack_by_rule(RULES[rule], [lengths[prompt] for prompt in falling], capacity)
    expected = [[falling[place] for place in members] for members in places]
    assert BY_NAME[f"{rule}_decreasing"](lengths, capacity) == expected
    assert strategies.decreasing(BY_NAME[rule])(lengths, capacity) == expected  # not in numpy


@pytest.mark.parametrize("rule", RULES)
def test_thousands_of_prompts_make_the_bins_of_the_rule(rule):
    lengths = lab.load_profile("mmlu").sample(3_000)
    assert BY_NAME[rule](lengths, 2048) == pack_by_rule(RULES[rule], lengths, 2048)


@pytest.mark.parametrize(("lengths", "by_tree"), [([*range(1, 400)] * 9, False), ([*range(1, 9000, 2)], True)])
def test_few_and_many_different_lengths_are_packed_by_the_same_rule(lengths, by_tree, monkeypatch):
    capacity = max(lengths)
    by_prompt = strategies.first_fit
    expected = strategies.decreasing(by_prompt)(lengths, capacity)
    calls = []
    monkeypatch.setattr(strategies, "first_fit", lambda *args: calls.append(args) or by_prompt(*args))
    assert strategies.first_fit_decreasing(lengths, capacity) == expected
    assert bool(calls) == by_tree


@pytest.mark.long
@pytest.mark.parametrize("strategy", ["first_fit_decreasing", "best_fit_decreasing"])
def test_a_million_prompts_are_packed_to_a_thousandth_of_the_bound(strategy):
    packing = lab.pack(lab.load_profile("azure_conv").sample(1_000_000), 16_384, strategy)
    assert packing.num_bins <= 1.001 * packing.lower_bound


def test_the_library_opens_four_bins_where_first_fit_needs_three():
    lengths = [9, 7, 6, 3, 2, 2]
    assert lab.pack(lengths, 10).num_bins == 3
    assert lab.pack(lengths, 10, "binpacking").num_bins == 4
