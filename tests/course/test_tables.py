"""The tables of seconds, on measurements that are given."""

from prepack_lab.course.tables import batch_cost_table, times_table
from prepack_lab.measuring.timing import Measurement


def measured(*seconds):
    return Measurement(seconds, "a machine", None)


def test_a_small_loss_is_seen():
    times = {"full_batching": measured(0.98), "prepacked": measured(1.0)}
    assert [row[-1] for row in times_table(times).rows] == ["1.0×", "0.98×"]


def test_a_batch_is_held_against_the_smallest_there_is():
    table = batch_cost_table({50: {4: 0.3, 2: 0.2}})
    assert table.rows == [("50 tokens", "0.200 s (1.0×)", "0.300 s (1.5×)")] and "times a batch of 2)" in table.caption
    table = batch_cost_table({50: {1: 0.1, 2: 0.2}})
    assert table.rows[0][2] == "0.200 s (2.0×)" and "times a batch of one)" in table.caption


def test_median_and_quartiles_stand_under_their_headings():
    times = {"full_batching": measured(1.0, 2.0, 4.0), "prepacked": measured(0.5)}
    table = times_table(times)
    assert table.headings == ("method", "median", "half of the runs", "times as fast as full_batching")
    assert table.rows == [
        ("full_batching", "2000 ms", "1500 to 3000 ms", "1.0×"),
        ("prepacked", "500 ms", "500 to 500 ms", "4.0×"),
    ]
    assert table.caption == "3 runs each, in turn, measured just now on a machine"
    assert [row[-1] for row in times_table(times, "prepacked").rows] == ["0.25×", "1.0×"]


def test_batches_of_several_lengths_stand_under_their_sizes():
    table = batch_cost_table({50: {2: 0.2, 1: 0.1}, 100: {1: 0.4, 2: 0.6}})
    assert table.headings == ("every prompt has", "batch of 1", "batch of 2")
    assert table.rows == [
        ("50 tokens", "0.100 s (1.0×)", "0.200 s (2.0×)"),
        ("100 tokens", "0.400 s (1.0×)", "0.600 s (1.5×)"),
    ]
