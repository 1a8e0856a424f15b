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
