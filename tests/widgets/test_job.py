"""Long work in a widget: it runs beside the notebook, stops when it is asked to, and never twice at once."""

from threading import Event

import ipywidgets as ipw
import pytest

from prepack_lab.figures.rows import draw_rows
from prepack_lab.packing import pack
from prepack_lab.widgets import job
from prepack_lab.widgets.job import JobWidget, Progress

PATIENCE = 20


class Counting(JobWidget):
    """Counts to the number in its box; goes on only when the test lets it."""

    def __init__(self):
        self.upto, self.free_choice = ipw.IntText(3, description="Up to"), ipw.IntText(0, description="Free")
        self.found, self.go, self.began, self.starts, self.error = [], Event(), Event(), 0, None
        super().__init__([self.upto], free=[self.free_choice])

    def work(self):
        self.starts += 1
        for number in range(self.upto.value):
            yield Progress(number, self.upto.value, f"<{number}> is next")
            self.began.set()
            assert self.go.wait(PATIENCE)
            if self.error:
                raise self.error
            self.check_stop()
            self.found.append(number)
            yield Progress(number + 1, self.upto.value, f"{number} was found", found=True)

    def forget(self):
        self.found = []

    def compose(self):
        return draw_rows({"some": pack([3, 2])}), f"found {self.found}, free {self.free_choice.value}"


@pytest.fixture(autouse=True)
def no_settling(monkeypatch):
    monkeypatch.setattr(job, "SETTLE_SECONDS", 0)


@pytest.fixture
def counting():
    widget = Counting()
    yield widget
    widget.go.set()
    widget.wait(PATIENCE)


def test_it_runs_draws_what_it_finds_and_says_when_it_is_done(counting):
    counting.run.click()
    assert counting.running and counting.run.disabled and not counting.stop.disabled and counting.upto.disabled
    assert not counting.free_choice.disabled
    counting.go.set()
    counting.wait(PATIENCE)
    assert not counting.running and not counting.run.disabled and counting.stop.disabled and not counting.upto.disabled
    assert "Done." in counting.words.value
    assert "found [0, 1, 2]" in counting.status.value
    assert (counting.bar.value, counting.bar.max) == (3, 3)


def test_it_never_starts_twice(counting):
    for _ in range(3):
        counting.run.click()
        counting.start()
    counting.go.set()
    counting.wait(PATIENCE)
    assert counting.starts == 1
    counting.start()
    counting.wait(PATIENCE)
    assert counting.starts == 2, "when it is done, it can start again"


def test_stop_ends_it_and_what_was_found_stays(counting):
    counting.run.click()
    assert counting.began.wait(PATIENCE)
    counting.found = [17]
    counting.stop.click()
    counting.go.set()
    counting.wait(PATIENCE)
    assert counting.found == [17]
    assert "Stopped; what was found so far stays." in counting.words.value
    assert "found [17]" in counting.status.value


def test_a_stop_of_before_does_not_stop_the_next_run(counting):
    counting.stop.click()
    counting.go.set()
    counting.start()
    counting.wait(PATIENCE)
    assert counting.found == [0, 1, 2]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("prompt 3 is <empty>"), "prompt 3 is &lt;empty&gt;"),
        (RuntimeError("no room"), "RuntimeError: no room"),
    ],
)
def test_an_error_is_shown_in_words_and_the_widget_can_be_used_again(counting, error, words):
    counting.error = error
    counting.go.set()
    counting.start()
    counting.wait(PATIENCE)
    assert "It could not go on." in counting.words.value and words in counting.words.value
    counting.error = None
    counting.start()
    counting.wait(PATIENCE)
    assert counting.found == [0, 1, 2]


def test_a_control_that_moves_makes_it_forget_and_a_free_one_does_not(counting):
    counting.found = [5]
    counting.free_choice.value = 9
    assert "found [5], free 9" in counting.status.value
    counting.upto.value = 4
    assert "found [], free 9" in counting.status.value


def test_progress_is_told_without_markup(counting):
    counting.start()
    assert counting.began.wait(PATIENCE)
    assert "&lt;0&gt; is next" in counting.words.value


@pytest.fixture
def other():
    widget = Counting()
    yield widget
    widget.go.set()
    widget.wait(PATIENCE)


@pytest.mark.long
def test_one_widget_at_a_time_works_and_the_last_that_was_started_goes_on(counting, other):
    counting.start()
    assert counting.began.wait(PATIENCE)
    other.go.set()
    other.start()
    assert not other.began.wait(0.2), "the first is still in the middle of a piece"
    assert "Waiting until the widget that is working has stopped" in other.words.value
    counting.go.set()
    other.wait(PATIENCE)
    counting.wait(PATIENCE)
    assert "Stopped" in counting.words.value and counting.found == []
    assert "Done." in other.words.value and other.found == [0, 1, 2]


def test_a_widget_that_is_closed_works_no_more(counting):
    counting.start()
    assert counting.began.wait(PATIENCE)
    counting.close()
    counting.go.set()
    counting.wait(PATIENCE)
    assert counting.found == []
