"""Widgets that run a model: live timing, the memory wall, the generation race. What they do, not how fast it is."""

import re

import pytest
import torch

import prepack_lab as lab
from prepack_lab.measuring import memory
from prepack_lab.measuring.machine import device_name
from prepack_lab.measuring.memory import largest_batch
from prepack_lab.measuring.recordings import Recording
from prepack_lab.methods import METHODS
from prepack_lab.models.embedded_model import ModelUnavailableError
from prepack_lab.models.loading import load_sizes
from prepack_lab.widgets import job, live_timing, memory_wall
from prepack_lab.widgets.generation_race import RUNNERS

PATIENCE = 120


@pytest.fixture(autouse=True)
def no_settling(monkeypatch):
    monkeypatch.setattr(job, "SETTLE_SECONDS", 0)


@pytest.fixture(scope="module")
def tiny():
    return lab.load_model("tiny-llama", device="cpu")


def run(widget):
    widget.run.click()
    widget.wait(PATIENCE)
    assert not widget.running
    return widget


class TestLiveTiming:
    @pytest.fixture
    def live(self, tiny):
        widget = lab.widgets.LiveTiming(tiny[0], [30, 5, 9, 12, 7], batch_size=5)
        widget.repeats.value = 1
        return widget

    def test_without_a_method_it_asks_for_one(self, live):
        live.methods.value = ()
        assert "Choose at least one method." in run(live).words.value

    @pytest.mark.long
    def test_every_method_is_measured_and_predicted_at_every_batch_size(self, live):
        run(live)
        assert "Done." in live.words.value
        for found in (live.measured, live.predicted):
            assert {method: [*by_size] for method, by_size in found.items()} == {
                method: [1, 2, 4, 5] for method in METHODS
            }
        assert all(len(one.seconds) == 1 for by_size in live.measured.values() for one in by_size.values())
        assert "As fast as full batching, at the largest batch:" in live.status.value
        assert device_name(torch.device("cpu")) in live.status.value

    @pytest.mark.long
    def test_the_first_token_is_measured_too_and_not_predicted(self, live):
        live.what.value = live_timing.FIRST_TOKEN
        live.batch_size.value = 2
        run(live)
        assert {method: [*by_size] for method, by_size in live.measured.items()} == {m: [1, 2] for m in METHODS}
        assert live.predicted == {}
        assert "The time to first token, measured just now" in live.status.value
        assert "Dotted" not in live.status.value

    @pytest.mark.long
    def test_a_method_that_does_not_fit_is_a_wall(self, live, monkeypatch):
        monkeypatch.setattr(memory, "free_memory", lambda device: 0)
        run(live)
        assert live.measured["full_batching"] == {1: None, 2: None, 4: None, 5: None}
        assert "memory" in live.twin.value
        assert "could not go on" not in live.words.value

    @pytest.mark.long
    def test_another_setting_forgets_what_was_measured(self, live):
        run(live)
        live.batch_size.value = 2
        assert live.measured == live.predicted == {}
        assert "Press Run" in live.status.value

    def test_nothing_is_beside_it_where_nothing_was_recorded(self, live, monkeypatch):
        monkeypatch.setattr(live_timing, "load_recordings", lambda: [])
        assert lab.widgets.LiveTiming().beside.layout.display == "none"

    def test_a_recording_is_laid_beside_it_and_called_recorded(self, monkeypatch):
        one = Recording(
            command="prepack-lab bench prefill --workload mmlu",
            machine={"device": "Some GPU"},
            taken="2026-01-02T03:04:05+00:00",
            settings={"model": "m", "dtype": "bfloat16", "workload": "mmlu", "batch_size": 4},
            results=[{"method": "prepacked", "seconds": [0.1, 0.2, 0.3]}],
        )
        monkeypatch.setattr(live_timing, "load_recordings", lambda: [one])
        live = lab.widgets.LiveTiming()
        live.beside.value = one
        assert any("recorded" in (trace.name or "") for trace in live.figure.data)
        assert "recorded" in live.twin.value and "Some GPU" in live.twin.value
        live.workload.menu.value = "gsm8k"
        assert not any("recorded" in (trace.name or "") for trace in live.figure.data), "another workload"

    def test_an_unsupported_method_is_refused_in_words(self, monkeypatch, live):
        def refuse(model, prompts, method):
            raise lab.UnsupportedModelError(f"{method} is not exact for it")

        monkeypatch.setattr(live_timing, "admit", refuse)
        run(live)
        assert "could not go on" in live.words.value and "is not exact for it" in live.words.value


