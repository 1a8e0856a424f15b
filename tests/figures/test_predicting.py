"""Forecasts, and caches that grow: what is drawn is what was given, and the sentence above says it."""

import pytest

import prepack_lab as lab
from prepack_lab.decoding import decoding_slots
from prepack_lab.figures import draw_cache_over_steps, draw_forecast, draw_roofline
from prepack_lab.figures.counted_rows import draw_counted_rows
from prepack_lab.measuring.cost import cost_of_step
from prepack_lab.models.loading import load_config

WORDS = ("a", "b", "c")


def named(figure, name):
    return next(trace for trace in figure.data if trace.name == name)


def test_a_forecast_draws_predictions_against_measurements():
    figure = draw_forecast({"near": [1.1, 2.0, 2.7], "far": [2.0, 4.0, 6.0]}, [1.0, 2.0, 3.0], WORDS)
    assert [*named(figure, "far").x] == [2.0, 4.0, 6.0] and [*named(figure, "far").y] == [1.0, 2.0, 3.0]
    assert named(figure, "near").customdata[0] == "a: near said 1.10, measured 1.00 (+10%)"
    line = named(figure, "as predicted")
    assert [*line.x] == [*line.y] and line.x[1] > 6
    assert figure.reading == "Half of what near predicted is off by 10% or less"
    assert figure.twin.rows[2] == ("c", "3.00", "2.70 (-10%)", "6.00 (+100%)")
    assert named(figure, "near").marker.symbol != named(figure, "far").marker.symbol


def test_too_high_and_too_low_count_alike():
    assert draw_forecast({"it": [0.5, 1.5]}, [1, 1], WORDS[:2]).reading.endswith("off by 50% or less")
    assert draw_forecast({"it": [1.004, 1]}, [1, 1], WORDS[:2]).reading.endswith("off by less than 1%")


def test_a_cache_over_steps_says_when_rows_have_taken_more():
    lengths = [50, 10, 10, 10, 10, 10]
    each, rows = lab.Packing.padded(lengths), lab.pack(lengths)  # 6 · 50 slots; 2 · 50, and 10 more a step
    figure = draw_cache_over_steps({"prepacked": each, "prepacked, packed decoding": rows}, 60, 1e6)
    assert [decoding_slots(each, 2), decoding_slots(rows, 2)] == [6 * 52, 2 * (50 + 5 * 2)]
    assert [*named(figure, "prepacked").y][:2] == [300, 306]
    assert [*named(figure, "prepacked, packed decoding").y][:2] == [100, 110]
    assert figure.reading == "prepacked, packed decoding takes less than a cache per prompt up to step 50"
    assert figure.twin.rows[1] == ("prepacked, packed decoding", *(f"{100 + 10 * n}.0 MB" for n in (0, 15, 30, 45, 60)))


def test_a_single_row_is_never_overtaken():
    lengths = [50, 10, 10]
    figure = draw_cache_over_steps(
        {"prepacked": lab.Packing.padded(lengths), "padding_free, packed decoding": lab.Packing.concatenated(lengths)},
        900,
        1,
    )
    assert figure.reading == "After 900 steps, padding_free, packed decoding takes the least memory"


@pytest.mark.parametrize("words", [("decode, 1", "decode, 8", "decode, 64"), ("prepacked, a", "prepacked, b")])
def test_no_two_points_under_the_roof_look_alike(words):
    step = cost_of_step(load_config("tiny-llama"), 4, 100)
    figure = draw_roofline(dict.fromkeys(words, step), 1e12, 1e11)
    assert len({trace.marker.symbol for trace in figure.data if trace.name in words}) == len(words)


def test_where_packing_loses_is_in_sight():
    figure = draw_counted_rows({"equal": {4: 1.0}}, {"equal": {4: 0.8}})
    assert figure.layout.yaxis.range[0] < 0.8 and figure.layout.xaxis.range[0] < 0.8
    assert figure.reading == "1 measured speed-up: counting rows predicts it within 25%"
