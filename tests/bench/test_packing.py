"""The table of packing times: what it counts, and what is not tried."""

import prepack_lab as lab
from prepack_lab.bench.packing import MOST, time_packing, times_table


def test_what_would_take_long_is_not_tried():
    profile = lab.load_profile("mmlu")
    sizes = [10, MOST["optimal"] + 1, MOST["binpacking"] + 1]
    strategies = ["next_fit", "optimal", "binpacking"]
    rows = time_packing(profile.sample(max(sizes)), profile.longest, strategies, sizes, repeats=1)
    table = times_table(rows, strategies, sizes, profile)
    tried = [[cell != "not tried" for cell in row[1:]] for row in table.rows]
    assert tried == [[True, True, True], [True, False, False], [True, True, False], [True, True, True]]
    assert table.rows[-1][0] == "no packing has fewer than"


def test_bins_and_seconds_stand_under_their_size():
    rows = [
        {"strategy": "next_fit", "size": 6, "bins": 4, "bound": 3, "seconds": [0.5, 0.1, 0.2]},
        {"strategy": "next_fit", "size": 3, "bins": 2, "bound": 1, "seconds": [0.0625]},
    ]
    table = times_table(rows, ["next_fit"], [3, 6], lab.load_profile("mmlu"))
    assert table.rows == [
        ("next_fit", "0.062 s, 2 bins", "0.200 s, 4 bins"),
        ("no packing has fewer than", "1 bins", "3 bins"),
    ]
    assert table.headings == ("strategy", "3 prompts", "6 prompts")


def test_the_bins_are_those_of_the_first_lengths():
    (row,) = time_packing([9, 7, 6, 3, 2, 2, 9], 10, ["binpacking"], [6], repeats=2)
    assert (row["bins"], row["bound"], len(row["seconds"])) == (4, 3, 2)
