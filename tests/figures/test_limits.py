"""Where a figure changes its words, its ticks or its axes: on both sides of each limit."""

from itertools import chain

import numpy as np
import plotly.graph_objects as go
import pytest

import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.course.miniatures.iterations import Step, Timeline
from prepack_lab.course.miniatures.requests import Request
from prepack_lab.figures import style
from prepack_lab.figures.bins import reading as bins_reading
from prepack_lab.figures.cache_over_steps import reading as steps_reading
from prepack_lab.figures.rows import axes_to_scale, row_bars
from prepack_lab.figures.slot_axes import one_line, short_names, slot_names
from prepack_lab.measuring.predictors import Line
from tests.figures.examples import EXAMPLES, PROFILE, cost, measured


def texts(figure):
    return [note.text for note in figure.layout.annotations]


def test_one_bin_is_no_bins_and_three_winners_are_counted():
    states = {strategy: [[0]] for strategy in "abc"}
    figure = figures.draw_bin_states(states, [1], 5, 1)
    assert texts(figure) == ["a: 1 bin", "b: 1 bin", "c: 1 bin"]
    assert [line.xref for line in figure.layout.shapes] == ["x domain", "x2 domain", "x3 domain"]
    assert bins_reading(states, [1], 1) == "1 bins by 3 strategies; no packing has fewer (dashed)"


@pytest.mark.parametrize(("blocks", "ticks"), [(10, [*range(10)]), (11, [0, 2, 4, 6, 8, 10]), (20, [*range(0, 20, 2)])])
def test_at_most_ten_blocks_have_ticks(blocks, ticks):
    figure = figures.draw_block_mask(np.zeros((blocks, blocks)), 2)
    assert [*figure.layout.xaxis.ticktext] == [str(2 * tick) for tick in ticks]
    assert [*figure.layout.yaxis.tickvals] == [f"slots {2 * tick} to {2 * tick + 1}" for tick in ticks]


def test_what_is_left_out_has_its_default():
    assert figures.draw_block_mask([[2]]).twin.headings[0] == "blocks of 128 × 128 pairs"
    assert figures.draw_counted_rows({"a": {4: 2.0}}, {"a": {4: 2.0}}).data[0].name == "within 12%"
    assert figures.draw_errors({"a": [2e-3, 1e-3]}).twin.rows == [("a", "✗ 2.0e-03", "✓ 1.0e-03")]
    assert [*figures.draw_forecast({}, [], []).layout.xaxis.range] == [0, 1.08]
    assert [*figures.draw_predictor([], [], paper=Line(3, -1, 1)).data[1].x] == [0, 1]
    assert figures.draw_roofline({"a": cost("", 1e9, 1e9)}, 1e9, 1e9).twin.rows[0][4] == "0.0 ms"


@pytest.mark.parametrize(
    ("done", "reading"),
    [
        (
            {"a": [(1, [0, 1]), (9, [2, 3])], "b": [(2, [0, 1]), (3, [2, 3])]},
            "a hands out half of the answers first",
        ),
        ({"a": [(1, [0]), (2, [1, 2])], "b": [(3, [0, 1, 2])]}, "a hands out half of the answers first, and all"),
        ({"a": [], "b": [(3, [0])]}, "b hands out half of the answers first, and all"),
        ({"a": []}, "Nothing is done yet"),
    ],
)
def test_deliveries_name_who_is_first(done, reading):
    figure = figures.draw_deliveries(done)
    assert figure.reading.startswith(reading)
    assert [row[0] for row in figure.twin.rows] == [f"{method}, in order" for method in done if done[method]]


def test_what_was_not_run_has_a_question_mark():
    figure = figures.draw_errors({"a": [np.nan, 1e-7], "b": None}, columns=["one", "two"])
    assert figure.twin.rows == [("a", "?", "✓ 1.0e-07"), ("b", "?", "?")]
    assert [*figure.data[0].z[0]] == [None, -7] and [*figure.data[0].text[0]] == ["", "✓"]
    assert figure.reading == "All that was run equals each prompt alone: off by at most 1e-07 of the spread"
    assert figures.draw_errors({"a": None}, unit="token").twin.headings == ("error", "token 0")


def test_methods_that_lose_leave_room_for_the_baseline():
    costs = {"full_batching": cost("", 6e9, 1e9), "prepacked": cost("", 12e9, 1e9)}
    inspection = lab.measuring.inspection.Inspection((5, 3), 2, costs, None)
    assert [*figures.draw_gains(inspection).layout.xaxis.range] == [0, pytest.approx(1.15 * 1.2)]


