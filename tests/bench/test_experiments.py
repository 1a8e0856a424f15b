"""The experiments of the paper: what they report, and that the command in a report repeats it."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from prepack_lab.bench import EXPERIMENTS
from prepack_lab.bench.batches import draw_batches, load_and_draw
from prepack_lab.bench.experiments import OnPrompts
from prepack_lab.cli import main
from prepack_lab.measuring import paper
from prepack_lab.measuring.recordings import load_recordings, speed_up
from prepack_lab.measuring.token_times import RUNNERS
from tests.test_cli import parsed

pytestmark = pytest.mark.long

TINY = {"model": "tiny-llama", "device": "cpu"}
SMALL = {
    "prefill": {**TINY, "workloads": ["mmlu", "gsm8k"], "batch_size": 3, "draws": 2, "compare_paper": True},
    "ttft": {**TINY, "batch_size": 3, "draws": 1},
    "batch-size": {**TINY, "batch_sizes": [2, 4], "draws": 1, "compare_paper": True},
    "dataset": {**TINY, "count": 6, "batch_sizes": [2, 8], "compare_paper": True},
    "predict": {**TINY, "workloads": ["mmlu", "gsm8k"], "batch_size": 4, "draws": 2},
    "batch-cost": {**TINY, "lengths": [5, 9], "batch_sizes": [1, 2], "repeats": 1, "compare_paper": True},
    "memory": {**TINY, "batch_size": 3, "compare_paper": True},
    "generate": {**TINY, "batch_size": 3, "max_new_tokens": 3, "repeats": 1},
    "score": {**TINY, "count": 3, "examples": [0, 30]},
    "lm-eval": {**TINY, "count": 3, "batch_size": 2},
    "file": {**TINY, "count": 3, "max_new_tokens": 2},
    "packing": {"sizes": [50, 30_000], "repeats": 1},
    "one-batch": {**TINY, "batch_size": 3, "repeats": 1},
}


@pytest.fixture(scope="module")
def reports():
    return {name: EXPERIMENTS[name](**settings).run() for name, settings in SMALL.items()}


def test_every_experiment_is_here_but_those_that_need_a_browser_or_minutes():
    assert set(EXPERIMENTS) - set(SMALL) == {"widgets", "calibrate", "peers"}


@pytest.mark.parametrize("name", SMALL)
def test_it_reports_rows_and_says_where_when_and_how(reports, name, tmp_path):
    report = reports[name]
    assert report.results and report.machine["device"] and report.command.startswith(f"prepack-lab bench {name} ")
    report.save(tmp_path / "a.json")
    kept = json.loads((tmp_path / "a.json").read_text())
    assert kept["command"] in str(report) and kept["results"] == json.loads(json.dumps(report.results))
    assert max(map(len, str(report.table).splitlines())) <= 160, "it fits a terminal"
    assert (report.figure is not None) == EXPERIMENTS[name].has_figure, "--plot is offered where there is a figure"


@pytest.mark.parametrize("name", SMALL)
def test_the_command_of_a_report_repeats_it(reports, name):
    asked = parsed(reports[name].command)
    for option, value in SMALL[name].items():
        if option != "compare_paper":
            assert asked[option] == value, option
    assert reports[name].settings.items() >= {k: v for k, v in SMALL[name].items() if k != "compare_paper"}.items()


def test_the_readers_own_file_is_run(tmp_path):
    prompts = tmp_path / "own.txt"
    prompts.write_text("one\ntwo words\nthree words here\n")
    report = EXPERIMENTS["file"](**TINY, prompts=prompts, count=2, max_new_tokens=2).run()
    assert "2 prompts of own.txt, 12 tokens" in report.table.caption
    assert [row["as_the_loop"] for row in report.results] == [2, 2, 2]


def test_the_paper_stands_beside_it_cell_by_cell(reports):
    lines = {row[0]: row for row in reports["batch-size"].table.rows}
    assert lines["mmlu"][-1] == f"{paper.SPEED_UP_BY_BATCH['mmlu'][4]:.2f}×"
    (full, *_) = reports["dataset"].table.rows
    assert f"({paper.DATASET_MILLISECONDS['mmlu']['full_batching'][8]:.2f})" in full[2]
    assert "36,281 MB" in str(reports["memory"].table)


@pytest.mark.parametrize("size", [4, 8])
def test_the_papers_prefill_stands_beside_every_batch_size_that_it_measured(size):
    settings = {**TINY, "workloads": ["mmlu"], "batch_size": size, "draws": 1, "compare_paper": True}
    (row,) = EXPERIMENTS["prefill"](**settings).run().table.rows
    assert row[-1] == f"{paper.SPEED_UP_BY_BATCH['mmlu'][size]:.2f}×"


def test_first_tokens_beside_the_paper_are_of_its_workloads_where_none_were_asked_for():
    settings = {**TINY, "batch_size": 2, "draws": 1}
    compared = {**settings, "compare_paper": True}

    def measured(**settings):
        report = EXPERIMENTS["ttft"](**settings).run()
        assert report.settings["workloads"] == [row[0] for row in report.table.rows]
        return report.settings["workloads"]

    assert measured(**settings) == ["mmlu"]
    assert measured(**compared) == [*paper.TTFT_SPEED_UP]
    assert measured(**compared, workloads=["mmlu"]) == ["mmlu"]


@pytest.mark.parametrize("draws", [1, 2])
def test_batches_that_are_all_alike_give_no_line_and_lose_nothing(draws, tmp_path):
    (tmp_path / "mine.txt").write_text("one\none two three four\nfive six\n")
    report = EXPERIMENTS["predict"](**TINY, prompts=tmp_path / "mine.txt", batch_size=3, draws=draws).run()
    assert len(report.results) == 2 * draws
    assert [row[1:3] for row in report.table.rows] == [("–", "–")] * 3


def test_sizes_that_no_strategy_was_given_have_no_bound():
    report = EXPERIMENTS["packing"](sizes=[10, 30_000], strategies=["binpacking"], repeats=1).run()
    strategy, bound = report.table.rows
    assert strategy[2] == "not tried" and bound[1].endswith("bins") and bound[2] == "–"


def test_every_way_to_generate_is_held_against_the_first(reports):
    report = reports["generate"]
    assert [row["runner"] for row in report.results] == [*RUNNERS]
    assert report.table.headings[-1] == "as one_by_one says" and report.results[0]["same_prompts"] == 3


def test_a_speed_up_is_a_ratio_within_each_batch():
    rows = [
        {"workload": "w", "batch_size": 4, "draw": draw, "method": method, "seconds": seconds}
        for draw, method, seconds in (
            (0, "full_batching", [9.0, 2.0, 3.0]),
            (0, "prepacked", [1.0]),
            (1, "full_batching", [1.0]),
            (1, "prepacked", [1.0]),
        )
    ]
    assert speed_up(rows, "prepacked") == (2.0, 1.0, 3.0)


def test_own_prompts_are_drawn_without_replacement():
    (batch,) = draw_batches([], [3], 1, own=[1, 4, 2])
    assert batch.workload == "your prompts" and sorted(batch.lengths) == [1, 2, 4]
    with pytest.raises(ValueError, match="a batch of 4 can't be drawn from 3 prompts; ask for 1 to 3"):
        draw_batches([], [4], 1, own=[1, 4, 2])


def test_own_prompts_are_counted_by_the_tokenizer_of_the_model(tmp_path):
    (tmp_path / "mine.txt").write_text("one\none two three four\nfive six\n")
    _, (batch,) = load_and_draw(OnPrompts(**TINY, prompts=tmp_path / "mine.txt"), [], [3])
    assert sorted(batch.lengths) == [3, 8, 18], "tiny-llama reads bytes"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prefill", "--workloads", "nope"], "no length profile 'nope'"),
        (["prefill", "--methods", "prepacked"], "add it to the methods"),
        (["batch-size", "--draws", "0"], "draws is 0"),
        (["dataset", "--methods", "fast"], "no method 'fast'"),
        (["ttft", "--prompts", "missing.txt"], "can't be read"),
        (["ttft", "--model", "/no/such/model"], "there is no folder '/no/such/model'"),
    ],
)
def test_bad_arguments_end_with_one_clear_line(arguments, words, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    experiment, *options = arguments
    assert main(["bench", experiment, "--model", "tiny-llama", "--device", "cpu", *options]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("prepack-lab: ") and words in last


def test_a_recording_can_be_kept_and_read_back(reports, tmp_path):
    file = reports["batch-size"].record(tmp_path / "recordings")
    assert file.name.startswith("batch-size-mmlu-batches-of-2-to-4-tiny-llama-float32-")
    (kept,) = load_recordings(tmp_path / "recordings")
    assert set(kept.prefill["mmlu"]["prepacked"]) == {2, 4}


def test_the_readme_names_every_experiment_and_the_options_that_most_take():
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    section = readme[readme.index("## The paper's experiments") : readme.index("## Widgets")]
    firsts = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")][1:]
    assert {*re.findall(r"`([a-z-]+)`", "".join(firsts))} == set(EXPERIMENTS)
    (most,) = re.findall(r"Most take (.+?) and more", section)
    for option in re.findall(r"`--(\w+)", most):
        taken = sum(option in {field.name for field in fields(experiment)} for experiment in EXPERIMENTS.values())
        assert len(EXPERIMENTS) / 2 < taken < len(EXPERIMENTS), option
