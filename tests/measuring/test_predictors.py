"""What tells a speed-up ahead, and the lines through it; and the paper's own figures under them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab.measuring import paper
from prepack_lab.measuring.predictors import (
    PREDICTORS,
    batch_size_reduction,
    expected_fewer_rows,
    fewer_rows,
    fit_line,
    max_absolute_deviation,
)


def test_predictors_by_hand():
    lengths = [10, 5, 5, 4, 6]  # two tens, and a ten: three rows
    assert batch_size_reduction(lengths) == 3 / 5
    assert fewer_rows(lengths) == 5 / 3
    assert max_absolute_deviation(lengths) == 10 - 30 / 5


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=30))
def test_their_ranges(lengths):
    assert 0 < batch_size_reduction(lengths) <= 1 <= fewer_rows(lengths)
    assert max_absolute_deviation(lengths) >= 0
    assert set(PREDICTORS) == {"r/k", "k/r", "m - L/k"}


@given(slope=st.floats(-9, 9), intercept=st.floats(-9, 9))
def test_a_line_is_found_again(slope, intercept):
    line = fit_line([0, 1, 2, 5], [intercept + slope * x for x in (0, 1, 2, 5)])
    assert line.slope == pytest.approx(slope, abs=1e-6)
    assert line.at(3) == pytest.approx(intercept + 3 * slope, abs=1e-5)
    assert line.r_squared == pytest.approx(1, abs=1e-3) or abs(slope) < 1e-3


def test_the_share_of_the_spread_that_a_line_tells():
    assert fit_line([0, 1, 2, 3], [0, 1, 0, 1]).r_squared == pytest.approx(0.2)


@pytest.mark.parametrize(("x", "y"), [([1], [1]), ([2, 2], [1, 3]), ([1, 2], [1])])
def test_no_line_through_too_little(x, y):
    with pytest.raises(ValueError, match="a line needs two points"):
        fit_line(x, y)


def test_rows_saved_tell_the_papers_speed_ups():
    """Prompts over mean rows, of the recorded lengths, against the speed-ups that the paper measured."""
    for workload, by_batch in paper.SPEED_UP_BY_BATCH.items():
        profile = lab.load_profile(workload)
        for size, measured in by_batch.items():
            rows = [lab.pack(profile.sample(size, seed)).num_bins for seed in range(200)]
            assert size * len(rows) / sum(rows) == pytest.approx(measured, rel=0.12), (workload, size)


def test_fewer_rows_are_expected_as_batches_of_a_workload_have_them():
    profile = lab.load_profile("mmlu")
    rows = [lab.pack(profile.sample(8, seed)).num_bins for seed in range(5)]
    assert expected_fewer_rows(profile, 8, draws=5) == pytest.approx(8 / (sum(rows) / 5))


@pytest.mark.parametrize("workload", paper.SPEED_UP_BY_BATCH)
def test_counting_rows_tells_what_the_paper_measured(workload):
    for size, measured in paper.SPEED_UP_BY_BATCH[workload].items():
        assert expected_fewer_rows(lab.load_profile(workload), size) == pytest.approx(measured, rel=0.12)
