"""Tables of lesson 08: every cell by hand."""

import pytest

from prepack_lab.course import reports
from prepack_lab.measuring.calibration import Calibration
from prepack_lab.measuring.predictors import Line, TimedBatch
from prepack_lab.measuring.recordings import Recording
from prepack_lab.measuring.timing import Measurement

LENGTHS = [10, 5, 5, 4, 6]  # three rows of ten


def test_what_is_counted():
    assert reports.counted_table({"mine": LENGTHS}).rows == [("mine", 5, "30", 10, 3, "0.60", "1.67", "4")]


@pytest.fixture
def timed():
    """Speed-ups of exactly k/r, on batches of five prompts in one to five rows."""

    def batch(rows):
        lengths = (*(100,) * (rows - 1), *(100 // (6 - rows),) * (6 - rows))
        seconds = [Measurement((time, 1.1 * time, 1.2 * time), "a machine", None) for time in (5.0, rows)]
        return TimedBatch(lengths, *seconds)

    return {f"{rows} rows": batch(rows) for rows in (2, 3, 4, 5)}


def test_lines_beside_the_papers_with_the_best_first(timed):
    table = reports.lines_table(timed)
    assert [row[0] for row in table.rows] == ["k/r", "r/k", "m - L/k"]
    by_name = {row[0]: row for row in table.rows}
    assert by_name["k/r"][1].endswith("+ 1 · (k/r)") and by_name["k/r"][2] == "1.00"
    assert by_name["r/k"][3:] == ("3.15 − 2.53 · (r/k)", "0.93")
    assert table.caption.startswith("4 batches, medians of 3 runs on a machine; ")
    assert table.caption.endswith("the runs of a batch differ by 9%")


def test_what_is_predicted():
    table = reports.predicted_table(Line(0.1, 0.9, 1), {"mine": LENGTHS})
    assert table.rows == [("mine", 3, "1.67", "1.60×")]
    assert table.caption == "Predicted, not yet run: speed-up = 0.10 + 0.9 · (k/r)"


def test_rates_in_milliseconds():
    table = reports.rates_table(Calibration(0.05, 2e-12, 3e-12, "a machine"))
    assert [row[1] for row in table.rows] == ["50.0 ms", "2.00 ms", "3.00 ms"]
    assert "a machine" in table.caption


def test_recorded_predictions_are_scored_on_workloads_that_the_line_has_not_seen():
    rows = [
        dict(workload=workload, batch_size=8, draw=draw, rows_packed=8 // times, method=method, seconds=[seconds])
        for workload, draw, times, gain in (("a", 0, 2, 2.0), ("a", 1, 4, 4.0), ("b", 0, 2, 1.6), ("b", 1, 4, 4.0))
        for method, seconds in (("full_batching", gain), ("prepacked", 1.0))
    ]
    settings = {"model": "a model", "dtype": "float32"}
    recording = Recording("prepack-lab bench predict --x", {"device": "a machine"}, "2026-01-01", settings, rows)
    table = reports.recorded_predictions_table([recording])
    assert table.rows[1] == ("b", 2, "1.60× to 4.00×", "13%", "25%")
    assert "a machine" in table.caption and "predict" in table.caption
    assert reports.recorded_predictions_table([]).rows[0][0] == "none"


def test_the_package_carries_recorded_predictions():
    table = reports.recorded_predictions_table()
    assert len(table.rows) >= 4 and all(row[1] >= 3 for row in table.rows)
