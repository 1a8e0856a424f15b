"""The packing race and the contest, as objects."""

import re

import pytest

import prepack_lab as lab
from prepack_lab.widgets.packing_contest import CAPACITY, RIVAL, winnable

LENGTHS = [9, 2, 4, 7, 5]


def bars(figure):
    return sum(len(trace.x) for trace in figure.data if trace.type == "bar")


class TestRace:
    def test_it_takes_steps(self):
        race = lab.widgets.PackingRace(LENGTHS)
        assert race.step.value == race.step.max == race.play.max == 5
        whole = bars(race.figure)
        race.step.value = 2
        assert "2 prompts placed" in race.status.value
        assert bars(race.figure) < whole

    def test_bins_and_the_bound_are_those_of_the_packings(self):
        race = lab.widgets.PackingRace(LENGTHS, strategies=["next_fit", "optimal"])
        packed = {name: lab.pack(LENGTHS, strategy=name) for name in ("next_fit", "optimal")}
        for name, packing in packed.items():
            assert f"{name} {packing.num_bins}" in race.status.value
        assert f"fewer than {packed['optimal'].lower_bound}" in race.status.value
        assert packed["next_fit"].num_bins > packed["optimal"].num_bins, "or this test shows nothing"

    def test_lengths_can_be_edited(self):
        race = lab.widgets.PackingRace(LENGTHS)
        race.lengths.value = "20, 20 20"
        assert (race.capacity.min, race.capacity.max, race.step.max, race.step.value) == (20, 80, 3, 3)
        assert "next_fit 3" in race.status.value
        race.capacity.value = 40
        assert "next_fit 2" in race.status.value

    @pytest.mark.parametrize(
        ("typed", "words"),
        [
            ("3, x", "&#x27;x&#x27; is not a length"),
            ("", "no lengths"),
            ("3, 0", "&#x27;0&#x27; is not a length"),
            ("3²", "is not a length"),
        ],
    )
    def test_what_is_no_length_is_named(self, typed, words):
        race = lab.widgets.PackingRace(LENGTHS)
        race.lengths.value = typed
        assert words in race.status.value
        assert race.figure.data == ()
        race.lengths.value = "3, 4"
        assert "can't be drawn" not in race.status.value

    def test_a_capacity_of_ones_own_is_kept_and_no_lengths_are_refused(self):
        assert lab.widgets.PackingRace([5, 3], capacity=50).capacity.value == 50
        with pytest.raises(ValueError, match="no lengths"):
            lab.widgets.PackingRace([])

    def test_without_a_strategy_it_asks_for_one(self):
        race = lab.widgets.PackingRace(LENGTHS)
        race.strategies.value = ()
        assert "Choose at least one strategy" in race.status.value

    def test_the_twin_names_what_is_in_each_bin(self):
        race = lab.widgets.PackingRace(LENGTHS, strategies=["first_fit_decreasing"])
        assert race.twin.value.count("<tr>") == 1 + lab.pack(LENGTHS).num_bins


class TestContest:
    @pytest.fixture
    def contest(self):
        return lab.widgets.PackingContest()

    def play(self, contest, packing):
        """Pack as somebody else did."""
        for members in packing.bins:
            where = len(contest.bins)
            for prompt in members:
                contest.prompt.value = prompt
                contest.bin.value = where
                contest.place.click()

    @pytest.mark.parametrize("seed", range(5))
    def test_every_game_can_be_won(self, seed):
        lengths = winnable(seed)
        best = lab.pack(lengths, CAPACITY, "optimal").num_bins
        assert best < lab.pack(lengths, CAPACITY, RIVAL).num_bins

    def test_the_best_packing_wins(self, contest):
        self.play(contest, contest.best)
        assert "You won" in contest.status.value and "no packing has fewer" in contest.status.value
        assert contest.place.disabled
        assert {*map(frozenset, contest.bins)} == {*map(frozenset, contest.best.bins)}

    def test_the_rivals_packing_is_a_draw(self, contest):
        self.play(contest, contest.rival)
        assert "A draw" in contest.status.value

    def test_where_nobody_can_win_a_draw_says_so(self):
        contest = lab.widgets.PackingContest([5, 3, 2], capacity=5)
        self.play(contest, contest.rival)
        assert "A draw: 2 bins against 2, and no packing has fewer." in contest.status.value

    def test_a_bin_for_each_prompt_loses(self, contest):
        while not contest.place.disabled:
            contest.bin.index = len(contest.bin.options) - 1
            contest.place.click()
        assert "You lost" in contest.status.value

    def test_only_bins_with_room_are_offered(self, contest):
        while not contest.place.disabled:
            contest.place.click()  # the first bin that is offered, each time
            for members in contest.bins:
                assert sum(contest.rival.lengths[prompt] for prompt in members) <= CAPACITY
        assert sorted(prompt for members in contest.bins for prompt in members) == [*range(12)]

    def test_moves_can_be_taken_back(self, contest):
        contest.place.click()
        first = [*contest.moves]
        contest.place.click()
        contest.undo.click()
        assert contest.moves == first
        contest.again.click()
        assert contest.moves == [] and contest.undo.disabled
        assert "12 prompts to place" in contest.status.value

    def test_another_game_is_another_game(self, contest):
        contest.place.click()
        before = contest.rival.lengths
        contest.game.value = 3
        assert contest.rival.lengths != before and contest.moves == []

    def test_it_plays_with_ones_own_lengths(self):
        contest = lab.widgets.PackingContest([5, 3, 2], capacity=5)
        assert contest.game.layout.display == "none"
        assert [int(re.search(r"(\d+) tokens", label)[1]) for label, _ in contest.prompt.options] == [5, 3, 2]
