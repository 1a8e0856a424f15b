"""Long work beside a notebook: it runs in a thread, can be stopped, never runs twice at once, and shows its errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from threading import Event, Lock, Thread
from time import sleep
from weakref import WeakSet

import ipywidgets as ipw

from prepack_lab.widgets.lab_widget import LabWidget, Spoken, in_words, on_value

SETTLE_SECONDS = 0.5
"""After something was drawn, so that the page has drawn it too before the next piece is measured."""


@dataclass(frozen=True)
class Progress:
    """How far some work has come, reported between its pieces, where it may be stopped."""

    done: int
    total: int
    words: str
    found: bool = False
    """Whether there is a new result to draw."""


_one_at_a_time = Lock()
_begun: WeakSet[JobWidget] = WeakSet()
"""The widgets in this kernel that are working, or are about to."""


class Stopped(Exception):
    """Stop was pressed; the work is given up."""


class JobWidget(LabWidget):
    """A widget with Run, Stop and a progress bar. A subclass says what to do, and what to draw so far.

    A kernel runs a single job at a time, because jobs would spoil each other's timings: Run stops what any other
    widget is doing, even a widget whose cell was run again, so that its own Stop is no longer on the page.

    Args:
        controls: locked while the work runs; what was found is forgotten when any of them is moved.
        free: further controls, which change what is shown and leave what was found.
        shown: as for `LabWidget`, without Run and Stop.
    """

    def __init__(
        self,
        controls: Sequence[ipw.Widget],
        free: Sequence[ipw.Widget] = (),
        shown: Sequence[ipw.Widget] | None = None,
    ) -> None:
        self.run = ipw.Button(description="Run", icon="play", button_style="primary", tooltip="Start measuring")
        self.stop = ipw.Button(description="Stop", icon="stop", disabled=True, tooltip="Stop after this piece")
        self.bar = ipw.IntProgress(0, 0, 1, layout=ipw.Layout(width="240px"))
        self.words = Spoken("progress")
        self._inputs, self._stopping, self._starting = controls, Event(), Lock()
        self._thread: Thread | None = None
        on_value(controls, self.forget)
        self.run.on_click(lambda _: self.start())
        self.stop.on_click(lambda _: self._stopping.set())
        job = [self.run, self.stop, self.bar, self.words]
        above = [*controls, *free] if shown is None else shown
        together = ipw.HBox(job, layout=ipw.Layout(width="100%", align_items="center"))
        super().__init__([*controls, *free, *job], quiet=job, shown=[*above, together])

    def work(self) -> Iterator[Progress]:
        """Do the work in pieces, and yield the progress between them. What is found is kept for `compose`."""
        raise NotImplementedError

    def forget(self) -> None:
        """Drop what was found: a control was moved, and the results belong to other settings."""

    @property
    def running(self) -> bool:
        """Whether work is going on."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the work, unless it is going on already."""
        with self._starting:
            if self.running:
                return
            others = [*_begun]
            for other in others:
                other._stopping.set()
            _begun.add(self)
            self._stopping.clear()
            if others:
                self._report(Progress(0, 1, "Waiting until the widget that is working has stopped …"))
            self._lock_controls(True)
            self._thread = Thread(target=self._work, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Take the widget off the page, and end its work."""
        if hasattr(self, "_stopping"):  # a widget that refused its arguments is closed, too
            self._stopping.set()
        super().close()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the work is done: for scripts and tests."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _work(self) -> None:
        said = "Done."
        try:
            with _one_at_a_time:
                self._go_through()
        except Stopped:
            said = "Stopped; what was found so far stays."
        except Exception as error:
            said = f"<b>It could not go on.</b> {escape(in_words(error))}"
        _begun.discard(self)
        self._lock_controls(False)
        self.words.say(said)
        self.refresh()

    def _go_through(self) -> None:
        self.check_stop()
        for progress in self.work():
            self._report(progress)
            self.check_stop()
            if progress.found:
                self.refresh()
                sleep(SETTLE_SECONDS)

    def check_stop(self) -> None:
        """Give up where Stop was pressed; long pieces of work call this from inside.

        Raises:
            Stopped: Stop was pressed.
        """
        if self._stopping.is_set():
            raise Stopped

    def _report(self, progress: Progress) -> None:
        self.bar.max, self.bar.value = progress.total, progress.done
        self.words.say(escape(progress.words))

    def _lock_controls(self, running: bool) -> None:
        for control in self._inputs:
            control.disabled = running
        self.run.disabled, self.stop.disabled = running, not running
