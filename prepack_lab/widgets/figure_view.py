"""The figure inside a widget: updated in place, and still up to date on a page that is loaded again."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import plotly.graph_objects as go

from prepack_lab.figures.style import CONFIG, TEMPLATE, LabFigure


class FigureView(go.FigureWidget):
    """A widget's figure on the page."""

    def __init__(self) -> None:
        super().__init__(layout={"template": TEMPLATE})
        self._config = CONFIG

    def show_figure(self, figure: LabFigure) -> None:
        """Show this figure: traces of the same types are changed in place, others replaced."""
        with self.batch_update():
            shown: tuple[Any, ...] = self.data  # type: ignore[has-type]
            if [trace.type for trace in shown] == [trace.type for trace in figure.data]:
                for old, new in zip(shown, figure.data, strict=True):
                    old.update(new.to_plotly_json(), overwrite=True)
            else:
                self.data = ()
                self.add_traces(figure.data)
            self.layout.update({"annotations": [], "shapes": [], **figure.layout.to_plotly_json()}, overwrite=True)

    def get_state(self, key: str | Iterable[str] | None = None, drop_defaults: bool = False) -> dict[str, Any]:
        """The state for a page that is loaded; plotly would send the figure as it was at first."""
        if key is None and self.comm is not None:
            self._widget_data, self._widget_layout = deepcopy(self._data), deepcopy(self._layout)
        return super().get_state(key, drop_defaults)
