"""What a page without Python holds is what the widget shows: every state, the words, and the games."""

import gzip
import json
import re
from base64 import b64decode
from itertools import product

import pytest

import prepack_lab as lab
from prepack_lab.figures.style import folded
from prepack_lab.widgets.recorded import RECORD, record

SMALL = {
    "PackingRace": (lambda: lab.widgets.PackingRace([4, 4, 6, 6], 10), "step"),
    "BugHunt": (lambda: lab.widgets.BugHunt([8, 8, 8, 8]), "colour"),
    "MaskExplorer": (lambda: lab.widgets.MaskExplorer(["a b", "c d e"]), "apart"),
}


def read(html):
    """The states of a page, opened."""
    packed = re.search(r'class="states">([^<]+)<', html).group(1)
    recorded = json.loads(gzip.decompress(b64decode(packed)))
    values = recorded["values"]
    return [
        {
            "title": values[state["layout"]["title"]]["text"],
            "said": values[state["said"]],
            "twin": values[state["twin"]],
            "data": [{name: values[place] for name, place in trace.items()} for trace in state["data"]],
        }
        for state in recorded["states"]
    ]


@pytest.mark.long
@pytest.mark.parametrize("name", SMALL)
def test_every_state_is_what_the_widget_shows_there(name):
    make, attribute = SMALL[name]
    widget = make()
    widget._recording = True
    before = widget.compose()[1]
    states = read(record(widget))
    assert widget.compose()[1] == before, "the widget is left as it was"
    chosen = [*product(*(move.choice()[1] for move in widget.on_page()))]
    assert len(states) == len(chosen) > 9
    for place in {0, len(chosen) // 2, len(chosen) - 1}:
        for move, value in zip(widget.on_page(), chosen[place], strict=True):
            move.control.value = value
        figure, said = widget.compose()
        assert (states[place]["title"], states[place]["said"]) == (figure.reading, said)
        assert states[place]["data"] == json.loads(figure.to_json())["data"]
        assert states[place]["twin"] == folded(figure.twin)
    assert len({state["said"] for state in states}) > 3
    assert getattr(widget, attribute) in [move.control for move in widget.on_page()]


def test_controls_begin_where_the_widget_stands():
    widget = lab.widgets.PaddingExplorer([30, 5, 9, 12], batch_size=5)
    (menu, workloads), (size, sizes) = (move.choice() for move in widget.on_page())
    assert (menu.labels[menu.begin], workloads[menu.begin]) == ("your own prompts", "yours")
    assert (size.kind, sizes[size.begin], size.labels[size.begin]) == ("range", 5, "5")
    assert sizes == sorted(sizes) and "pasted" not in workloads
    assert 'value="4"' in size.html and 'data-count="13"' in size.html and "Batch size" in size.html


@pytest.mark.long
def test_only_the_builder_of_the_site_asks_for_states(monkeypatch):
    widget = lab.widgets.PackingRace([4, 4, 6, 6], 10)
    assert 'class="live"' not in widget._static()
    monkeypatch.setenv(RECORD, "1")
    assert 'class="live"' in widget._static()
    assert not widget._recording
    widget.step.value = 1
    assert widget.status.value.count("1 prompts placed") == 1, "it draws again"


def test_a_widget_without_states_is_a_picture(monkeypatch):
    monkeypatch.setenv(RECORD, "1")
    assert 'class="live"' not in lab.widgets.BreakIt()._static()


def test_a_game_on_a_page_knows_what_the_widget_would_say(monkeypatch):
    shown = []
    monkeypatch.setenv(RECORD, "1")
    monkeypatch.setattr("prepack_lab.widgets.packing_contest.display_widget", lambda _, html: shown.append(html))
    contest = lab.widgets.PackingContest()
    contest._ipython_display_()
    games = json.loads(re.search(r'class="states">(.*?)</script>', shown[0]).group(1))
    assert len(games) == 6 and contest.game.value == 0
    for game in games:
        best = lab.pack(game["lengths"], game["capacity"], "optimal").num_bins
        rival = lab.pack(game["lengths"], game["capacity"])
        assert game["bound"] <= best < len(game["rival"]) == rival.num_bins
        assert game["verdicts"][best].startswith("You won") and game["verdicts"][best - 1] == ""
        assert game["verdicts"][rival.num_bins + 1].startswith("You lost")
        assert sorted(game["order"], key=lambda prompt: -game["lengths"][prompt]) == game["order"]
