"""A widget on a page without Python: every state that its controls reach there, computed while the page was built.

A page that is built for the site holds these states, and its script `live.js` shows the one that the controls choose.
"""

from __future__ import annotations

import gzip
import json
import os
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import product
from typing import Any, Protocol

import ipywidgets as ipw

from prepack_lab.figures.style import LabFigure, folded

RECORD = "PREPACK_LAB_RECORD_WIDGETS"
"""The environment variable that asks a kernel to show widgets as they are on the site's pages."""


@dataclass(frozen=True)
class Choice:
    """A control of a page: one of a few values is chosen."""

    name: str
    labels: Sequence[str]
    """Of the values, in their order."""
    begin: int = 0
    """The place of the value that is chosen at first."""
    kind: str = "select"
    """What it is drawn as: "range", "select", "checkbox" or "radio"."""
    play: bool = False
    """Whether a button moves it by itself, a value at a time."""

    @property
    def html(self) -> str:
        """The control with its name; `live.js` reads which value is chosen."""
        common = f'class="choice" data-count="{len(self.labels)}"'
        if self.kind == "checkbox":
            ticked = " checked" if self.begin else ""
            return f'<label><input type="checkbox" {common}{ticked}> {escape(self.name)}</label>'
        if self.kind == "select":
            options = "".join(
                f"<option{' selected' if place == self.begin else ''}>{escape(label)}</option>"
                for place, label in enumerate(self.labels)
            )
            return f"<label>{escape(self.name)} <select {common}>{options}</select></label>"
        labels = escape(json.dumps([*self.labels], ensure_ascii=False))
        label = escape(self.labels[self.begin])
        slider = (
            f'<input type="range" {common} min="0" max="{len(self.labels) - 1}" value="{self.begin}" '
            f'data-labels="{labels}" aria-valuetext="{label}">'
        )
        button = '<button type="button" class="play" aria-pressed="false">Play</button>' if self.play else ""
        return f"<label>{escape(self.name)} {slider} <output>{label}</output></label>{button}"


@dataclass(frozen=True)
class Move:
    """Values that a control of a widget takes, one after another, while the widget is recorded."""

    control: ipw.Widget
    values: Sequence[Any]
    """The control's own value is added to them where it is none of them."""
    labels: Sequence[str] | None = None
    name: str | None = None
    play: bool = False

    def choice(self) -> tuple[Choice, list[Any]]:
        """The control on the page, and its values in the order of the labels."""
        control, values = self.control, [*self.values]
        if control.value not in values:
            values = sorted([*values, control.value])
        kind = {ipw.Checkbox: "checkbox", ipw.IntSlider: "range", ipw.FloatSlider: "range"}.get(type(control), "select")
        titles = {option[1]: option[0] for option in getattr(control, "options", ()) if isinstance(option, tuple)}
        labels = self.labels or [
            str(titles.get(value, f"{value:g}" if isinstance(value, float) else value)) for value in values
        ]
        return Choice(self.name or control.description, labels, values.index(control.value), kind, self.play), values


class Recorded(Protocol):
    """A widget that can be recorded."""

    def on_page(self) -> Sequence[Move]: ...

    def compose(self) -> tuple[LabFigure, str]: ...


def wanted() -> bool:
    """Whether this kernel builds a page of the site."""
    return bool(os.environ.get(RECORD))


def record(widget: Recorded) -> str:
    """A widget as HTML that works without Python: its controls, and all states that they choose from.

    The widget must not draw itself meanwhile, and is left as it was.
    """
    moves = widget.on_page()
    choices, values = zip(*(move.choice() for move in moves), strict=True)
    before = [move.control.value for move in moves]
    states, table = [], _Table()
    for chosen in product(*values):
        for move, value in zip(moves, chosen, strict=True):
            move.control.value = value
        states.append(_state(*widget.compose(), table))
    for move, value in zip(moves, before, strict=True):
        move.control.value = value
    figure, said = widget.compose()
    twin = "" if figure.twin is None else folded(figure.twin)
    packed = gzip.compress(json.dumps({"values": table.values, "states": states}).encode(), mtime=0)
    return (
        f'<div class="live" data-painter="figure"><div class="controls">{"".join(one.html for one in choices)}</div>'
        f'<div class="picture" role="img" aria-label="{escape(figure.reading)}" '
        f'style="height:{figure.layout.height or 450}px"></div>'
        f'<p class="words" role="status">{escape(said)}</p><div class="twin">{twin}</div>'
        f'<script type="text/plain" class="states">{b64encode(packed).decode()}</script></div>'
    )


class _Table:
    """Values that many states share, each written once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[str, int] = {}

    def place(self, value: Any) -> int:
        key = json.dumps(value)
        if key not in self._places:
            self._places[key] = len(self.values)
            self.values.append(value)
        return self._places[key]

    def places(self, values: dict[str, Any]) -> dict[str, int]:
        return {name: self.place(value) for name, value in values.items()}


def _state(figure: LabFigure, said: str, table: _Table) -> dict[str, Any]:
    """A figure and its words, with the place of each value in the table."""
    drawn = json.loads(figure.to_json())
    return {
        "data": [table.places(trace) for trace in drawn["data"]],
        "layout": table.places(drawn["layout"]),
        "said": table.place(said),
        "twin": table.place("" if figure.twin is None else folded(figure.twin)),
    }