def test_a_gain_is_green_and_a_loss_is_red():
    costs = {"full_batching": cost("", 6e9, 1e9), "prepacked": cost("", 12e9, 1e9), "padding_free": cost("", 3e9, 1e9)}
    bars = figures.draw_gains(lab.measuring.inspection.Inspection((5, 3), 2, costs, None)).data[0]
    colours = dict(zip(bars.y, bars.marker.color, strict=True))
    assert colours == {"prepacked": style.WORSE, "padding_free": style.BETTER}


@pytest.mark.parametrize(("batch", "anchor"), [([20, 50], "left"), ([52], "right")])
def test_the_longest_of_a_batch_is_named_where_there_is_room(batch, anchor):
    (note,) = figures.draw_lengths(PROFILE, batch).layout.annotations
    assert (note.text, note.xanchor) == (f"longest of the batch: {max(batch)}", anchor)


def test_without_a_batch_the_prompts_are_told():
    figure = figures.draw_lengths(PROFILE)
    assert figure.reading == "Half of the prompts have at most 75 tokens, the longest 100"
    assert len(figure.data) == len(figure.twin.rows) == 1


@pytest.mark.parametrize(("slots", "kinds"), [(64, ["heatmap"] * 3), (65, ["image", "scatter", "scatter"])])
def test_up_to_64_slots_every_cell_is_drawn(slots, kinds):
    segments = [0] * 20 + [1] * (slots - 21) + [-1]
    figure = figures.draw_mask(np.tri(slots), segments)
    assert [trace.type for trace in figure.data] == kinds
    if slots > 64:
        _, first, second = figure.data
        assert [*first.x] == [-0.5, -0.5, 19.5, 19.5, -0.5] and [*first.y] == [-0.5, 19.5, 19.5, -0.5, -0.5]
        assert [*second.x] == [19.5, 19.5, 63.5, 63.5, 19.5] and [*second.y] == [19.5, 63.5, 63.5, 19.5, 19.5]
        assert second.text == "prompt 1: 44 tokens, each sees the earlier ones and itself"
        assert figure.layout.xaxis.range == (-0.5, 64.5) and figure.layout.yaxis.range == (64.5, -0.5)


@pytest.mark.parametrize(
    ("estimated", "limit", "reading"),
    [
        ({}, 2e9, "Nothing estimated yet"),
        ({"a": {1: 1e9, 1024: 3e9}}, None, "Peak memory of batches of up to 1,024 prompts"),
        ({"a": {1: 1e9, 2: 3e9}, "b": {1: 2e9, 2: 4e9}}, 2e9, "Of these batch sizes, every method fits 1"),
        ({"a": {1: 3e9}, "b": {1: 4e9}}, 2e9, "Not even one prompt fits"),
        (
            {"a": {1: 1e9, 2: 2e9}, "b": {1: 2e9, 2: 4e9}, "c": {1: 1e9, 2: 2e9}},
            2e9,
            "Of these batch sizes, a and c fit 2 and b 1",
        ),
        (
            {"a": {1: 1e9, 2: 2e9}, **{name: {1: 2e9, 2: 4e9} for name in "bcd"}},
            2e9,
            "Of these batch sizes, a fits 2 and 3 methods 1",
        ),
    ],
)
def test_what_fits_is_told(estimated, limit, reading):
    assert figures.draw_memory(estimated, limit).reading == reading


def test_sizes_of_one_method_alone_have_a_dash():
    table = figures.draw_memory({"a": {1: 1e9}, "b": {2: 1e9}}).twin
    assert table.rows == [("1", "1.00 GB", "–"), ("2", "–", "1.00 GB")]
    assert figures.draw_memory_parts({"a": {"weights": 2e9, "cache": 1.5e9}}).reading == "a takes 3.5 GB"


def test_twenty_four_slots_of_a_row_are_drawn():
    batch = lab.PackedBatch.from_prompts([[1] * 20, [2] * 4], lab.Packing(((0, 1),), (20, 4), 30, "by hand"))
    figure = figures.draw_packed_row(batch, [["a"] * 20, ["b"] * 4])
    assert len(figure.data[0].x) == 24 and figure.layout.xaxis.range == (-0.6, 23.6)
    batch = lab.PackedBatch.from_prompts([[1], [2, 2]], lab.Packing(((0,), (1,)), (1, 2), 2, "by hand"))
    figure = figures.draw_packed_row(batch, [["a"], ["b", "c"]])
    assert figure.twin.rows == [(0, "a", "0", "0"), (1, "padding", "padding", "padding")]


def test_the_cheapest_may_be_the_same_for_all_sizes():
    costs = {"a": {1: 2.0, 2: 3.0}, "b": {1: 1.0, 2: 2.0}}
    assert figures.draw_per_prompt(costs, "slots").reading == "b costs the least, whatever the batch size"


