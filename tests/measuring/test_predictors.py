"""What predicts a speed-up, batches that are timed, the lines through them; and the paper's own figures."""

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab.measuring import paper, predictors
from prepack_lab.measuring.predictors import (
    PREDICTORS,
    TimedBatch,
    batch_size_reduction,
    errors_on_unseen,
    expected_fewer_rows,
    fewer_rows,
    fit_line,
    max_absolute_deviation,
    time_batches,
)
from prepack_lab.measuring.recordings import load_recordings, only, speed_up
from prepack_lab.measuring.timing import Measurement

BATCHES = {"unequal": [9, 2, 3, 4], "equal": [5, 5]}


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


def test_the_share_of_the_spread_that_a_line_explains():
    assert fit_line([0, 1, 2, 3], [0, 4, 0, 4]).r_squared == pytest.approx(0.2)
    assert fit_line([0, 1], [3, 3]).r_squared == 1


def test_errors_on_kinds_that_the_line_has_not_seen():
    """Through the points of a it is 2 x, through those of b 4 x - 6."""
    errors = errors_on_unseen([1, 2, 3, 4], [2, 4, 6, 10], ["a", "a", "b", "b"])
    assert errors["b"] == pytest.approx([0, 0.2]) and errors["a"] == pytest.approx([2, 0.5])
    assert errors_on_unseen([1, 2], [1, 2], ["a", "b"]) == {}, "one point gives no line"


@pytest.mark.parametrize(("x", "y"), [([], []), ([1], [1]), ([2, 2], [1, 3]), ([1, 2], [1])])
def test_no_line_through_too_little(x, y):
    with pytest.raises(ValueError, match="a line needs two points"):
        fit_line(x, y)


def test_fewer_rows_are_expected_as_batches_of_a_workload_have_them():
    profile = lab.load_profile("mmlu")
    rows = [lab.pack(profile.sample(8, seed)).num_bins for seed in range(5)]
    assert expected_fewer_rows(profile, 8, draws=5) == pytest.approx(8 / (sum(rows) / 5))


@pytest.mark.long
@pytest.mark.parametrize("workload", paper.SPEED_UP_BY_BATCH)
def test_counting_rows_predicts_what_the_paper_measured(workload):
    for size, measured in paper.SPEED_UP_BY_BATCH[workload].items():
        assert expected_fewer_rows(lab.load_profile(workload), size) == pytest.approx(measured, rel=0.12)


def test_every_batch_is_run_by_both_methods_in_turn(tiny_model, monkeypatch):
    ran = []
    monkeypatch.setattr(
        predictors, "run_method", lambda model, prompts, method: ran.append(([*map(len, prompts)], method))
    )
    timed = time_batches(tiny_model, BATCHES, "padding_free", repeats=2)
    once = [(lengths, method) for lengths in BATCHES.values() for method in ("full_batching", "padding_free")]
    assert ran == [*once[:2], *once, *once], "a warm-up, then round after round"
    assert [*timed] == [*BATCHES]
    for name, batch in timed.items():
        assert batch.lengths == tuple(BATCHES[name])
        assert len(batch.baseline.seconds) == len(batch.method.seconds) == 2


def test_with_a_model(tiny_model):
    timed = time_batches(tiny_model, BATCHES, repeats=1)
    assert all(batch.speed_up > 0 for batch in timed.values())


def test_three_runs_of_each_are_held_against_full_batching(tiny_model, monkeypatch):
    asked = []

    def measured(runs, **options):
        asked.append(options)
        return {run: Measurement((3.0 if run[1] == "full_batching" else 1.5,), "here", None) for run in runs}

    monkeypatch.setattr(predictors, "admit", lambda model, prompts, method: asked.append((len(prompts), method)))
    monkeypatch.setattr(predictors, "measure_together", measured)
    timed = time_batches(tiny_model, BATCHES)
    assert [(name, batch.speed_up) for name, batch in timed.items()] == [("unequal", 2), ("equal", 2)]
    assert asked == [(6, "full_batching"), (6, "prepacked"), {"warmup": 0, "repeats": 3, "device": "cpu"}]


def test_the_speed_up_is_above_one_where_the_method_is_faster():
    slow, fast = (Measurement((seconds,), "here", None) for seconds in (3.0, 1.5))
    assert TimedBatch((1, 2), slow, fast).speed_up == pytest.approx(2)


def test_of_the_recorded_batches_k_over_r_predicts_unseen_workloads_best():
    recorded = load_recordings(of=("prepack-lab bench predict",))[0]
    packed = only(recorded.results, method="prepacked")
    kinds = [run["workload"] for run in packed]
    lengths = [lab.load_profile(run["workload"]).sample(run["batch_size"], run["draw"]) for run in packed]
    assert [lab.pack(own).num_bins for own in lengths] == [run["rows_packed"] for run in packed], "drawn again"
    pairs = [only(recorded.results, workload=run["workload"], draw=run["draw"]) for run in packed]
    gains = [speed_up(pair, "prepacked")[0] for pair in pairs]
    off = {}
    for name, count in PREDICTORS.items():
        errors = errors_on_unseen([count(own) for own in lengths], gains, kinds)
        off[name] = median(one for own in errors.values() for one in own)
    assert len(errors) >= 4 and off["k/r"] < off["r/k"] < off["m - L/k"]


def test_a_beginning_that_all_share_leaves_packing_little():
    """As lesson 10 says: exam questions, bare and behind 100 and 600 tokens of examples."""
    batches = [lab.load_profile("mmlu").sample(16, seed) for seed in range(30)]
    gains = [
        sum(fewer_rows([shared + length for length in batch]) for batch in batches) / 30 for shared in (0, 100, 600)
    ]
    assert gains == pytest.approx([4.1, 2.1, 1.0], abs=0.1)


def test_the_papers_floor_is_neither_reading_nor_computing():
    """As lesson 08 says: the data sheet of the A6000, 1.3 billion weights in half precision."""
    small = {size: paper.BATCH_SECONDS[100][size] for size in (1, 2)}
    for size, seconds in small.items():
        reading, computing = 2 * 1.3e9 / 768e9, 2 * 1.3e9 * 100 * size / 154.8e12
        assert seconds > 9 * max(reading, computing)
