"""What all widgets share: controls, a figure, the same in words and as a table, and errors shown in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from threading import Lock

import ipywidgets as ipw
from IPython.display import HTML, display

from prepack_lab.figures.static_html import static_html
from prepack_lab.figures.style import LabFigure, folded
from prepack_lab.widgets.figure_view import FigureView
from prepack_lab.widgets.fit_page import FitPage

WITHOUT_KERNEL = """<style>
.prepack-lab-gone { display: none; }
.jp-OutputArea-output.jupyter-widgets:not(:has(*)) { visibility: hidden; height: 0; overflow: hidden; }
.jp-OutputArea:has(.jp-OutputArea-output.jupyter-widgets):not(:has(.jupyter-widgets > *)) .prepack-lab-gone {
    display: block;
}
</style><p class="prepack-lab-gone">This widget lives as long as its kernel. Run this cell to bring it back.</p>"""
"""Stands below each widget, unseen, until a saved notebook is opened again: then instead of "model not found"."""

SPOKEN = "prepack-lab-spoken"
"""Class of the lines that a screen reader speaks when they change; `FitPage` sees to it."""


class WholeWidget(ipw.VBox):
    """Widgets that are closed together: ipywidgets would keep the parts, and what their callbacks hold, as a model."""

    def close(self) -> None:
        """Take the widget off the page with all its parts, so that whatever it held can leave the memory."""
        if self.comm is not None:
            for part in [*_parts(self)]:
                part.close()
        super().close()


def _parts(widget: ipw.Widget) -> Iterator[ipw.Widget]:
    """The widgets that a widget is made of, and those that these are made of: children, layouts, styles, links."""
    for held in (*widget.trait_values().values(), *vars(widget).values()):
        for part in held if isinstance(held, tuple | list) else (held,):
            if isinstance(part, ipw.Widget):
                yield from _parts(part)
                yield part


class LabWidget(WholeWidget):
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
        self.figure = FigureView()
        self.status, self.twin = ipw.HTML(), ipw.HTML()
        self.status.add_class(SPOKEN)
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
        self.status.value = f"<div class='prepack-lab-status'>{html}</div>"

    def _show(self, figure: LabFigure) -> None:
        self.figure.show_figure(figure)
        self.twin.value = "" if figure.twin is None else folded(figure.twin)

    def _ipython_display_(self) -> None:
        display_widget(self, f"{static_html(self.figure)}{self.status.value}{self.twin.value}")


def display_widget(widget: ipw.Widget, static: str) -> None:
    """Show a widget; where the notebook is exported, HTML; where its kernel is gone, what to do about it."""
    display({**widget._repr_mimebundle_(), "text/html": static}, raw=True)
    display(HTML(WITHOUT_KERNEL))


def in_words(error: Exception) -> str:
    """What went wrong; a ValueError says it in a sentence, others by their kind too."""
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
