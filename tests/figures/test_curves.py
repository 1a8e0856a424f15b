"""Figures of curves and points: what is drawn is what was given."""

import numpy as np
import pytest

import prepack_lab as lab
from prepack_lab.figures import (
    draw_attention_weights,
    draw_cache_layout,
    draw_errors,
    draw_lengths,
    draw_memory,
    draw_packed_row,
    draw_percentiles,
    draw_predictor,
    draw_race,
    draw_roofline,
    draw_timing,
)
from prepack_lab.figures.attention_weights import leaked
from prepack_lab.figures.roofline import limits
from prepack_lab.figures.timing_curves import speed_up
from prepack_lab.measuring import paper
from prepack_lab.measuring.timing import Measurement
from prepack_lab.models.loading import load_config


def measured(*seconds):
    return Measurement(seconds, "here", None)


TIMES = {
    "full_batching": {1: measured(1.0, 1.0, 1.0), 2: measured(2.0, 3.0, 6.0), 4: None},
    "prepacked": {1: measured(1.0), 2: measured(1.0, 1.5, 2.0), 4: measured(2.0)},
}


def named(figure, name):
    return next(trace for trace in figure.data if trace.name == name)


def test_timing_draws_medians_quartiles_and_walls():
    figure = draw_timing(TIMES)
    full = named(figure, "full_batching")
    assert [*full.x] == [1, 2] and [*full.y] == [1.0, 3.0]
    assert [*full.error_y.arrayminus] == [0, 0.5] and [*full.error_y.array] == [0, 1.5]
    wall = named(figure, "out of memory")
    assert [*wall.x] == [4] and wall.customdata[0] == "full_batching, 4 prompts: out of memory"
    assert figure.reading == "2 prompts: prepacked is 2.0 times as fast as full_batching"
    assert ("full_batching", 4, "out of memory", "–", "–", "–") in figure.twin.rows


def test_timing_tells_where_packing_loses():
    slow = {"full_batching": {2: measured(1.0)}, "prepacked": {2: measured(2.0)}}
    assert draw_timing(slow).reading == "2 prompts: full_batching is the fastest so far"
    assert speed_up(slow, "prepacked", 2) == 0.5 and speed_up(slow, "prepacked", 8) is None


def test_what_was_recorded_is_marked_as_recorded():
    figure = draw_timing(TIMES, recorded={"prepacked": {2: measured(0.1)}}, recorded_on="a far GPU")
    trace = named(figure, "prepacked, recorded")
    assert trace.opacity < 1 and trace.marker.symbol == "diamond-open" and trace.line.dash == "longdash"
    assert trace.customdata[0].startswith("prepacked, recorded, 2 prompts")
    assert "prepacked, recorded on a far GPU" in [row[0] for row in figure.twin.rows]


def test_memory_shows_who_is_beyond_the_wall():
    figure = draw_memory({"prepacked": {1: 1e9, 2: 1.5e9}, "full_batching": {1: 1e9, 2: 3e9}}, 2e9)
    assert figure.reading == "Of these batch sizes, prepacked fits 2 and full_batching 1"
    assert figure.twin.rows[1] == ("2", "1.50 GB", "3.00 GB ✗")
    wall = figure.data[-1]
    assert [*wall.y] == [2.0, 2.0]


def test_memory_says_where_measurements_ran_out():
    figure = draw_memory({"prepacked": {1: 1e9, 2: 2e9}}, None, {"prepacked": {1: 1.2e9, 2: None}})
    assert [row[1] for row in figure.twin.rows] == ["1.00 GB, measured 1.20 GB", "2.00 GB, measured: did not fit"]


def test_errors_are_marked_by_sign_and_not_by_colour_alone():
    figure = draw_errors({"right": [1e-7], "wrong": [0.5], "later": None}, tolerance=1e-3)
    assert [list(line) for line in figure.data[0].text] == [["✓"], ["✗"], [""]]
    assert figure.data[0].z[2] == [None] or list(figure.data[0].z[2]) == [None]
    assert [note.text for note in figure.layout.annotations] == ["? not run yet"]
    assert figure.reading == "1 of 2 lines equal each prompt alone; the worst is off by 0.5 of the spread"
    all_right = draw_errors({"right": [1e-7, 4e-6], "later": None})
    assert all_right.reading == "All that was run equals each prompt alone: off by at most 4e-06 of the spread"
    scale = dict(figure.data[0].colorscale)
    assert len(scale) == 3, "the colour jumps at the tolerance"


def test_attention_that_leaks_is_measured():
    weights = np.array([[1, 0, 0], [0.5, 0.5, 0], [0.2, 0.3, 0.5]])
    assert leaked(weights, [0, 0, 1]).tolist() == [0, 0, 0.5]
    figure = draw_attention_weights(weights, [0, 0, 1])
    assert figure.reading.startswith("17% of the attention goes to other prompts")
    assert figure.twin.rows == [("prompt 0", "100%", "0%"), ("prompt 1", "50%", "50%")]
    assert draw_attention_weights(np.eye(3), [0, 0, 1]).reading == "All attention stays inside its own prompt"


