"""What holds for every figure: a reading, a text twin, words where the mouse rests, and a page that can show it."""

import json
import re
from functools import cache

import numpy as np
import pytest
import torch
from plotly.io import templates

import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.course.miniatures.continuous_batching import continuous, static_batches
from prepack_lab.course.miniatures.iterations import simulate
from prepack_lab.course.miniatures.paged_cache import PagedCache
from prepack_lab.course.miniatures.requests import draw_requests
from prepack_lab.figures import static_html
from prepack_lab.figures.style import LOOKS, OKABE_ITO, TEXT
from prepack_lab.masks import may_see
from prepack_lab.measuring import paper
from prepack_lab.measuring.inspection import inspect_lengths
from prepack_lab.measuring.timing import Measurement
from prepack_lab.methods import DATASET_METHODS
from prepack_lab.models.loading import load_config
from tests.figures.examples import EXAMPLES

LENGTHS = [9, 2, 7, 4, 4]
WORDS = [[f"w{prompt}{place}" for place in range(length)] for prompt, length in enumerate(LENGTHS)]
BATCH = lab.PackedBatch.from_prompts([[1] * length for length in LENGTHS], lab.pack(LENGTHS, 16))
SEGMENTS = BATCH.segment_ids[0].tolist()
SEEN = may_see(BATCH.segment_ids)[0, 0].numpy()
CONFIG = load_config("tiny-llama")
METHODS = ("full_batching", "prepacked", "padding_free")
BIG = torch.arange(6).repeat_interleave(171)[None, :1024]


def measured(*seconds):
    return Measurement(seconds, "a machine", None)


TIMES = {
    "full_batching": {1: measured(0.1, 0.2), 2: measured(0.4, 0.5), 4: None},
    "prepacked": {1: measured(0.1, 0.1), 2: measured(0.2, 0.25), 4: measured(0.4, 0.4)},
}
COSTS = {method: lab.estimate_cost(CONFIG, LENGTHS, method) for method in METHODS}

KINDS = np.array([[2, 0], [1, 2]])
PAGED = PagedCache(blocks=4, block_size=2, heads=1, width=1)
PAGED.append(0, torch.zeros(1, 3, 1))
PAGED.append(1, torch.zeros(1, 1, 1))
REQUESTS = draw_requests("azure_conv", 4)
SERVED = {"static": simulate(REQUESTS, static_batches(seats=2)), "continuous": simulate(REQUESTS, continuous(seats=2))}

