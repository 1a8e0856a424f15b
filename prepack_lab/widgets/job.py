"""Long work beside a notebook: it runs in a thread, can be stopped, never starts twice, and its errors are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from threading import Event, Lock, Thread
from time import sleep
from weakref import WeakSet

import ipywidgets as ipw

from prepack_lab.widgets.lab_widget import SPOKEN, LabWidget, in_words

SETTLE_SECONDS = 0.5
"""After something was drawn, so that the page has drawn it too before the next stretch is measured."""


@dataclass(frozen=True)
class Progress:
    """How far some work has come, told between its pieces, where it may be stopped."""

    done: int
    total: int
    words: str
    found: bool = False
    """Whether there is something new to draw."""


_one_at_a_time = Lock()
_begun: WeakSet[JobWidget] = WeakSet()
"""The widgets in this kernel that are working, or about to."""


class Stopped(Exception):
    """Stop was pressed while a piece of work was going on that can be given up."""


class JobWidget(LabWidget):
    """A widget with Run, Stop and a progress bar. A subclass says what to do, and what to draw of it so far.

    In a kernel one job runs at a time, or they would spoil each other's timings: Run ends what another widget is
    doing, also one whose cell was run again, so that its Stop is on the page no more.

    Args:
        controls: they are locked while the work runs, and what was found is forgotten when one is moved.
        free: further controls that change what is shown of it, and nothing that was found.
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
        self.words = ipw.HTML()
        self.words.add_class(SPOKEN)
        self._inputs, self._stopping, self._starting = controls, Event(), Lock()
        self._thread: Thread | None = None
        for control in controls:
            if "value" in control.traits():
                control.observe(lambda _: self.forget(), names="value")
        self.run.on_click(lambda _: self.start())
        self.stop.on_click(lambda _: self._stopping.set())
        job = [self.run, self.stop, self.bar, self.words]
        above = [*controls, *free] if shown is None else shown
        together = ipw.HBox(job, layout=ipw.Layout(width="100%", align_items="center"))
        super().__init__([*controls, *free, *job], quiet=job, shown=[*above, together])

    def work(self) -> Iterator[Progress]:
        """Do the work in pieces, and tell the progress between them. What is found is kept for `compose`."""
        raise NotImplementedError

    def forget(self) -> None:
        """Drop what was found: a control was moved, and it belongs to other settings."""

    @property
    def running(self) -> bool:
        """Whether work is going on."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the work, if none is going on."""
        with self._starting:
            if self.running:
                return
            others = [*_begun]
            for other in others:
                other._stopping.set()
            _begun.add(self)
            self._stopping.clear()
            if others:
                self._tell(Progress(0, 1, "Waiting until the widget that is working has stopped …"))
            self._lock_controls(True)
            self._thread = Thread(target=self._work, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Take the widget off the page, and end its work."""
        if hasattr(self, "_stopping"):  # one that was refused its arguments is closed, too
            self._stopping.set()
        super().close()

    def wait(self, seconds: float | None = None) -> None:
        """Until the work is done: for scripts and tests."""
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
        self.words.value = f"<span class='prepack-lab-progress'>{said}</span>"
        self.refresh()

    def _go_through(self) -> None:
        self.check_stop()
        for progress in self.work():
            self._tell(progress)
            self.check_stop()
            if progress.found:
                self.refresh()
                sleep(SETTLE_SECONDS)

    def check_stop(self) -> None:
        """Give up where Stop was pressed; long pieces of work call this from inside.

        Raises:
            Stopped: it was.
        """
        if self._stopping.is_set():
            raise Stopped

    def _tell(self, progress: Progress) -> None:
        self.bar.max, self.bar.value = progress.total, progress.done
        self.words.value = f"<span class='prepack-lab-progress'>{escape(progress.words)}</span>"

    def _lock_controls(self, running: bool) -> None:
        for control in self._inputs:
            control.disabled = running
        self.run.disabled, self.stop.disabled = running, not running
