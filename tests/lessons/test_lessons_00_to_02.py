"""What the first lessons say about their own output is so: all their cells without a model or a widget are run."""

import ast
import sys
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest

import prepack_lab as lab
from prepack_lab.course.exercises.catalogue import EXERCISES
from prepack_lab.models.embedded_model import WHEEL
from tests.lessons.sources import cells

pytestmark = pytest.mark.slow

LEFT_OUT = ("lab.widgets", "lab.check(", "load_model", "model,")
FASTER = {"(1_000, 10_000, 100_000, 1_000_000)": "(100, 1_000)", "lab.progress": "str"}


@cache
def shown(name):
    """(source, printed, value) of each cell that is run."""
    namespace, found = {}, []
    for cell in cells(name, "code"):
        if "stub" in cell.metadata.get("tags", []) or any(words in cell.source for words in LEFT_OUT):
            continue
        source = cell.source
        for words, others in FASTER.items():
            source = source.replace(words, others)
        tree, printed = ast.parse(source), StringIO()
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        with redirect_stdout(printed):
            exec(compile(tree, name, "exec"), namespace)
            value = eval(compile(ast.Expression(last.value), name, "eval"), namespace) if last else None
        found.append((source, printed.getvalue(), value))
    return found


def cell(name, words):
    """What the one cell with these words printed and returned."""
    ((_, printed, value),) = [one for one in shown(name) if words in one[0]]
    return printed, value


def column(table, heading):
    return {row[0]: row[table.headings.index(heading)] for row in table.rows}


PADDING, PACKING = "01_padding_waste", "02_bin_packing"


