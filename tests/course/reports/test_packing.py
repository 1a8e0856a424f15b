"""Tables of packing strategies: what they count, and what they do not try."""

import prepack_lab as lab
from prepack_lab.course.reports import library_table, packing_seconds_table, strategies_table
from prepack_lab.course.reports.packing import MOST
from prepack_lab.packing import STRATEGIES

SIX = [9, 7, 6, 3, 2, 2]


def test_every_strategy_has_a_row_and_is_held_against_the_bound():
    table = strategies_table(SIX, 10)
    bins = {row[0]: row[1] for row in table.rows}
    assert [*bins] == [*STRATEGIES]
    assert bins["first_fit_decreasing"] == 3 and bins["binpacking"] == 4
    over = {row[0]: row[2] for row in table.rows}
    assert over["first_fit_decreasing"] == "none" and over["binpacking"] == "+1"
    assert "no packing has fewer than 3" in table.caption


def test_the_library_is_compared_batch_by_batch():
    (row,) = library_table(["mmlu"], [16], draws=10).rows
    batches = [lab.load_profile("mmlu").sample(16, seed) for seed in range(10)]
    ours, theirs = ([lab.pack(b, strategy=s).num_bins for b in batches] for s in ("first_fit_decreasing", "binpacking"))
    assert row[2] == f"{sum(ours) / 10:.2f}" and row[3] == f"{sum(theirs) / 10:.2f}"
    assert row[5] == sum(b > a for a, b in zip(ours, theirs, strict=True))


def test_what_would_take_long_is_not_tried():
    sizes = [10, MOST["optimal"] + 1, MOST["binpacking"] + 1]
    table = packing_seconds_table(["next_fit", "optimal", "binpacking"], sizes)
    tried = [[cell != "not tried" for cell in row[1:]] for row in table.rows]
    assert tried == [[True, True, True], [True, False, False], [True, True, False], [True, True, True]]
    assert table.rows[-1][0] == "no packing has fewer than"
    assert all(row[1].endswith("bins") for row in table.rows)