def test_the_roof_breaks_where_arithmetic_becomes_the_limit():
    cost = lab.estimate_cost(load_config("tiny-llama"), [50, 3], "prepacked")
    figure = draw_roofline({"prepacked": cost}, 1e12, 1e12 / cost.intensity * 2)  # the ridge at half its intensity
    assert figure.data[1].x[0] == pytest.approx(cost.intensity)
    assert figure.data[1].y[0] == pytest.approx(1e3)
    assert figure.twin.rows[0][5] == "arithmetic"
    below = draw_roofline({"prepacked": cost}, 1e12, 1e12 / cost.intensity / 2)
    assert below.twin.rows[0][5] == "memory" and below.data[1].y[0] == pytest.approx(500)


def test_the_third_limit_is_what_each_pass_takes_to_launch():
    cost = lab.estimate_cost(load_config("tiny-llama"), [50, 3], "one_by_one")
    found = limits(cost, 1e12, 1e11, 0.5)
    assert found == {"arithmetic": cost.flops / 1e12, "memory": cost.moved_bytes / 1e11, "launching": 1.0}  # two passes
    figure = draw_roofline({"one_by_one": cost}, 1e12, 1e11, {"one_by_one": 2.0}, launch_seconds=0.5)
    assert named(figure, "one_by_one").y[0] == pytest.approx(cost.flops / 2.0 / 1e9)
    assert named(figure, "its limit").y[0] == pytest.approx(cost.flops / 1e9)
    assert figure.twin.rows[0][4:] == ("1,000.0 ms", "launching", "2,000.0 ms")
    assert figure.reading == "What limits 1 prefill: launching 1"


def test_the_predictor_draws_both_lines():
    x = [0.2, 0.4, 0.8]
    figure = draw_predictor(x, [paper.LINES["r/k"].at(one) for one in x], paper=paper.LINES["r/k"])
    fitted, papers = named(figure, "fitted here"), named(figure, "the paper's")
    assert np.allclose(fitted.y, papers.y)
    assert figure.reading.startswith("r/k explains 100%")


def test_the_race_starts_at_nothing_and_ends_with_the_winner():
    figure = draw_race({"one_by_one": [1, 2, 3, 4], "prepacked": [2.0, 2.0, 2.5, 2.5]}, prompts=2)
    assert [*figure.data[0].x] == [0, 1, 2, 3, 4] and [*figure.data[0].y] == [0, 1, 2, 3, 4]
    assert figure.reading == "prepacked was the first to write all 4 tokens, after 2.5 s"
    assert figure.twin.rows[0] == ("one_by_one", 4, "1.00 s", "4.00 s")


def test_percentiles_are_those_of_numpy():
    waits = np.random.default_rng(0).exponential(size=500)
    figure = draw_percentiles({"prepacked": waits})
    assert figure.data[0].y[89] == pytest.approx(np.percentile(waits, 90))
    assert figure.twin.rows[0][2] == f"{np.percentile(waits, 90):.2f} s"


def test_a_histogram_holds_all_prompts_and_the_batch_lies_under_it():
    profile, batch = lab.load_profile("mmlu"), [10, 500, 20]
    figure = draw_lengths(profile, batch)
    assert sum(figure.data[0].y) == pytest.approx(1)
    assert [*figure.data[1].x] == batch
    assert figure.layout.shapes[0].x0 == 500
    assert figure.reading == "The longest of 3 prompts has 500 tokens; 2 are at most half as long"


def test_a_packed_row_lines_up_tokens_segments_and_positions():
    prompts = [[1, 2], [3, 4, 5], [6]]
    batch = lab.PackedBatch.from_prompts(prompts, lab.Packing(((1, 0), (2,)), (2, 3, 1), 5, "by hand"))
    figure = draw_packed_row(batch, [["a", "b"], ["c", "d", "e"], ["f"]])
    token, segment, position = ([*trace.text] for trace in figure.data)
    assert token == ["c", "d", "e", "a", "b"]
    assert segment == ["1", "1", "1", "0", "0"]
    assert position == ["0", "1", "2", "0", "1"]
    assert figure.data[0].customdata[3] == "slot 3: “a”, position 0 of prompt 0"
    alone = draw_packed_row(batch, [["a", "b"], ["c", "d", "e"], ["f"]], row=1)
    assert alone.reading.startswith("Row 1 holds one prompt")
    assert alone.data[0].customdata[1] == "slot 1: padding"


def test_unpacking_is_told_in_memory():
    packing = lab.pack([4, 2, 2])
    figure = draw_cache_layout(packing, bytes_per_slot=1_000_000)
    assert figure.reading == "Unpacking takes the cache from 8.0 MB to 12.0 MB: 1.5 times as much"
    assert draw_cache_layout(packing).reading.startswith("Unpacking takes the cache from 8 slots to 12 slots")
