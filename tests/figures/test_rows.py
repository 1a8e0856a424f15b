import pytest
from hypothesis import given
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab.figures import draw_rows, prompt_colour
from prepack_lab.figures.rows import reading, row_bars

lengths_lists = st.lists(st.integers(1, 40), min_size=1, max_size=20)


@given(lengths=lengths_lists, packed=st.booleans())
def test_bars_and_padding_fill_every_slot_once(lengths, packed):
    packing = lab.pack(lengths) if packed else lab.Packing.padded(lengths)
    slots = [(y, slot) for bars in row_bars(packing) for y, slot in covered(bars)]
    assert len(slots) == len(set(slots)) == packing.slots
    assert {row for row, _ in slots} == set(range(packing.num_bins))


def covered(bars):
    for y, base, width in zip(bars["y"], bars["base"], bars["x"], strict=True):
        yield from ((y, slot) for slot in range(base, base + width))


def test_a_prompt_keeps_its_colour_and_number_in_every_panel():
    lengths = [9, 2, 7, 4, 4]
    for packing in (lab.pack(lengths), lab.Packing.padded(lengths)):
        _, prompts = row_bars(packing)
        for number, colour in zip(prompts["text"], prompts["marker"]["color"], strict=True):
            assert colour == prompt_colour(int(number))


def test_padding_is_at_the_left_of_a_padded_batch():
    padding, prompts = row_bars(lab.Packing.padded([2, 5]))
    assert padding["base"] == [0, 0] and padding["x"] == [3, 0]
    assert prompts["base"] == [3, 0]


def test_hovering_gives_words():
    _, prompts = row_bars(lab.pack([1, 2]), texts=["hello", "x" * 100])
    assert prompts["customdata"][0].startswith("prompt 1: 2 tokens<br>“xxx")
    assert prompts["customdata"][0].endswith("…”")
    assert prompts["customdata"][1] == "prompt 0: 1 token<br>“hello”"


def test_the_title_is_the_reading():
    lengths = [6, 4, 3]
    both = {"padded": lab.Packing.padded(lengths), "packed": lab.pack(lengths, 10)}
    assert reading(both) == "28% of 18 slots are padding; packed, 35% of 20"
    assert draw_rows(both).layout.title.text == reading(both)
    assert reading({"padded": both["padded"]}) == "28% of 18 slots are padding"


def test_panels_have_one_scale():
    figure = draw_rows({"a": lab.Packing.padded([6, 4, 3]), "b": lab.pack([6, 4, 3], 10)})
    assert figure.layout.xaxis.range == figure.layout.xaxis2.range == (0, 10)
    assert figure.layout.yaxis.range == (2.5, -0.5)


def test_the_table_beside_the_rows_says_what_each_holds():
    figure = draw_rows({"packed": lab.pack([9, 5, 2])})
    assert figure.twin.rows == [("packed", 0, "0 (9)", "9", "0"), ("packed", 1, "1 (5), 2 (2)", "7", "2")]


def test_panels_share_the_width_and_one_axis():
    layout = draw_rows({name: lab.pack([9, 5, 2]) for name in ("a", "b", "c")}).layout
    axes = [layout.xaxis, layout.xaxis2, layout.xaxis3]
    ends = [end for axis in axes for end in axis.domain]
    assert ends == pytest.approx([0, 0.92 / 3, 0.92 / 3 + 0.04, 1.84 / 3 + 0.04, 1.84 / 3 + 0.08, 1])
    assert [note.x for note in layout.annotations] == pytest.approx([sum(axis.domain) / 2 for axis in axes])
    assert [note.text for note in layout.annotations] == ["a", "b", "c"]
    assert [axis.matches for axis in (layout.yaxis, layout.yaxis2, layout.yaxis3)] == [None, "y", "y"]
    assert [axis.anchor for axis in axes] == ["y", "y2", "y3"] and layout.yaxis3.showticklabels is False
