"""When tokens came: noted for each prompt, cut at its end, and kept apart from the wait for the first."""

import math

import pytest
import torch

import prepack_lab as lab
from prepack_lab.generation import Continuations
from prepack_lab.measuring import token_times
from prepack_lab.measuring.token_times import TokenClock, TokenTimes, time_tokens, typical
from tests.conftest import random_prompts

PROMPTS = random_prompts([9, 14, 2, 11], seed=1)
RUNNERS = {
    "one_by_one": {"method": "one_by_one"},
    "full_batching": {"method": "full_batching"},
    "prepacked": {},
    "packed decoding": {"decoding": "packed"},
    "in two rows": {"method": "padding_free", "decoding": "packed", "token_budget": 24},
}


def test_every_token_of_every_prompt_has_its_time(tiny_model):
    runs = time_tokens(tiny_model, PROMPTS, RUNNERS, max_new_tokens=5, repeats=2)
    assert {name: len(taken) for name, taken in runs.items()} == dict.fromkeys(RUNNERS, 2)
    alone = lab.generate(tiny_model, PROMPTS, "one_by_one", max_new_tokens=5)
    for taken in runs.values():
        for run in taken:
            assert run.tokens == alone
            assert [*map(len, run.seconds)] == [*map(len, alone)]
            assert all(came[0] > 0 and [*came] == sorted(came) for came in run.seconds)


def test_prompts_that_go_in_turn_wait_for_each_other(tiny_model):
    (run,) = time_tokens(tiny_model, PROMPTS, {"alone": {"method": "one_by_one"}}, repeats=1)["alone"]
    for before, after in zip(run.seconds, run.seconds[1:], strict=False):
        assert before[-1] < after[0], "the next begins when this one has ended"
    (run,) = time_tokens(tiny_model, PROMPTS, {"rows": {}}, repeats=1)["rows"]
    assert len(set(run.first)) == 1, "in one forward pass all get their first token at once"


def test_what_follows_the_end_token_has_no_time(tiny_model):
    free = lab.generate(tiny_model, PROMPTS, max_new_tokens=8, eos_token_id=-1)
    end = free[1][3]
    (run,) = time_tokens(tiny_model, PROMPTS, {"": {"eos_token_id": end}}, max_new_tokens=8, repeats=1)[""]
    assert len(run.seconds[1]) == free[1].index(end) + 1 < 8
    assert [*map(len, run.seconds)] == [*map(len, run.tokens)]


def test_the_clock_keeps_prompts_apart(monkeypatch):
    now = iter(range(100))
    monkeypatch.setattr(token_times, "perf_counter", lambda: next(now))
    clock = TokenClock()  # 0
    for value in (torch.zeros(2, 5), torch.tensor([7, 8]), torch.tensor([9, 10])):
        clock.put(value)  # the prompts at 1, then tokens at 2 and 3
    clock.end()
    clock.put(torch.zeros(1, 3))
    clock.put(torch.tensor([11]))
    assert clock.came == [[2, 3], [2, 3], [5]]
    assert clock.tokens == [[7, 9], [8, 10], [11]]


def test_first_and_following_tokens():
    run = TokenTimes(Continuations([[1, 2, 3], [4]], 0, 0), ((2.0, 3.0, 5.0), (7.0,)))
    assert run.first == (2.0, 7.0)
    assert run.per_token == pytest.approx(1.5), "a prompt with one token says nothing about the others"
    assert run.in_order == [2.0, 3.0, 5.0, 7.0]
    assert math.isnan(TokenTimes(run.tokens, ((1.0,), (2.0,))).per_token)


def test_the_typical_run_is_the_one_in_the_middle():
    runs = [TokenTimes(None, ((last,),)) for last in (5.0, 1.0, 3.0)]
    assert typical(runs).in_order == [3.0]
    assert typical(runs[:2]).in_order == [1.0], "of two the faster"


def test_the_time_for_a_token_is_a_mean_over_prompts():
    run = TokenTimes(Continuations([[1, 2, 3], [4, 5]], 0, 0), ((1.0, 2.0, 4.0), (1.0, 4.5)))
    assert run.per_token == pytest.approx((1.5 + 3.5) / 2)
