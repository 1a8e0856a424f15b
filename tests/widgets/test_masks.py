"""The mask explorer and Break it, as objects."""

import pytest

import prepack_lab as lab
from prepack_lab.course.ablation import Ablation
from prepack_lab.widgets import job
from prepack_lab.widgets.break_it import MODELS, VARIANTS

TEXTS = ["The capital of Germany is", "Berlin lies"]
PATIENCE = 60


class TestMaskExplorer:
    @pytest.fixture
    def explorer(self):
        return lab.widgets.MaskExplorer(TEXTS)

    def seen(self, explorer):
        """How many cells the drawn mask shows as seen, rightly or wrongly."""
        return sum(
            cell is not None
            for trace in explorer.figure.data
            if "not see" not in trace.hovertemplate
            for row in trace.z
            for cell in row
        )

    def test_apart_each_prompt_sees_itself_only(self, explorer):
        explorer.padding.value = 0
        assert self.seen(explorer) == 15 + 3
        explorer.apart.value = False
        assert self.seen(explorer) == 28
        assert "later prompts read the earlier ones" in explorer.status.value

    def test_a_cell_says_in_words_who_sees_whom(self, explorer):
        hidden, own, leaked = explorer.figure.data
        assert [trace.hovertemplate.split("<")[0] for trace in (hidden, own, leaked)] == [
            "%{y} may not see %{x}",
            "%{y} may see %{x}",
            "%{y} can see, and should not, %{x}",
        ]
        germany, capital, lies = (
            next(place for place, name in enumerate(own.y) if f"“{word}”" in name)
            for word in ("Germany", "capital", "lies")
        )
        assert own.y[germany] == own.x[germany] == "token 3 “Germany” of prompt 0"
        assert own.z[germany][capital] is not None and hidden.z[germany][capital] is None
        assert hidden.z[lies][capital] is not None and own.z[lies][capital] is None
        explorer.apart.value = False
        assert explorer.figure.data[2].z[lies][capital] is not None

    def test_a_window_hides_what_is_far(self, explorer):
        explorer.padding.value = 0
        explorer.window.value = 2
        assert self.seen(explorer) == 9 + 3
        assert "2 tokens at most" in explorer.status.value

    def test_positions_restart_or_run_on(self, explorer):
        explorer.padding.value = 0
        assert explorer.row(explorer.words())[1].tolist() == [[0, 1, 2, 3, 4, 0, 1]]
        explorer.restart.value = False
        assert explorer.row(explorer.words())[1].tolist() == [[0, 1, 2, 3, 4, 5, 6]]
        assert "Positions run on" in explorer.status.value

    def test_padding_stands_where_it_is_put(self, explorer):
        explorer.padding.value = 3
        assert explorer.row(explorer.words())[0].tolist()[0][-3:] == [-1] * 3
        explorer.side.value = "left"
        assert explorer.row(explorer.words())[0].tolist()[0][:3] == [-1] * 3

    @pytest.mark.long
    def test_prompts_are_added(self, explorer):
        explorer.add.click()
        assert "3 prompts" in explorer.status.value
        assert len(explorer.words()) == 3

    def test_a_tokenizer_cuts_the_texts(self):
        _, tokenizer = lab.load_model("tiny-llama")
        explorer = lab.widgets.MaskExplorer(["abc"], tokenizer)
        assert explorer.words() == [["a", "b", "c"]]

    def test_nothing_and_too_much_are_refused(self, explorer):
        explorer.text.value = " \n"
        assert "Write at least one prompt" in explorer.status.value
        explorer.text.value = "a " * 1025
        assert "1,025 tokens; write at most 1,024" in explorer.status.value

    @pytest.mark.parametrize(
        ("texts", "words"), [("Hello", "pass a list"), (["a", "b\nc"], "text 1 has several lines")]
    )
    def test_what_the_box_would_change_is_refused(self, texts, words):
        with pytest.raises(ValueError, match=words):
            lab.widgets.MaskExplorer(texts)

    def test_a_thousand_tokens_are_drawn(self, explorer):
        explorer.text.value = "\n".join(["a " * 341] * 3)
        assert "1023 tokens" in explorer.status.value
        assert explorer.figure.data[0].type == "image" and len(explorer.figure.data) == 1 + 3


class TestBreakIt:
    @pytest.fixture
    def game(self, monkeypatch):
        monkeypatch.setattr(job, "SETTLE_SECONDS", 0)
        return lab.widgets.BreakIt()

    def run(self, game):
        game.run.click()
        game.wait(PATIENCE)
        assert not game.running

    def test_it_wants_a_forecast_first(self, game):
        self.run(game)
        assert "16 cells still show" in game.words.value and "Run without predicting" in game.words.value
        assert game.found == {}

    def test_the_truth_is_that_each_ingredient_is_needed_somewhere(self, game):
        game.without.value = True
        self.run(game)
        same = {
            (variant, kind, output): max(getattr(game.found[variant, kind], output)) <= 1e-3
            for variant, kind, output in game.guesses
        }
        assert [cell for cell, equal in same.items() if equal] == [
            ("mask, restart", "rotary", "logits"),
            ("mask, restart", "rotary", "decoding"),
            ("mask, restart", "learned", "logits"),
            ("mask, restart", "learned", "decoding"),
            ("mask, no restart", "rotary", "logits"),  # rotary positions are relative
        ]
        assert "✓ equals each prompt alone" in game.status.value and "You predicted" not in game.status.value

    @pytest.mark.long
    def test_forecasts_are_counted(self, game):
        for guess in game.guesses.values():
            guess.value = "different"
        self.run(game)
        assert "You predicted 11 of 16 cells" in game.status.value

    @pytest.mark.long
    def test_another_forecast_hides_the_answers(self, game):
        game.without.value = True
        self.run(game)
        next(iter(game.guesses.values())).value = "same"
        assert game.found == {}
        assert set(game.errors().values()) == {None}
        assert "1 of 16 cells predicted" in game.status.value

    def test_half_a_result_is_drawn(self, game):
        game.found["mask, restart", "rotary"] = Ablation(True, True, (1e-7,), (2e-7,))
        game.refresh()
        assert "can't be drawn" not in game.status.value
        errors = game.errors()
        assert errors["mask, restart"][:2] == [1e-7, 2e-7]
        assert [errors[variant] for variant in VARIANTS][1:] == [None] * 3
        assert len(errors["mask, restart"]) == 2 * len(MODELS)
        assert "All that was run equals each prompt alone" in game.figure.layout.title.text
        assert "nan" not in game.twin.value