FULL = {
    "rows": lambda: figures.draw_rows({"a": lab.pack(LENGTHS)}),
    "bins": lambda: figures.draw_bins({name: lab.pack(LENGTHS, 10, name) for name in ("next_fit", "best_fit")}),
    "lengths": lambda: figures.draw_lengths(lab.load_profile("mmlu"), LENGTHS),
    "packed row": lambda: figures.draw_packed_row(BATCH, WORDS),
    "mask": lambda: figures.draw_mask(SEEN, SEGMENTS, WORDS, BATCH.position_ids[0].tolist()),
    "large mask": lambda: figures.draw_mask(may_see(BIG)[0, 0].numpy(), BIG[0].tolist()),
    "attention": lambda: figures.draw_attention_weights(SEEN / SEEN.sum(-1, keepdims=True), SEGMENTS, WORDS),
    "errors": lambda: figures.draw_errors({"right": [1e-7, 1e-6], "wrong": [1e-7, 0.5], "later": None}),
    "timing": lambda: figures.draw_timing(
        TIMES, {"prepacked": {1: 0.1, 2: 0.2}}, {"prepacked": {1: measured(1.0)}}, "x"
    ),
    "speed-ups": lambda: figures.draw_speed_ups({"prepacked": {4: 1.5}}, paper.SPEED_UP_BY_BATCH["mmlu"], {4: 1.6}),
    "memory": lambda: figures.draw_memory({"prepacked": {1: 1e9, 2: 3e9}}, 2e9, {"prepacked": {1: 1.1e9, 2: None}}),
    "roofline": lambda: figures.draw_roofline(COSTS, 3e11, 3e10, {"prepacked": 1.0}),
    "predictor": lambda: figures.draw_predictor([0.2, 0.5, 0.7], [2.5, 2.0, 1.3], paper=paper.LINES["r/k"]),
    "race": lambda: figures.draw_race({"one_by_one": [1, 2, 3, 4], "prepacked": [1.0, 1.0, 1.5, 1.5]}, 2),
    "cache": lambda: figures.draw_cache_layout(lab.pack(LENGTHS), 1000),
    "cache over steps": lambda: figures.draw_cache_over_steps(
        {"prepacked": lab.Packing.padded(LENGTHS), "prepacked, packed decoding": lab.pack(LENGTHS)}, 20, 1000
    ),
    "forecast": lambda: figures.draw_forecast({"k/r": [1.5, 2.0], "m - L/k": [1.2, 3.0]}, [1.4, 2.1], ["a", "b"]),
    "memory parts": lambda: figures.draw_memory_parts({"prepacked": {"weights": 2e9, "cache": 1e9}}),
    "block mask": lambda: figures.draw_block_mask(KINDS),
    "paged memory": lambda: figures.draw_paged_memory(PAGED),
    "schedule": lambda: figures.draw_schedule(SERVED, seats=2),
    "answers": lambda: figures.draw_answers(SERVED),
    "counted rows": lambda: figures.draw_counted_rows({"mmlu": {4: 1.6, 8: 2.5}}, {"mmlu": {4: 1.5, 8: 2.3}}),
    "growing cache": lambda: figures.draw_cache_growth(["Water", " boils"], [" at", " 100", "°"]),
    "percentiles": lambda: figures.draw_percentiles({"prepacked": [0.1, 0.2, 0.5], "full_batching": [1.0, 1.5, 9.0]}),
    "per prompt": lambda: figures.draw_per_prompt(paper.DATASET_MILLISECONDS["mmlu"], "milliseconds"),
    "deliveries": lambda: figures.draw_deliveries(
        {"length_ordered": [(1.0, [1, 2]), (2.0, [0, 3])], "prepacked": [(1.5, [0, 1]), (2.5, [2, 3])]}
    ),
    "gains": lambda: figures.draw_gains(inspect_lengths(LENGTHS, CONFIG)),
}
NOTHING_YET = {
    "errors": lambda: figures.draw_errors({"right": None}),
    "timing": lambda: figures.draw_timing({}),
    "only one method": lambda: figures.draw_timing({"prepacked": TIMES["prepacked"]}),
    "only walls": lambda: figures.draw_timing({"prepacked": {1: None}}),
    "speed-ups": lambda: figures.draw_speed_ups({}),
    "memory": lambda: figures.draw_memory({}),
    "one batch": lambda: figures.draw_predictor([0.5], [1.5]),
    "race": lambda: figures.draw_race({}, 3),
    "just started": lambda: figures.draw_race({"one_by_one": []}, 3),
    "percentiles": lambda: figures.draw_percentiles({}),
    "per prompt": lambda: figures.draw_per_prompt({}, "milliseconds"),
    "deliveries": lambda: figures.draw_deliveries({}),
    "forecast": lambda: figures.draw_forecast({}, [], []),
    "bins": lambda: figures.draw_bin_states({"by hand": []}, LENGTHS, 9, 3),
}
FULL, NOTHING_YET = ({name: cache(draw) for name, draw in some.items()} for some in (FULL, NOTHING_YET))  # drawn once
ALL = [*FULL.items(), *((f"nothing yet: {name}", draw) for name, draw in NOTHING_YET.items())]


def test_every_figure_of_the_package_is_here():
    named = {name for name in figures.__all__ if name.startswith("draw_")}
    source = {name for draw in FULL.values() for name in draw.__wrapped__.__code__.co_names if name.startswith("draw_")}
    assert named - {"draw_bin_states"} == source


@pytest.mark.parametrize(("name", "draw"), ALL)
def test_it_has_a_reading_that_fits_above_it_and_a_twin_that_says_the_same(name, draw):
    figure = draw()
    assert figure.layout.title.text == figure.reading
    assert 5 < len(figure.reading) < 84
    assert figure.twin is not None and figure.twin.caption.startswith(figure.reading)


@pytest.mark.parametrize(("name", "draw"), ALL)
def test_a_page_can_show_it(name, draw):
    json.dumps(draw().to_plotly_json(), allow_nan=False, default=lambda array: array.tolist())


@pytest.mark.parametrize(("name", "draw"), FULL.items())
def test_the_mouse_gets_words(name, draw):
    for trace in draw().data:
        words = trace.hovertemplate
        if trace.hoverinfo == "skip" or trace.hoverinfo == "text":
            continue
        assert words and words.endswith("<extra></extra>"), trace
        assert re.search(
            "[a-z]{3}", words.replace("<extra></extra>", "").replace("customdata", "").replace("hovertext", "")
        ) or (re.search("[a-z]{3}", str((trace.customdata if trace.customdata is not None else trace.hovertext)[0])))


