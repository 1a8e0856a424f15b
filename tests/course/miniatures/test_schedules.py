"""Simulated servers: what holds whatever the schedule, and what each idea is for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prepack_lab.course.miniatures.chunked_prefill import chunked
from prepack_lab.course.miniatures.continuous_batching import continuous, static_batches
from prepack_lab.course.miniatures.iterations import simulate
from prepack_lab.course.miniatures.requests import Request, draw_requests
from prepack_lab.course.miniatures.splitting import side_by_side, split
from prepack_lab.course.miniatures.step_seconds import plain_steps, ragged_steps

REQUESTS = st.lists(st.builds(Request, st.integers(1, 30), st.integers(1, 8)), min_size=1, max_size=9)
SCHEDULES = {"static": static_batches(3), "continuous": continuous(3), "chunked": chunked(3, 5)}


def by_tokens(work):
    return 1.0 + 0.1 * sum(one.tokens for one in work)


@pytest.mark.parametrize("name", SCHEDULES)
@given(requests=REQUESTS)
def test_every_token_is_computed_once_and_answers_are_whole(name, requests):
    timeline = simulate(requests, SCHEDULES[name], by_tokens)
    computed = [sum(step.tokens.get(index, 0) for step in timeline.steps) for index in range(len(requests))]
    assert computed == [one.prompt + one.output - 1 for one in requests]
    assert [len(times) for times in timeline.token_times] == [one.output for one in requests]
    assert all(times == sorted(set(times)) for times in timeline.token_times)
    assert all(len(step.tokens) <= 3 for step in timeline.steps)
    assert timeline.end == timeline.steps[-1].end and 0 <= timeline.idle_share(3) < 1


@given(requests=REQUESTS)
def test_continuous_batching_never_needs_more_steps_than_static_batches(requests):
    steps = {name: len(simulate(requests, SCHEDULES[name]).steps) for name in ("static", "continuous")}
    assert steps["continuous"] <= steps["static"]


def test_the_picture_of_continuous_batching():
    requests = [Request(4, 2), Request(4, 5), Request(4, 3)]
    assert len(simulate(requests, static_batches(2)).steps) == 8
    timeline = simulate(requests, continuous(2))
    assert len(timeline.steps) == 5 and timeline.token_times[2] == [3, 4, 5]


@given(requests=REQUESTS, budget=st.integers(3, 12))
def test_a_step_in_chunks_keeps_to_its_budget(requests, budget):
    timeline = simulate(requests, chunked(3, budget), by_tokens)
    assert max(sum(step.tokens.values()) for step in timeline.steps) <= budget


def test_the_picture_of_chunks():
    requests = [Request(1, 9), Request(1, 9), Request(10, 1, arrived=1.5)]
    timeline = simulate(requests, chunked(3, 6))
    assert [step.tokens.get(2, 0) for step in timeline.steps[2:5]] == [4, 4, 2]


def test_long_prompts_pause_the_others_less_in_chunks():
    requests = [Request(2, 30), *(Request(200, 2, arrived=float(when)) for when in (2, 20))]
    whole, pieces = (simulate(requests, schedule, by_tokens) for schedule in (continuous(4), chunked(4, 20)))
    assert pieces.pauses.max() < whole.pauses.max() / 4


def test_chunks_need_room_for_all_who_write():
    with pytest.raises(ValueError, match="less than one for each of 4 seats"):
        chunked(4, 3)


def test_nobody_computes_before_they_arrive():
    timeline = simulate([Request(3, 1), Request(3, 1, arrived=50.0)], continuous(2))
    assert timeline.token_times == [[1.0], [51.0]]
    assert np.array_equal(timeline.first_token, [1.0, 1.0])
    with pytest.raises(ValueError, match="sort the requests"):
        simulate([Request(1, 1, arrived=2.0), Request(1, 1)], continuous(1))


def test_a_schedule_that_would_never_end_or_gives_too_much_is_refused():
    with pytest.raises(ValueError, match="would never end"):
        simulate([Request(1, 1)], lambda here: {})
    with pytest.raises(ValueError, match="can compute 1 to 2"):
        simulate([Request(2, 1)], lambda here: {0: 3})


@pytest.mark.parametrize("wrong", [{"prompt": 0}, {"output": 0}, {"cached": 3}, {"cached": -1}])
def test_a_request_reads_and_writes_at_least_one_token(wrong):
    with pytest.raises(ValueError, match="at least one token"):
        Request(**{"prompt": 3, "output": 1, **wrong})


@given(requests=REQUESTS, price=st.sampled_from([0.0, 0.5]))
def test_splitting_writes_every_answer_and_waits_for_the_cache(requests, price):
    timeline = split(requests, continuous(2), continuous(4), by_tokens, price)
    assert [len(times) for times in timeline.token_times] == [one.output for one in requests]
    for one, times in zip(requests, timeline.token_times, strict=True):
        assert times == sorted(times)
        assert len(times) == 1 or times[1] - times[0] >= price * one.prompt


def test_apart_a_long_prompt_disturbs_nobody_who_writes():
    requests = [Request(2, 20), Request(500, 2, arrived=1.0)]
    together, apart = simulate(requests, continuous(2), by_tokens), split(
        requests, continuous(2), continuous(2), by_tokens
    )  # fmt: skip
    assert together.pauses.max() > 50 and max(np.diff(apart.token_times[0])) < 2


def test_side_by_side_deals_out_and_keeps_the_order():
    requests = [Request(3, 2) for _ in range(5)]
    timeline = side_by_side(requests, continuous(1), by_tokens)
    assert [len(times) for times in timeline.token_times] == [2] * 5
    assert timeline.end < simulate(requests, continuous(1), by_tokens).end


def test_steps_cost_more_with_more_tokens_and_padding():
    from prepack_lab.course.miniatures.iterations import Work

    ragged, plain = ragged_steps(), plain_steps("full_batching")
    few, many = [Work(10, 0)] * 2, [Work(100, 0)] * 2
    assert 0 < ragged(few) < ragged(many)
    uneven = [Work(10, 0), Work(190, 0)]
    assert ragged(uneven) < plain(uneven) and plain_steps("prepacked")(uneven) <= plain(uneven)
    assert plain([Work(1, 10), Work(1, 500)]) > plain([Work(1, 10), Work(1, 10)])


def test_requests_are_drawn_as_recorded():
    drawn = draw_requests("azure_conv", 20, per_second=5.0, seed=3)
    assert drawn == draw_requests("azure_conv", 20, per_second=5.0, seed=3)
    assert [one.arrived for one in drawn] == sorted(one.arrived for one in drawn) and drawn[0].arrived > 0
    assert {one.output for one in draw_requests("mmlu", 5, output=7)} == {7}
    with pytest.raises(ValueError):
        draw_requests("mmlu", 5)