def test_a_single_method_is_compared_with_itself():
    figure = figures.draw_per_prompt({"a": {128: 5.2, 1024: 3.0, 8192: 3.1}}, "milliseconds", "token_budget")
    assert figure.reading == "a costs the least in passes of 1,024 tokens"
    assert figure.data[0].customdata[2] == "a, passes of 8,192 tokens: 3.1 milliseconds per prompt"
    assert figure.layout.xaxis.title.text == "tokens in a pass, at most"
    assert figure.twin.rows == [("a", "5.2", "3.0", "3.1")]


def test_a_line_needs_two_batches():
    figure = figures.draw_predictor([0.5, 0.5], [1.0, 2.0], words=["a", "b"])
    assert figure.reading == "Too few batches for a line" and len(figure.data) == 1
    assert figure.data[0].customdata[1] == "b: r/k 0.50, 2.00 times as fast"


def test_the_roof_is_drawn_from_below_the_least_to_beyond_the_most():
    figure = figures.draw_roofline({"a": cost("", 2e7, 1e9)}, 3e9, 1e9)
    assert [figure.data[0].x[place] for place in (0, 59)] == pytest.approx([0.01, 12])
    assert figure.reading == "What limits 1 prefill: memory 1"
    many = figures.draw_roofline({f"prepacked, {n}": cost("", 2e9, 1e9) for n in range(5)}, 3e9, 1e9)
    forms = [trace.marker.symbol for trace in many.data[1:-1]]
    assert forms == ["diamond", "diamond-open", "diamond-dot", "diamond-open-dot", "diamond"]


@pytest.mark.parametrize(("rows", "step"), [(9, 1), (10, 2), (18, 2), (19, 3)])
def test_at_most_nine_rows_have_ticks(rows, step):
    assert axes_to_scale({"a": lab.Packing.padded([1] * rows)})["yaxis"]["dtick"] == step


def test_long_texts_are_cut():
    _, prompts = row_bars(lab.Packing.padded([1, 2]), texts=["x" * 60, "x" * 61])
    assert prompts["customdata"] == [f"prompt 0: 1 token<br>“{'x' * 60}”", f"prompt 1: 2 tokens<br>“{'x' * 57}…”"]


def test_slots_have_long_names_and_short_ones():
    segments, words = [0, 0, -1, 2], [["a", " \n"], [], [" "]]
    assert slot_names(segments) == [
        "token 0 of prompt 0", "token 1 of prompt 0", "padding in slot 2", "token 0 of prompt 2"
    ]  # fmt: skip
    assert slot_names(segments, words)[1] == "token 1 “⏎” of prompt 0"
    assert short_names(segments) == ["0", "0", "·", "2"] and short_names(segments, words) == ["a", "⏎", "·", "␣"]
    assert [*map(one_line, (" a", "\n", " "))] == ["a", "⏎", "␣"]


@pytest.mark.parametrize(("slots", "ticks"), [(40, 40), (41, 21), (60, 30)])
def test_at_most_forty_slots_have_ticks(slots, ticks):
    figure = figures.draw_mask(np.eye(slots), [0] * slots)
    assert len(figure.layout.xaxis.tickvals) == len(figure.layout.yaxis.ticktext) == ticks


def test_colours_begin_again_and_who_is_not_known_is_grey():
    assert [figures.prompt_colour(prompt) for prompt in (0, 6, 7)] == ["#0072B2", "#F0E442", "#0072B2"]
    assert style.look("nobody") == style.Look(style.TEXT, "circle-open")
    ticks = style.powers_of_two([1024, 1, 1])
    assert ticks == {"type": "log", "tickvals": [1, 1024], "ticktext": ["1", "1,024"]} and style.powers_of_two([]) == {}


@pytest.mark.parametrize(
    ("names", "height", "below"),
    [([], 400, 75), (["x" * 20] * 3, 400, 95), (["x" * 20] * 4, 420, 115), (["x" * 20] * 10, 460, 155)],
)
def test_a_legend_of_two_lines_makes_a_figure_taller(names, height, below):
    """Three names of 20 letters take 3 · (60 + 7 · 20) = 600 of 640 pixels."""
    hidden = go.Scatter(x=[1], name="x" * 99, showlegend=False)
    figure = go.Figure([*(go.Scatter(x=[1], name=name) for name in names), *([hidden] if names else [])])
    style.style_curves(figure, "Words", "x", "y")
    assert figure.layout.height == height and figure.layout.xaxis.showticklabels is (None if names else False)
    assert figure.layout.margin.to_plotly_json() == {"l": 50, "r": 10, "t": 70, "b": below}


