"""The first page says what the package computes, and what was recorded."""

import re
import sys

import pytest

import prepack_lab as lab
from prepack_lab.masks import may_see
from prepack_lab.measuring.recordings import load_recordings
from tests.lessons.test_site import site

pictures, front_page = sys.modules["front_page.pictures"], site.front_page


@pytest.fixture(scope="module")
def padding():
    return pictures.padding()


@pytest.fixture(scope="module")
def mask():
    return pictures.mask()


def area(line):
    """The area of the boxes of an SVG path."""
    return sum(int(wide) * int(high) for wide, high in re.findall(r"h(\d+)v(\d+)", line))


def filled(state, panel):
    return sum(area(state[f"{panel}-{colour}"]) for colour in range(7))


def test_every_place_of_the_controls_has_a_state(padding, mask):
    for picture in (padding, mask, pictures.race()):
        places = 1
        for choice in picture.choices:
            places *= len(choice.labels)
        assert len(picture.states) == places
        assert all(state.keys() == picture.states[0].keys() for state in picture.states)


def test_a_batch_is_drawn_and_counted_as_it_is_packed(padding):
    lengths = lab.load_profile("mmlu").sample(64)[:16]
    padded, packed = lab.Packing.padded(lengths), lab.pack(lengths)
    state = padding.first
    assert f"{padded.slots:,} slots, and {padded.padding_share:.0%}" in state["words"]
    assert f"Packed, they take {packed.slots:,}." in state["words"]
    assert state["packed-title"] == f"Packed: {packed.num_bins} rows of {packed.width} slots"
    assert state["times"] == f"{padded.slots / packed.slots:.1f}×"
    tokens = filled(state, "padded")
    assert tokens == pytest.approx(filled(state, "packed"), rel=0.02), "the same tokens, to the same scale"
    share = area(state["padded-rest"]) / (area(state["padded-rest"]) + tokens)
    assert share == pytest.approx(padded.padding_share, abs=0.02)


def test_a_batch_of_one_has_no_padding(padding):
    alone = [state for state in padding.states if state["words"].startswith("1 prompt,")]
    assert len(alone) == len(padding.choices[0].labels)
    assert {state["share"] for state in alone} == {"0%"} and {state["times"] for state in alone} == {"1.0×"}
    assert all(state["padded-title"].startswith("Padded: 1 row of") for state in alone)


def test_the_race_names_the_bin_that_each_prompt_enters():
    race = pictures.race()
    lengths = lab.load_profile("mmlu").sample(16, seed=1)
    bins = {strategy: lab.pack(lengths, strategy=strategy).num_bins for strategy in pictures.STRATEGIES}
    assert race.states[0]["words"].startswith("Nothing is placed yet") and filled(race.states[0], "next_fit") == 0
    assert f"Next fit: prompt 0 ({lengths[0]} tokens) opens bin 0" in race.states[1]["words"]
    for strategy, count in bins.items():
        assert race.states[-1][f"{strategy}-title"].endswith(f": {count} bins")
    assert f"fewer than {lab.pack(lengths).lower_bound} bins" in race.states[-1]["words"]


def test_marks_and_cells_are_those_of_the_mask(mask):
    segments = [0] * 5 + [1] * 5 + [2] * 3
    batch = lab.PackedBatch.from_prompts([[0] * 5, [0] * 5, [0] * 3], lab.Packing.concatenated([5, 5, 3]))
    for apart in (False, True):
        seen = may_see(batch.segment_ids, apart)[0, 0]
        for token in range(13):
            state = mask.states[(2 * apart + 1) * 13 + token]
            marks = [state[f"token-{place}"] for place in range(13)]
            assert [mark != "hidden" for mark in marks] == seen[token].tolist()
            assert marks[token] == "self"
            leaks = [place for place in range(token) if seen[token][place] and segments[place] != segments[token]]
            assert [place for place, mark in enumerate(marks) if mark == "leak"] == leaks
            assert ("spoiled" in state["words"]) == bool(leaks)
        assert state["leak"].count("M") == int(seen.sum()) - (15 + 15 + 6)


def test_positions_restart_or_run_on(mask):
    on, off = mask.states[(2 + 1) * 13 + 8], mask.states[2 * 13 + 8]
    assert [on[f"position-{place}"] for place in (0, 5, 8, 10)] == ["0", "0", "3", "0"]
    assert off["position-8"] == "8" and "middle of a text" in off["words"] and "middle" not in on["words"]


def test_the_tables_hold_what_was_recorded_and_where():
    score = load_recordings(of=("prepack-lab bench score ",))[0]
    page = front_page(["01_padding_waste"], "stamp")
    packed = next(row for row in score.results if row["examples"] == 0 and row["way"] == "prepacked")
    assert f"<td>{packed['most_off']:.5f}</td><td>{packed['seconds'][0]:.1f}</td>" in page
    assert score.device in page and score.taken[:10] in page and score.command in page
    most = max(score.settings["examples"])
    lost = {row["way"]: row["seconds"][0] for row in score.results if row["examples"] == most}
    assert lost["prepacked"] > lost["one_by_one"], "the page says that packing loses here"
    assert f"{lost['prepacked']:.1f}</td>" in page and f"{lost['one_by_one']:.1f}</td>" in page


def test_it_is_one_small_file_that_leads_only_to_pages_that_are_there():
    page = front_page(["01_padding_waste"], "stamp & more")
    assert len(page.encode()) < 3_000_000
    assert "stamp &amp; more" in page and "glossary.html" not in page and "02_bin_packing.html" not in page
    assert re.findall(r'href="([^"#]+\.html)"', page) == ["01_padding_waste.html", "api/prepack_lab.html"]
    assert not re.findall(r"<(?:script|img|link)[^>]* (?:src|href)=", page), "nothing beside it"
