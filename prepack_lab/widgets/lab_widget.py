"""What all widgets share: controls, a figure, the same in words and as a table, and errors shown in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from threading import Lock

import ipywidgets as ipw
import plotly.graph_objects as go

from prepack_lab.figures.style import CONFIG, LabFigure, folded
from prepack_lab.widgets.fit_page import FitPage


class LabWidget(ipw.VBox):
    """Controls above a figure above a status line, which a screen reader speaks when it changes, above a table.

    A subclass says what to draw, given its controls. Callbacks may come on another thread, two at a time, and an
    exception in one reaches no cell: `refresh` lets one at a time draw, and shows what went wrong.

    Args:
        controls: in the order of the tab key. A new value of one draws anew; what a button does, a subclass says.
        quiet: those among them that only move another.
        shown: what stands above the figure, where that is not simply the controls, one after another.
    """

    def __init__(
        self,
        controls: Sequence[ipw.Widget],
        quiet: Sequence[ipw.Widget] = (),
        shown: Sequence[ipw.Widget] | None = None,
    ) -> None:
        self.figure = go.FigureWidget()
        self.figure._config = CONFIG
        self.status, self.twin = ipw.HTML(), ipw.HTML()
        self._drawing = Lock()
        bar = ipw.HBox(
            controls if shown is None else shown, layout=ipw.Layout(flex_flow="row wrap", align_items="center")
        )
        super().__init__([FitPage(), bar, self.figure, self.status, self.twin])
        for control in controls:
            if "value" in control.traits() and control not in quiet:
                control.observe(lambda _: self.refresh(), names="value")
        self.refresh()

    def compose(self) -> tuple[LabFigure, str]:
        """What the controls ask for: a figure, and a sentence that says what it shows."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Draw, and say the same in words; where that fails, say what went wrong."""
        with self._drawing:
            try:
                figure, said = self.compose()
                self._show(figure)
            except Exception as error:
                self._refuse(error)
            else:
                self._say(escape(said))

    def attempt(self, what: Callable[[], object]) -> None:
        """Do something that a control asks for, and draw; where it fails, say what went wrong."""
        try:
            what()
        except Exception as error:
            with self._drawing:
                self._refuse(error)
        else:
            self.refresh()

    def _refuse(self, error: Exception) -> None:
        self._show(LabFigure())  # nothing stale beside the words
        self._say(f"<b>This can't be drawn.</b> {escape(in_words(error))}")

    def _say(self, html: str) -> None:
        self.status.value = f"<div role='status' class='prepack-lab-status'>{html}</div>"

    def _show(self, figure: LabFigure) -> None:
        """Bring the drawn figure up to date: traces of the same kinds are changed in place, others replaced."""
        drawn = self.figure
        with drawn.batch_update():
            if [trace.type for trace in drawn.data] == [trace.type for trace in figure.data]:
                for old, new in zip(drawn.data, figure.data, strict=True):
                    old.update(new.to_plotly_json(), overwrite=True)
            else:
                drawn.data = ()
                drawn.add_traces(figure.data)
            drawn.layout.update({"annotations": [], "shapes": [], **figure.layout.to_plotly_json()}, overwrite=True)
        self.twin.value = "" if figure.twin is None else folded(figure.twin)


def in_words(error: Exception) -> str:
    """What went wrong; a ValueError says it in a sentence, others by their kind too."""
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
