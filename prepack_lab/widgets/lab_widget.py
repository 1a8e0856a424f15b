"""What all widgets share: controls, a figure, the same in words and as a table, errors in words, and closing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from sys import is_finalizing
from threading import Lock

import ipywidgets as ipw
from IPython.display import HTML, display

from prepack_lab.figures.static_html import static_html
from prepack_lab.figures.style import LabFigure, folded
from prepack_lab.widgets.figure_view import FigureView
from prepack_lab.widgets.fit_page import FitPage
from prepack_lab.widgets.recorded import Move, record, wanted

WITHOUT_KERNEL = """<style>
.prepack-lab-gone { display: none; }
.jp-OutputArea-output.jupyter-widgets:not(:has(*)) { visibility: hidden; height: 0; overflow: hidden; }
.jp-OutputArea:has(.jp-OutputArea-output.jupyter-widgets):not(:has(.jupyter-widgets > *)) .prepack-lab-gone {
    display: block;
}
</style><p class="prepack-lab-gone">This widget lives as long as its kernel. Run this cell to bring it back.</p>"""
"""Hidden below each widget until a saved notebook is opened again; then it takes the place of "model not found"."""

SPOKEN = "prepack-lab-spoken"
"""Class of the lines that a screen reader speaks when they change; `FitPage` makes that happen."""


class Spoken(ipw.HTML):
    """A line that a screen reader speaks when it changes.

    Args:
        kind: of line, a part of its class on the page.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.add_class(SPOKEN)

    def say(self, html: str) -> None:
        """Change the line."""
        self.value = f"<div class='prepack-lab-{self.kind}'>{html}</div>"


class WholeWidget(ipw.VBox):
    """Widgets that are closed together: ipywidgets keeps open ones, and what their callbacks hold, such as models."""

    def close(self) -> None:
        """Take the widget off the page with all its parts, so that what it held can leave the memory."""
        if self.comm is not None and not is_finalizing():  # at the end of Python, nothing is left to be closed with
            for part in [*_parts(self)]:
                part.close()
        super().close()


def _parts(widget: ipw.Widget) -> Iterator[ipw.Widget]:
    """All that a widget is made of, whatever the depth: children, layouts, styles, links."""
    for held in (*widget.trait_values().values(), *vars(widget).values()):
        for part in held if isinstance(held, tuple | list) else (held,):
            if isinstance(part, ipw.Widget):
                yield from _parts(part)
                yield part


class LabWidget(WholeWidget):
    """Controls above a figure above a status line, which a screen reader speaks when it changes, above a table.

    A subclass says what to draw, given its controls. Callbacks may come from several threads at the same time, and
    their exceptions reach no cell: `refresh` draws for a single thread at a time, and shows what went wrong.

    Args:
        controls: in the order of the tab key. A new value draws the figure again; a subclass says what a button does.
        quiet: controls whose values draw nothing, because they only move another control.
        shown: what stands above the figure; by default the controls, side by side.
    """

    def __init__(
        self,
        controls: Sequence[ipw.Widget],
        quiet: Sequence[ipw.Widget] = (),
        shown: Sequence[ipw.Widget] | None = None,
    ) -> None:
        self.figure = FigureView()
        self.status, self.twin = Spoken("status"), ipw.HTML()
        self._drawing, self._recording = Lock(), False
        bar = ipw.HBox(
            controls if shown is None else shown, layout=ipw.Layout(flex_flow="row wrap", align_items="center")
        )
        super().__init__([FitPage(), bar, self.figure, self.status, self.twin])
        on_value([control for control in controls if control not in quiet], self.refresh)
        self.refresh()

    def compose(self) -> tuple[LabFigure, str]:
        """The figure that the controls ask for, and a sentence that says what it shows."""
        raise NotImplementedError

    def on_page(self) -> Sequence[Move]:
        """The controls that answer on a page of the site, without Python, and their values there; none by default."""
        return ()

    def refresh(self) -> None:
        """Draw the figure, and say the same in words; where that fails, say what went wrong."""
        if self._recording:
            return
        with self._drawing:
            try:
                figure, said = self.compose()
                self._show(figure)
            except Exception as error:
                self._refuse(error)
            else:
                self.status.say(escape(said))

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
        self.status.say(f"<b>This can't be drawn.</b> {escape(in_words(error))}")

    def _show(self, figure: LabFigure) -> None:
        self.figure.show_figure(figure)
        self.twin.value = "" if figure.twin is None else folded(figure.twin)

    def _ipython_display_(self) -> None:
        display_widget(self, self._static())

    def _static(self) -> str:
        """What an exported page shows; on the site, where controls answer, all states that they reach there."""
        if not (wanted() and self.on_page()):
            return f"{static_html(self.figure)}{self.status.value}{self.twin.value}"
        self._recording = True
        try:
            return record(self)
        finally:
            self._recording = False


def on_value(controls: Sequence[ipw.Widget], call: Callable[[], object]) -> None:
    """Call a function whenever one of the controls has a new value; buttons have none."""
    for control in controls:
        if "value" in control.traits():
            control.observe(lambda _: call(), names="value")


def display_widget(widget: ipw.Widget, static: str) -> None:
    """Show a widget; in an exported notebook, static HTML; in one without its kernel, what to do about that."""
    display({**widget._repr_mimebundle_(), "text/html": static}, raw=True)
    display(HTML(WITHOUT_KERNEL))


def in_words(error: Exception) -> str:
    """What went wrong: the message of a ValueError, which is a sentence; of other errors, their type as well."""
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
