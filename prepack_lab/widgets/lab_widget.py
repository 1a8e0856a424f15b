"""What all widgets share: controls, a figure, a sentence that says the same, and errors shown in words."""

from __future__ import annotations

from html import escape
from threading import Lock

import ipywidgets as ipw
import plotly.graph_objects as go

from prepack_lab.figures.style import CONFIG
from prepack_lab.widgets.fit_page import FitPage


class LabWidget(ipw.VBox):
    """Controls above a figure above a status line, which a screen reader speaks when it changes.

    A subclass says how to redraw. Callbacks may come on another thread, two at a time, and an exception in one
    reaches no cell: `refresh` lets one at a time redraw, and shows what went wrong.
    """

    def __init__(self, controls: list[ipw.Widget], figure: go.Figure) -> None:
        self.figure = go.FigureWidget(figure)
        self.figure._config = CONFIG
        self.status = ipw.HTML()
        self._drawing = Lock()
        bar = ipw.HBox(controls, layout=ipw.Layout(flex_flow="row wrap", align_items="center"))
        super().__init__([FitPage(), bar, self.figure, self.status])
        for control in controls:
            if isinstance(control, ipw.Button):
                control.on_click(lambda _: self.refresh())
            else:
                control.observe(lambda _: self.refresh(), names="value")
        self.refresh()

    def redraw(self) -> str:
        """Bring the figure up to date with the controls, and return a sentence that says what it shows."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Redraw, and show the sentence; where that fails, show what went wrong."""
        with self._drawing:
            try:
                said = escape(self.redraw())
            except Exception as error:
                said = f"<b>This can't be drawn.</b> {escape(f'{type(error).__name__}: {error}')}"
        self.status.value = f"<div role='status' class='prepack-lab-status'>{said}</div>"