def test_better_is_green_and_worse_is_red():
    assert (style.BETTER, style.WORSE) == ("#009E73", "#D55E00")


def test_one_prompt_is_no_prompts_and_a_wall_needs_no_measurement():
    times = {"full_batching": {1: measured(2.0)}, "prepacked": {1: measured(1.0)}}
    assert figures.draw_timing(times).reading == "1 prompt: prepacked is 2.0 times as fast as full_batching"
    assert [*figures.draw_timing({"prepacked": {1: None, 2: None}}).data[-1].y] == [1.1, 1.1]
    draw = {"full_batching": {2: measured(1.0)}, "prepacked": {2: measured(1.0)}}
    assert figures.draw_timing(draw).reading == "2 prompts: prepacked is 1.0 times as fast as full_batching"


def test_weights_are_told_as_shares():
    figure = figures.draw_attention_weights(np.array([[1, 0], [0.25, 0.75]]), [0, 0])
    assert [*chain(*figure.data[0].customdata)] == [1, 0, 0.25, 0.75]


def test_the_first_words_of_a_delivery():
    figure = figures.draw_deliveries({"prepacked": [(1.5, [0])]})
    assert [*figure.data[0].customdata] == [
        "prepacked, in order: 0 answers after 0.00 s",
        "prepacked, in order: 1 answers after 1.50 s",
    ]


def test_errors_are_told_as_rounding_up_to_the_tolerance():
    figure = figures.draw_errors({"a": [1e-3, 2e-3, np.nan]})
    assert [*figure.data[0].hovertext[0]] == [
        "prompt 0, a: off by 1.0e-03 of the spread, rounding",
        "prompt 1, a: off by 2.0e-03 of the spread, wrong",
        "a: not run",
    ]


def test_the_least_memory_is_that_after_the_last_step():
    taken = {"each": [1, 5, 9], "packed": [2, 2, 8], "other": [3, 4, 7]}
    assert steps_reading(taken) == "After 2 steps, other takes the least memory"


def test_who_ends_first_wins_the_race():
    figure = figures.draw_race({"a": [1.0, 3.0], "b": [2.0, 2.5]}, 1)
    assert figure.reading == "b was the first to write all 2 tokens, after 2.5 s"


def test_cells_of_tokens_are_used_and_those_of_padding_are_not():
    figure = figures.draw_mask(np.tri(2), [0, -1])
    assert figure.reading == "No token sees another prompt; 1 of 4 cells are used, 25%"


def test_a_limit_is_explained_where_there_is_one():
    estimated = {"a": {1: 1e9}}
    for limit, more in ((None, ""), (2e9, " (✗: more than the device has)")):
        figure = figures.draw_memory(estimated, limit)
        assert figure.twin.caption == figure.reading + more


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("answers", None, "request"),
        ("bins", "tokens", "bin"),
        ("cache over steps", "steps of decoding, a token for each prompt", "MB of keys and values"),
        ("counted rows", "k/r, counted: times fewer rows", "times as fast, measured"),
        ("deliveries", "seconds since the start", "answers"),
        ("forecast", "predicted, times as fast as full_batching", "measured"),
        ("race", "seconds since the start", "tokens written"),
        ("memory", "prompts in the batch", "GB at the peak"),
        ("percentiles", "share of the prompts", "time to first token, seconds"),
        ("predictor", "r/k", "times as fast as full_batching"),
        ("roofline", "FLOP for each byte that is moved", "GFLOP/s"),
        ("rows", "slot", "row"),
        ("speed-ups", "prompts in the batch", "times as fast as full_batching"),
        ("timing", "prompts in the batch", "seconds for the batch"),
    ],
)
def test_axes_say_what_they_measure(name, x, y):
    layout = EXAMPLES[name]().layout
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == (x, y)


def test_each_panel_of_a_schedule_has_its_words_and_seats_as_long_as_they_are_taken():
    served = Timeline([Request(1, 1), Request(1, 2)], [Step(1.0, {0: 1, 1: 1}), Step(2.0, {1: 1})], [[1.0], [1.0, 2.0]])
    figure = figures.draw_schedule({"a": served, "b": served}, 2)
    assert [(note.text, note.yref) for note in figure.layout.annotations] == [
        ("a: 2 steps", "y domain"),
        ("b: 2 steps", "y2 domain"),
    ]
    assert [*figure.data[1].y] == [0, 1] and [*figure.data[1].x] == [1, 2]
    assert [note.yref for note in figures.draw_answers({"a": served, "b": served}).layout.annotations] == [
        "y domain",
        "y2 domain",
    ]


def test_the_page_finds_the_grey_text_by_its_colour():
    assert '[style*="rgb(122, 122, 122)"]' in style.INK and style.TEXT == "#7a7a7a"
