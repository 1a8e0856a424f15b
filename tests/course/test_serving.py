"""A simulated server: who waits, how long, and how busy it is."""

import numpy as np
import pytest

from prepack_lab.course.serving import poisson_arrivals, serve


def test_an_idle_server_answers_after_the_prefill():
    arrived = np.array([0.0, 10.0, 20.0])
    served = serve([5, 5, 5], arrived, "full_batching", lambda one: 2.0)
    assert served.waits.tolist() == [2.0, 2.0, 2.0]
    assert served.utilization == pytest.approx(6 / 22)


def test_a_busy_server_takes_all_that_wait_and_the_oldest_first():
    arrived = np.array([0.0, 0.5, 0.6, 0.7])
    served = serve([1, 2, 3, 4], arrived, "full_batching", lambda one: 1.0, most=2)
    assert served.first_token.tolist() == [1.0, 2.0, 2.0, 3.0]
    alone = serve([1, 2, 3, 4], arrived, "one_by_one", lambda one: 1.0, most=4)
    assert alone.first_token.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_arrivals_are_as_frequent_as_asked_for():
    arrived = poisson_arrivals(20_000, per_second=4.0)
    assert np.diff(arrived).mean() == pytest.approx(0.25, rel=0.05) and (np.diff(arrived) > 0).all()
    with pytest.raises(ValueError, match="a rate above 0"):
        poisson_arrivals(3, 0)
    with pytest.raises(ValueError, match="one arrival per prompt"):
        serve([1], np.array([0.0, 1.0]), "prepacked", lambda one: 1.0)
