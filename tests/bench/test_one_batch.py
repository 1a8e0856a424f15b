"""The benchmarks: what they report, not how fast anything is."""

import json
import sys
import time
from types import SimpleNamespace

import pytest
import torch

import prepack_lab as lab
from prepack_lab.bench import widgets
from prepack_lab.bench.experiments import OneBatch, Widgets
from prepack_lab.bench.matrix_products import MatrixProducts, has_experts
from prepack_lab.bench.report import Report
from prepack_lab.cli import main
from prepack_lab.measuring.memory import peak_memory
from prepack_lab.measuring.table import Table
from prepack_lab.measuring.timing import summarize, time_in_turn
from prepack_lab.methods import METHODS

TINY = dict(model="tiny-llama", workload="gsm8k", batch_size=4, repeats=2, device="cpu")


@pytest.fixture(scope="module")
def report():
    return OneBatch(**TINY).run()


@pytest.mark.long
def test_every_method_is_measured_and_compared(report):
    assert [row["method"] for row in report.results] == [*METHODS]
    for row in report.results:
        assert len(row["seconds"]) == 2 and min(row["seconds"]) > 0
        assert row["share_of_matrix_products"] > 0 and row["peak_memory_bytes"] > 0
        assert (min(row["pack_seconds"]) > 1e-5) == (row["method"] in ("prepacked", "padding_free"))
        assert min(row["unpack_seconds"]) > 0 and row["predicted_seconds"] > 0
    text = str(report)
    for words in (
        "× full_batching",
        "1.00×",
        "matrix products' share",
        "peak memory",
        "tiny-llama, float32: 4 prompts",
    ):
        assert words in text


@pytest.mark.long
def test_a_report_says_where_when_and_how(report, tmp_path):
    assert report.machine["torch"] == torch.__version__ and report.machine["device"]
    report.save(tmp_path / "record.json")
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["settings"]["seed"] == 0 and record["settings"]["tokens"] == sum(
        lab.load_profile("gsm8k").sample(4, seed=0)
    )
    assert record["command"] in str(report) and record["taken"] in str(report)


@pytest.mark.long
def test_the_command_writes_a_record(tmp_path, capsys):
    arguments = ["bench", "one-batch", "--model", "tiny-gpt2", "--quick", "--methods", "prepacked,padding_free"]
    assert main([*arguments, "--device", "cpu", "--json", str(tmp_path / "b.json")]) == 0
    assert "–" in capsys.readouterr().out, "without a baseline there is no ratio"
    record = json.loads((tmp_path / "b.json").read_text())
    assert record["settings"]["batch_size"] == 8 and len(record["results"]) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--workload", "nope"], "no length profile 'nope'; there are: mmlu"),
        (["--methods", "fast"], "no method 'fast'; there are: one_by_one"),
        (["--batch-size", "0"], "n is 0; draw at least one length"),
        (["--json", "no/such/folder/b.json"], "there is no folder no/such/folder"),
        (["--dtype", "int8"], "'int8' is not a floating-point dtype"),
    ],
)
def test_bad_arguments_end_with_one_clear_line(arguments, words, capsys):
    assert main(["bench", "one-batch", "--model", "tiny-llama", "--device", "cpu", *arguments]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("prepack-lab: ") and words in line


def test_the_products_are_counted_by_hand():
    """Two layers of hidden 64: queries and outputs 64 × 64, keys and values 64 × 32, three times 64 × 172."""
    model = lab.load_model("tiny-llama", device="cpu")[0]
    products = MatrixProducts(model, [3, 5])
    weights = 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 172)
    assert products.weight_flops == 2 * weights * 8
    pairs = (1 + 2 + 3) + (1 + 2 + 3 + 4 + 5)
    assert products.flops - products.weight_flops == 2 * (4 * pairs * 64) + 2 * 258 * 64 * 2
    assert products.seconds(1.0) == pytest.approx(products.flops / products.weight_flops)
    products()


def test_gpt2_keeps_its_weights_the_other_way_round():
    model = lab.load_model("tiny-gpt2", device="cpu")[0]
    products = MatrixProducts(model, [3])
    assert products.weight_flops == 2 * 3 * 2 * 64 * 64 * 12
    products()


@pytest.mark.long
def test_experts_are_refused():
    from prepack_lab.models.zoo import every_class, small_model

    with pytest.raises(ValueError, match="chooses experts for each token"):
        MatrixProducts(small_model(every_class()["MixtralForCausalLM"]), [3])


def test_peak_memory_is_what_was_held_at_once():
    def hold():
        first = torch.empty(1000, 1000)
        second = torch.empty(500, 1000)
        del first
        return second, torch.empty(1000, 1000)

    assert peak_memory(hold, "cpu") == 6_000_000


def test_runs_come_in_one_by_one():
    runs = time_in_turn({"a": lambda: time.sleep(0.001), "b": lambda: None}, warmup=1, repeats=2, device="cpu")
    first = next(runs)
    assert (first.name, first.counts) == ("a", False) and first.seconds >= 0.001
    rest = [*runs]
    assert [(run.name, run.counts) for run in rest] == [("b", False), *[("a", True), ("b", True)] * 2]
    assert len(summarize([first, *rest], "cpu")["a"].seconds) == 2


def test_a_report_without_figures_still_reads():
    table = Table(("a",), [("b",)], "c")
    assert "repeat with: here" in str(Report.now("here", "cpu", {}, [], table))


@pytest.mark.parametrize(
    ("seconds", "kept"),
    [([0.09, 0.09, 0.149], "yes"), ([0.11, 0.11, 0.09], "no"), ([0.09, 0.09, 0.151], "no")],
)
def test_half_of_the_keys_and_the_slowest_are_held_against_a_promise(seconds, kept):
    table = widgets.widgets_table([{"widget": "PackingRace", "slider": "Prompts", "seconds": seconds}])
    assert table.rows[0][-1] == kept and table.rows[0][4] == f"{1000 * max(seconds):.0f} ms"
    assert "a median under 100 ms, every key under 150 ms" in table.caption


def test_widgets_are_not_timed_without_a_browser(monkeypatch):
    pytest.importorskip("playwright")
    monkeypatch.setattr(widgets.harness(), "find_chromium", lambda: None)
    with pytest.raises(ValueError, match="needs Chromium"):
        Widgets().run()


def test_widgets_are_timed_in_a_checkout_only(monkeypatch, tmp_path, capsys):
    widgets.harness.cache_clear()
    monkeypatch.setattr(widgets, "HARNESS", tmp_path / "jupyter_lab.py")
    assert main(["bench", "widgets"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "bench widgets needs a checkout of the project" in line


def test_widgets_are_timed_with_playwright_only(monkeypatch):
    widgets.harness.cache_clear()
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    with pytest.raises(ValueError, match="pip install playwright"):
        Widgets().run()


@pytest.mark.parametrize("name", ["num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"])
def test_experts_have_several_names(name):
    assert has_experts(SimpleNamespace(**{name: 4})) and not has_experts(SimpleNamespace(**{name: 0}))
    assert has_experts(SimpleNamespace(ffn_config=SimpleNamespace(**{name: 4})))