@pytest.mark.parametrize(("name", "draw"), FULL.items())
def test_it_is_transparent_and_its_text_is_grey(name, draw):
    figure = draw()
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0, 0, 0, 0)"
    assert figure.layout.font.color == TEXT


def test_no_two_methods_look_alike_and_none_differs_by_colour_alone():
    assert len({(one.symbol, one.dash) for one in LOOKS.values()}) == len(LOOKS)
    assert set(DATASET_METHODS) <= set(LOOKS)
    assert {one.colour for one in LOOKS.values()} <= set(OKABE_ITO)


@pytest.fixture
def shown(monkeypatch):
    """What is displayed: one bundle, or object, after another."""
    displayed = []
    monkeypatch.setattr("IPython.display.display", lambda what, raw=False: displayed.append(what))
    monkeypatch.setattr(static_html, "_carrier", None)
    return displayed


def test_a_figure_is_shown_without_an_upload_button_and_with_its_twin(shown):
    FULL["rows"]()._ipython_display_()
    bundle, twin = shown
    assert bundle["application/vnd.plotly.v1+json"]["config"]["showSendToCloud"] is False
    assert "The same as a table" in twin.data


def test_an_exported_notebook_holds_plotly_once(shown):
    for _ in range(3):
        FULL["rows"]()._ipython_display_()
    pages = [bundle["text/html"] for bundle in shown[::2]]
    assert ["prepackLabPlotly = " in page for page in pages] == [True, False, False]
    assert max(map(len, pages[1:])) < 100_000
    assert all("http" not in page.replace("http://www.w3.org", "") for page in pages[1:]), "nothing is fetched"


def test_plotly_stays_in_the_notebook_when_the_cell_that_brought_it_is_run_again(monkeypatch):
    monkeypatch.setattr(static_html, "_carrier", None)
    runs = [("a", "1"), ("a", "1"), ("b", "2"), ("a", "3"), ("a", "3"), ("b", "4")]
    assert [static_html._is_carrier(*run) for run in runs] == [True, False, False, True, False, False]


def test_words_in_a_figure_cannot_end_its_script():
    figure = figures.draw_rows({"</script><b>": lab.pack([3, 2])})
    html = static_html.static_html(figure)
    assert html.count("</script>") == html.count("<script>")


@pytest.mark.parametrize("page", ["#ffffff", "#111111"])  # JupyterLab's light and dark pages
def test_grey_text_can_be_read_on_light_and_dark(page):
    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(TEXT), luminance(page)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) > 4.2


@pytest.mark.slow
@pytest.mark.parametrize("format", ["png", "svg"])
def test_it_can_be_saved_as_an_image(format, tmp_path):
    pytest.importorskip("kaleido")
    from tests.browser.jupyter_lab import find_chromium

    if not find_chromium():
        pytest.skip("no Chromium on this machine; kaleido draws with it")
    file = tmp_path / f"figure.{format}"
    FULL["timing"]().write_image(file)
    start = file.read_bytes()[:8]
    assert start == b"\x89PNG\r\n\x1a\n" if format == "png" else start.startswith(b"<svg")


def test_numbers_of_the_paper_agree_with_each_other():
    """Seconds and speed-ups were read off two different figures of the paper."""
    for workload, by_batch in paper.SPEED_UP_BY_BATCH.items():
        packed, full = paper.PREFILL_SECONDS[workload]["sheared-llama-1.3b"]
        assert full / packed == pytest.approx(by_batch[16], rel=0.01)
    assert np.isclose(
        paper.MMLU_64["full_batching"]["seconds"] / paper.MMLU_64["prepacked"]["seconds"], 5.21, rtol=0.01
    )


@pytest.mark.parametrize("draw", EXAMPLES.values(), ids=EXAMPLES)
def test_its_traces_and_axes_have_the_defaults_of_plotlys_template(draw):
    figure, plotlys = draw(), templates["plotly"]
    assert figure.layout.template.layout.xaxis == plotlys.layout.xaxis
    for kind in {trace.type for trace in figure.data}:
        assert figure.layout.template.data[kind] == plotlys.data[kind] != ()
    assert len(figure.layout.template.to_plotly_json()["layout"]) < len(plotlys.to_plotly_json()["layout"])