WHEEL_CELL = "enable_custom_widget_manager"


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Run the first cell of lesson 00, in an empty folder; returns what it had pip install."""
    (source,) = (one.source for one in cells("00_start_here", "code") if WHEEL_CELL in one.source)
    monkeypatch.chdir(tmp_path)

    def run():
        asked = []
        monkeypatch.setattr("subprocess.run", lambda line, check: asked.append([str(word) for word in line[5:]]))
        exec(source, {})
        return asked

    return run


def test_the_first_cell_does_nothing_where_the_lab_is_installed(install):
    assert install() == []


def test_on_colab_it_installs_the_wheel_and_switches_widgets_on(install, monkeypatch, tmp_path):
    calls, colab = [], SimpleNamespace(output=SimpleNamespace(enable_custom_widget_manager=lambda: calls.append("on")))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    with pytest.raises(AssertionError, match="Upload prepack_lab"):
        install()
    (tmp_path / "prepack_lab-0.1.0-py3-none-any.whl").touch()
    assert install() == [
        ["prepack_lab-0.1.0-py3-none-any.whl", "anywidget", "ipywidgets>=8.1"],
        ["--no-deps", WHEEL],
    ]
    assert calls == ["on"]


def test_on_kaggle_it_looks_among_the_datasets(install, monkeypatch, tmp_path):
    (tmp_path / "prepack_lab-0.1.0-py3-none-any.whl").touch()
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    with pytest.raises(AssertionError, match="Upload prepack_lab"):
        install()
    datasets = tmp_path / "datasets"
    (datasets / "mine").mkdir(parents=True)
    (datasets / "mine" / "prepack_lab-0.1.0-py3-none-any.whl").touch()
    look = Path.rglob
    monkeypatch.setattr(Path, "rglob", lambda where, name: look({"/kaggle/input": datasets}[str(where)], name))
    assert install()[0][0] == f"{datasets}/mine/prepack_lab-0.1.0-py3-none-any.whl"


def test_more_than_two_thirds_of_the_batch_is_padding():
    printed, _ = cell(PADDING, "rows of {padded.width} slots")
    assert "16 rows of 237 slots, and 71% of them are padding" in printed


def test_papers_waste_least_and_waste_grows_with_the_batch():
    _, table = cell(PADDING, "list_profiles())")
    shares = {row[0]: [int(share.split("%")[0]) for share in row[1:]] for row in table.rows}
    assert all(small < medium < large for small, medium, large in shares.values())
    for size in (1, 2):
        by_waste = sorted(shares, key=lambda title: shares[title][size])
        assert by_waste[0] == "arXiv summarisation"
        assert {*by_waste[-2:]} == {"MMLU questions", "Mooncake (Kimi), conversation"}


def test_operations_counted_by_hand_are_those_of_the_lab():
    printed, _ = cell(PADDING, "2 * llama.parameters")
    assert printed == "linear layers: 51.1 TFLOP, attention: 0.5 TFLOP\n"
    _, table = cell(PADDING, "def operations")
    row = dict(zip(table.headings, table.rows[1], strict=True))
    assert row["method"] == "full_batching" and row["slots"] == "3,792"
    assert float(row["linear layers"]) == pytest.approx(51.1, rel=0.05) and row["attention"] == "0.47"
    assert all(float(share.rstrip("%")) <= 1 for share in column(table, "attention's share").values())


def test_attention_is_the_smaller_part_of_the_papers_too_and_equal_in_wide_rows():
    printed, table = cell(PADDING, 'load_profile("arxiv")')
    assert "in rows of 25,705 slots" in printed
    shares = {method: float(share.rstrip("%")) for method, share in column(table, "attention's share").items()}
    assert shares["one_by_one"] == 6.0 and 5 < min(shares.values()) <= max(shares.values()) < 50


def test_neither_arithmetic_nor_memory_explains_a_small_batch():
    _, table = cell(PADDING, "BATCH_SECONDS[50].items()")
    numbers = [[float(str(value).split()[0]) for value in row] for row in table.rows]
    assert [row[0] for row in numbers] == [1, 2, 4, 8, 16, 32, 64]
    for _, arithmetic, memory, measured in numbers[:3]:
        assert max(arithmetic, memory) < 5 < 30 < measured
    _, arithmetic, memory, measured = numbers[-1]
    assert arithmetic > memory and arithmetic / measured == pytest.approx(0.2, abs=0.02)


def test_the_ten_prompts_need_four_bins_and_next_fit_opens_five():
    printed, _ = cell(PACKING, "at least")
    assert printed == "at least 4 bins of 10 tokens\n"
    lengths = [4, 8, 1, 4, 2, 1, 7, 3, 6, 2]
    assert [lab.pack(lengths, 10, rule).num_bins for rule in ("next_fit", "first_fit", "best_fit")] == [5, 4, 4]
    assert [lab.pack([4, 4, 6, 6], 10, rule).num_bins for rule in ("first_fit", "first_fit_decreasing")] == [3, 2]


def test_next_fit_gains_a_bin_from_the_order_and_first_fit_none():
    _, table = cell(PACKING, "for strategy in STRATEGIES")
    over = column(table, "over the bound")
    assert over["next_fit"] - over["next_fit_decreasing"] == 1 and over["first_fit"] == 0
    assert all(over[name] <= 1 for name in over if name != "next_fit")
    assert column(table, "bins")["optimal"] == 11 and "fewer than 11 bins" in table.caption


def test_the_library_costs_a_hundredth_at_most():
    _, table = cell(PACKING, "batches = [")
    for row in table.rows:
        for other in row[3:]:
            assert abs(float(other.split("(")[1].rstrip("%)"))) <= 1
    batches = [lab.load_profile("mmlu").sample(16, seed) for seed in range(100)]
    assert table.rows[0][2] == f"{sum(lab.pack(batch).num_bins for batch in batches) / 100:.2f}"


def test_bins_stand_under_their_size():
    _, table = cell(PACKING, "perf_counter()")
    lengths = lab.load_profile("mmlu").sample(1_000)
    assert column(table, "100 prompts")["next_fit"].endswith(
        f" s, {lab.pack(lengths[:100], lab.load_profile('mmlu').longest, 'next_fit').num_bins} bins"
    )


def test_counted_rows_come_close_to_the_measured_speed_ups():
    _, figure = cell(PACKING, "SPEED_UP_BY_BATCH")
    pairs = [cell.split(" / ") for row in figure.twin.rows for cell in row[1:] if cell != "–"]
    assert len(pairs) == 28 and pairs[0] == ["1.57", "1.47"]
    assert all(abs(float(counted) / float(measured) - 1) < 0.12 for counted, measured in pairs)


def test_the_exercise_computes_what_the_lesson_counts():
    (source,) = [source for source, *_ in shown(PACKING) if "def counted_gain" in source]
    namespace = {"lab": lab, "mean": lambda values: (lambda found: sum(found) / len(found))([*values])}
    exec(source.split("\n\n\n")[0], namespace)
    profile = lab.load_profile("mmlu")
    packings = [lab.pack(profile.sample(8, seed)).bins for seed in range(200)]
    expected = EXERCISES["02-rows"].reference(packings)
    assert namespace["counted_gain"](profile, 8) == pytest.approx(expected)
