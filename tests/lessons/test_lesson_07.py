"""What lesson 07 says beside its figures and tables: counted, or taken from the paper, and never timed."""

import pytest

import prepack_lab as lab
from prepack_lab.figures.deliveries import in_order_after
from prepack_lab.measuring import paper
from prepack_lab.methods import DATASET_METHODS, known_options, plan_passes
from tests.lessons.sources import run_cell

LESSON = "07_whole_datasets"
PLANNING = {"known_options": known_options, "plan_passes": plan_passes}


@pytest.fixture(scope="module")
def lengths():
    return lab.load_profile("mmlu").sample(256, seed=0)


@pytest.fixture(scope="module")
def slots(lengths):
    figures = lab.figures
    return run_cell(LESSON, "def slots_per_prompt", "slots", lengths=lengths, figures=figures, **PLANNING)


def test_every_method_is_counted():
    known = {"lab": lab, "DATASET_METHODS": DATASET_METHODS, **PLANNING}
    table = run_cell(LESSON, "def compare", "compare", **known)([4, 1, 3, 2] * 16)
    rows = {row[0]: row[1:] for row in table.rows}
    assert list(rows) == list(DATASET_METHODS)
    assert rows["full_batching"] == (4, "256", "38%", "0.0", "kept")
    assert rows["length_ordered"] == (4, "160", "0%", "0.0", "changed")
    assert rows["prepacked"][1:3] == ("160", "0%") and rows["prepacked"][-1] == "kept"
    assert rows["one_by_one"][0] == 64 and rows["padding_free"][0] == 1


def test_sorting_pads_less_in_batches_of_eight_and_more_in_batches_of_sixteen(slots):
    assert slots["length_ordered"][8] < slots["prepacked"][8]
    assert slots["length_ordered"][16] > slots["prepacked"][16]
    assert [slots["full_batching"][size] for size in (4, 64)] == pytest.approx([199, 519], abs=1)
    assert slots["dataset_prepacked"][64] == pytest.approx(83.1, abs=0.1)


def test_windows_take_away_what_the_text_says(lengths, slots, capsys):
    run_cell(LESSON, "windows of", lengths=lengths, **PLANNING)
    counted = [int(line.split(":")[1].split()[0].replace(",", "")) for line in capsys.readouterr().out.splitlines()]
    padding = [one - sum(lengths) for one in counted]
    assert 1 - padding[2] / padding[0] == pytest.approx(2 / 3, abs=0.02), "four batches: two thirds"
    assert slots["prepacked"][16] * len(lengths) < min(counted)


def test_sorting_hands_out_nearly_nothing_until_the_end(lengths):
    some = lengths[:128]
    counts = in_order_after([(0.0, one.prompts) for one in plan_passes("length_ordered", some, batch_size=16)])
    assert len(counts) == 8 and counts[-2] < 16 and counts[-1] == 128, "one of the first is among the longest"
    as_they_come = in_order_after([(0.0, one.prompts) for one in plan_passes("prepacked", some, batch_size=16)])
    assert as_they_come == [*range(16, 129, 16)]


def test_the_gain_over_sorting_is_that_of_the_paper():
    table = run_cell(LESSON, "times as fast as length-ordered", paper=paper)
    assert [row[2] for row in table.rows if row[0] == "mmlu"] == ["1.07", "1.18", "1.26"]
    assert all(float(row[2]) < float(mmlu[2]) for row, mmlu in zip(table.rows[3:], table.rows[:3] * 2, strict=True))
    conversations = paper.DATASET_MILLISECONDS["hh_rlhf"]
    slower = [
        size for size in (8, 16, 32) if conversations["dataset_prepacked"][size] > conversations["prepacked"][size]
    ]
    assert slower == [16, 32]


def test_dataset_prepacking_saves_slots_and_pays_in_pairs():
    for workload, count in (("mmlu", 128), ("hh_rlhf", 256)):
        counted = {}
        for method in ("length_ordered", "dataset_prepacked"):
            some = lab.load_profile(workload).sample(256, seed=0)[:count]
            passes = [*plan_passes(method, some, batch_size=16)]
            counted[method] = sum(one.rows.slots for one in passes), sum(one.pairs for one in passes)
        (sorted_slots, sorted_pairs), (slots, pairs) = counted.values()
        assert slots < sorted_slots and pairs > sorted_pairs
        if workload == "mmlu":
            assert 1 - slots / sorted_slots == pytest.approx(1 / 3, abs=0.03) and pairs / sorted_pairs < 1.1


def test_equal_tokens_are_not_equal_work(capsys):
    run_cell(LESSON, "pairs of attention", **PLANNING)
    pairs = [int(line.split(":")[1].split()[0].replace(",", "")) for line in capsys.readouterr().out.splitlines()]
    assert pairs == [4096 * 4097 // 2, 64 * 64 * 65 // 2] and pairs[0] / pairs[1] == pytest.approx(63, abs=1)