class TestMemoryWall:
    @pytest.fixture
    def wall(self):
        return lab.widgets.MemoryWall()

    def largest(self, wall):
        return {name: int(n.replace(",", "")) for name, n in re.findall(r"(\w+) ([\d,]+)\+?[,.]", wall.status.value)}

    def test_the_largest_batches_are_those_of_the_estimate(self, wall):
        found = self.largest(wall)
        lengths = lab.load_profile("mmlu").sample(1024)
        for method in ("full_batching", "prepacked"):
            assert found[method] == largest_batch(
                load_sizes("sheared-llama-1.3b"), lengths, method, 48e9, torch.bfloat16
            )
        assert found["prepacked"] > found["full_batching"]

    def test_more_memory_holds_more(self, wall):
        before = self.largest(wall)["full_batching"]
        wall.memory.value = 96
        assert self.largest(wall)["full_batching"] > before

    def test_float32_takes_more(self, wall):
        before = self.largest(wall)["full_batching"]
        wall.dtype.value = "float32"
        assert self.largest(wall)["full_batching"] < before

    @pytest.mark.long
    def test_it_measures(self, monkeypatch, tiny):
        monkeypatch.setattr(memory_wall, "load_model", lambda *_: tiny)
        wall = lab.widgets.MemoryWall([30, 5, 9, 12])
        wall.up_to.value = 4
        run(wall)
        assert "Done." in wall.words.value
        weights = sum(parameter.nbytes for parameter in tiny[0].parameters())
        assert {method: [*sizes] for method, sizes in wall.measured.items()} == {
            method: [1, 2, 4] for method in memory_wall.COMPARED
        }
        assert all(taken > weights for sizes in wall.measured.values() for taken in sizes.values())
        assert "measured on this machine" in wall.status.value
        measured = wall.measured
        wall.memory.value = 12
        assert wall.measured is measured, "the slider moves the wall, and leaves what was measured"
        wall.dtype.value = "float32"
        assert wall.measured == {}

    @pytest.mark.long
    def test_what_does_not_fit_here_is_not_tried(self, monkeypatch, tiny):
        monkeypatch.setattr(memory_wall, "load_model", lambda *_: tiny)
        monkeypatch.setattr(memory, "free_memory", lambda device: 0)
        monkeypatch.setattr(memory_wall, "run_method", lambda *_: pytest.fail("tried"))
        wall = run(lab.widgets.MemoryWall([30, 5]))
        assert {taken for sizes in wall.measured.values() for taken in sizes.values()} == {None}

    @pytest.mark.long
    def test_a_model_that_does_not_fit_is_refused_in_words(self, monkeypatch):
        def refuse(*_):
            raise ModelUnavailableError("llama-2-13b needs 26 GB")

        monkeypatch.setattr(memory_wall, "load_model", refuse)
        wall = run(lab.widgets.MemoryWall())
        assert "needs 26 GB" in wall.words.value


class TestGenerationRace:
    @pytest.fixture
    def race(self, tiny):
        return lab.widgets.GenerationRace(["one prompt", "two", "and three"], *tiny, max_new_tokens=5)

    def test_every_runner_says_what_generate_says(self, race, tiny):
        race.runners.value = [*RUNNERS]
        run(race)
        assert "Done." in race.words.value
        prompts = lab.tokenize(tiny[1], ["one prompt", "two", "and three"])
        expected = [*lab.generate(tiny[0], prompts, method="one_by_one", max_new_tokens=5)]
        assert race.tokens == {runner: expected for runner in RUNNERS}
        assert "all said the same, token for token" in race.status.value
        for seconds in race.seconds.values():
            assert len(seconds) == sum(map(len, expected)) and seconds == sorted(seconds)

    def test_what_differs_is_marked(self, race):
        run(race)
        race.tokens["prepacked"] = [[1], [2], [3]]
        race.refresh()
        assert "prepacked said something else" in race.status.value
        assert race.lanes.value.count("≠") == 3
        assert race.lanes.value.count("= ") >= 6

    def test_words_stream_while_a_runner_runs(self, race):
        race.tokens = {"one_by_one": [[65], [66], []]}
        race.refresh()
        assert race.lanes.value.count("…") == 3
        assert "one_by_one goes first" in race.status.value

    def test_it_needs_a_prompt(self, race):
        race.text.value = ""
        assert "Write at least one prompt" in race.status.value
        run(race)
        assert "Write at least one prompt" in race.words.value

    @pytest.mark.long
    def test_no_answer_stays_below_prompts_that_are_gone(self, race):
        run(race)
        assert race.lanes.value
        race.text.value = ""
        assert race.lanes.value == ""

    def test_a_model_needs_its_tokenizer(self, tiny):
        with pytest.raises(ValueError, match="belong together"):
            lab.widgets.GenerationRace(model=tiny[0])

    @pytest.mark.long
    def test_prompts_are_shown_as_text(self, tiny):
        race = run(lab.widgets.GenerationRace(["<b>bold</b>"], *tiny, max_new_tokens=2))
        assert "&lt;b&gt;bold&lt;/b&gt;" in race.lanes.value and "<b>bold" not in race.lanes.value
