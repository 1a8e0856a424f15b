import pytest

import prepack_lab as lab
from prepack_lab.figures import draw_bin_states, draw_bins
from prepack_lab.figures.bins import reading

LENGTHS = [9, 7, 6, 3, 2, 2]


def test_every_strategy_gets_a_panel_with_its_bins():
    packings = {name: lab.pack(LENGTHS, 10, name) for name in ("first_fit_decreasing", "worst_fit_decreasing")}
    figure = draw_bins(packings)
    assert [note.text for note in figure.layout.annotations] == [
        "first fit decreasing: 3 bins",
        "worst fit decreasing: 4 bins",
    ]
    for packing, prompts in zip(packings.values(), figure.data[1::2], strict=True):
        drawn = [(row, int(number)) for row, number in zip(prompts.y, prompts.text, strict=True)]
        assert drawn == [(row, prompt) for row, members in enumerate(packing.bins) for prompt in members]
    assert len(figure.twin.rows) == 7


def test_the_bound_is_a_line_below_the_bins_that_are_needed():
    figure = draw_bins({"best_fit": lab.pack(LENGTHS, 10, "best_fit")})
    (line,) = figure.layout.shapes
    assert line.y0 == line.y1 == lab.pack(LENGTHS, 10).lower_bound - 0.5


def test_the_room_stays_the_same_while_bins_open():
    early, late = (draw_bin_states({"a": bins}, LENGTHS, 10, 3, rows=4) for bins in ([[0]], [[0], [1, 3], [2], [4, 5]]))
    assert early.layout.yaxis.range == late.layout.yaxis.range
    assert early.layout.xaxis.range == late.layout.xaxis.range == (0, 10)


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ({"a": [[0]], "b": [[0]]}, "1 of 3 prompts placed; all of them need at least 2 bins (dashed)"),
        ({"first_fit": [[0], [1, 2]], "b": [[0], [1], [2]]}, "2 bins by first fit; no packing has fewer (dashed)"),
        ({"a": [[0], [1], [2]], "b": [[0], [1], [2]]}, "3 bins by a and b; at least 2 are needed (dashed)"),
    ],
)
def test_the_reading_names_the_winner(states, said):
    assert reading(states, [5, 3, 2], 2) == said
