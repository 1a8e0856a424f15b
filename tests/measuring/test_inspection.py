"""What padding costs a list of prompts, and what to do."""

import pytest

from prepack_lab.measuring.calibration import Calibration
from prepack_lab.measuring.cost import Cost
from prepack_lab.measuring.inspection import Inspection, _in_turn, inspect_lengths
from prepack_lab.methods import DATASET_METHODS
from prepack_lab.models.loading import load_config

LLAMA = load_config("tiny-llama")


def test_an_inspection_says_what_to_do():
    mixed = inspect_lengths([500, *[20] * 15] * 2, LLAMA)
    assert (mixed.lengths[:2], mixed.batch_size, mixed.calibration) == ((500, 20), 16, None)
    assert mixed.waste == pytest.approx(1 - (800 * 2) / (500 * 32))
    assert mixed.gain("full_batching") == 1 and mixed.gain("padding_free") > 5
    assert mixed.best == "padding_free" and "padding_free is predicted to be" in mixed.advice
    assert len(mixed.table().rows) == len(DATASET_METHODS)
    equal = inspect_lengths([50] * 32, LLAMA, calibration=Calibration(0.0, 1e-12, 0.0, "a machine"))
    assert "Nothing to win here" in equal.advice
    with pytest.raises(ValueError, match="no prompts to inspect"):
        inspect_lengths([], LLAMA)


def cost(method, passes, slots, flops, pass_bytes):
    return Cost(method, passes, 2, slots, 8, flops, 0.0, 0.0, 1e9, pass_bytes, 0.0, 1.0)


COSTS = {
    "full_batching": cost("full_batching", 1, 10, 6e9, 3e6),
    "prepacked": cost("prepacked", 2, 8, 12e9, 2e6),
    "padding_free": cost("padding_free", 3, 8, 4e9, 1234e6),
    "one_by_one": cost("one_by_one", 2, 1600, 4.001e9, 1e6),
}


def test_the_table_by_hand():
    table = Inspection((3, 5), 2, COSTS, None).table()
    assert table.headings[:5] == ("method", "passes", "slots", "padding", "predicted operations")
    assert table.headings[5:] == ("× full_batching", "beside the weights")
    assert table.rows == [
        ("full_batching", "1", "10", "20%", "6.00e+09", "1.00×", "3 MB"),
        ("prepacked", "2", "8", "0%", "1.20e+10", "0.50×", "2 MB"),
        ("padding_free", "3", "8", "0%", "4.00e+09", "1.50×", "1,234 MB"),
        ("one_by_one", "2", "1,600", "100%", "4.00e+09", "1.50×", "1 MB"),
    ]


def test_with_a_calibration_prices_are_seconds():
    inspection = Inspection((3, 5), 2, COSTS, Calibration(0.5, 1e-9, 0.0, "a machine"))
    table = inspection.table("By hand")
    assert (table.headings[4], table.caption) == ("predicted seconds", "By hand")
    assert [row[4] for row in table.rows] == ["6.50 s", "13.00 s", "5.50 s", "5.00 s"]
    assert inspection.gain("prepacked") == 0.5
    assert str(inspection).startswith("2 prompts of 3 to 5 tokens; in batches of 2, packed, 2 rows.\n\n")
    assert str(inspection).endswith("\n\nSeconds are those of a machine.")
    assert "Seconds are" not in str(Inspection((3, 5), 2, COSTS, None))


def test_of_equals_the_fewest_passes_are_best_and_who_loses_is_named():
    inspection = Inspection((3, 5), 2, COSTS, None)
    assert inspection.best == "one_by_one", "4.00e9 too, and in two passes"
    assert inspection.waste == pytest.approx(0.2)
    assert inspection.advice == (
        "Full batching spends 20% of its slots on padding. one_by_one is predicted to be 1.5 times as fast. "
        "prepacked would lose: 0.50×."
    )
    draw = {**COSTS, "prepacked": COSTS["full_batching"]}
    assert "would lose" not in Inspection((3, 5), 2, draw, None).advice


@pytest.mark.parametrize(("flops", "worth_it"), [(6e9 / 1.05, True), (6e9 / 1.04, False)])
def test_five_percent_are_worth_a_change(flops, worth_it):
    costs = {"full_batching": COSTS["full_batching"], "prepacked": cost("prepacked", 1, 8, flops, 1.0)}
    assert ("Nothing to win" not in Inspection((3, 5), 2, costs, None).advice) is worth_it


def test_work_adds_up_and_memory_is_that_of_the_largest():
    batches = [
        Cost("padding_free", 1, 2, 3, 4, 5.0, 6.0, 7.0, 100.0, 8.0, 9.0, 10.0),
        Cost("padding_free", 1, 3, 5, 7, 9.0, 11.0, 13.0, 100.0, 15.0, 1.0, 19.0),
    ]
    assert _in_turn(batches) == Cost("padding_free", 2, 5, 8, 11, 14.0, 17.0, 20.0, 100.0, 8.0, 9.0, 29.0)
