"""What prompts begin with in common: the choice that saves the most tokens, held against a plain recursion."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from prepack_lab.scoring.beginnings import shared_beginnings
from tests.conftest import random_prompts


def test_prompts_that_begin_alike_are_found_wherever_they_are():
    (a, b, system), tails = random_prompts([40, 30, 10]), random_prompts([3, 5, 1, 2, 8, 4], seed=1)
    prompts = [system + a + tails[0], tails[1], system + b + tails[2], system + a + tails[3], system + b + tails[4]]
    *shared, left = shared_beginnings(prompts, 20)
    assert {length: {*members} for length, members in shared} == {50: {0, 3}, 40: {2, 4}}
    assert left == (0, [1])


def test_a_short_beginning_is_not_worth_a_pass():
    prompts = [[1, 2, 3, 4, 5], [1, 2, 3, 7], [1, 2, 3, 8]]
    assert shared_beginnings(prompts, 7) == [(0, [0, 1, 2])]
    assert shared_beginnings(prompts, 6) == [(3, [0, 1, 2])]


def test_where_longer_beginnings_are_not_worth_it_a_shorter_one_may_be():
    prompts = [[1, 2, 3, 4, 9, 9], [1, 2, 3, 4, 8, 8], [1, 2, 5, 6, 9, 9], [1, 2, 5, 6, 8, 8]]
    assert [(length, {*members}) for length, members in shared_beginnings(prompts, 4)] == [(4, {0, 1}), (4, {2, 3})]
    assert [(length, {*members}) for length, members in shared_beginnings(prompts, 6)] == [(2, {0, 1, 2, 3})]


def test_every_prompt_goes_on_by_a_token():
    assert shared_beginnings([[1, 2, 3], [1, 2, 3]], 1) == [(2, [0, 1])]
    assert shared_beginnings([[1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4, 5]], 1) == [(2, [0, 1, 2])]
    assert shared_beginnings([[5]], 1) == [(0, [0])]


def test_a_conversation_that_grows_by_a_token_a_thousand_times():
    prompts = [[7] * length for length in range(1, 1500)]
    chosen = shared_beginnings(prompts, 1)
    assert sorted(index for _, members in chosen for index in members) == [*range(1499)]
    saved = sum(length * (len(members) - 1) for length, members in chosen)
    assert saved == max((1499 - first - 1) * first for first in range(1499))


@given(st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=6), min_size=1, max_size=7))
def test_a_beginning_or_the_longer_ones_within_it_whichever_saves_more(prompts):
    chosen = shared_beginnings(prompts, 1)
    for length, members in chosen:
        assert len({tuple(prompts[index][:length]) for index in members}) == 1
        assert all(len(prompts[index]) > length for index in members)
    assert sorted(index for _, members in chosen for index in members) == [*range(len(prompts))]
    assert sum(length * (len(members) - 1) for length, members in chosen) == _most_saved(sorted(prompts))


def _most_saved(prompts):
    """Of prompts in order: by their common beginning, or by the best of the groups that share one token more."""
    common = 0
    while all(len(prompt) > common + 1 for prompt in prompts) and len({prompt[common] for prompt in prompts}) == 1:
        common += 1
    own = common * (len(prompts) - 1)
    longer = [prompt for prompt in prompts if len(prompt) > common + 1]
    if len(prompts) == 1:
        return 0
    return max(own, sum(_most_saved([*group]) for _, group in groupby(longer, key=lambda prompt: prompt[common])))
