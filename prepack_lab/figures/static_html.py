"""Figures as plain HTML: what a notebook shows where it was exported, without Jupyter and without internet.

plotly.js is 4.8 MB. It travels compressed, inside the first output that needs it, and serves all others on the page.
"""

from __future__ import annotations

import gzip
import json
import sys
from base64 import b64encode
from functools import cache
from html import escape
from uuid import uuid4

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,  # a button that would upload the reader's figure
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}
"""How plotly's figures behave, in a notebook and on a page."""

_UNPACK = """<script>
window.prepackLabPlotly = (async () => {
    const packed = Uint8Array.from(atob("%s"), letter => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.text = await new Response(stream).text();
    document.head.append(script);
    return window.Plotly;
})();
</script>"""

_DRAW = """<div id="%(id)s" role="img" aria-label="%(reading)s" style="height:%(height)dpx"></div><script>
(async () => {
    const place = document.getElementById("%(id)s"), figure = %(figure)s;
    if (document.readyState === "loading") await new Promise(done => addEventListener("DOMContentLoaded", done));
    const plotly = await window.prepackLabPlotly;
    window.fitWords?.(figure, place.clientWidth);  // on the site, whose pages are read on phones, too
    place.style.height = `${figure.layout.height ?? 450}px`;
    if (plotly) plotly.newPlot(place, figure.data, figure.layout, %(config)s);
    else place.textContent = "To see this figure: restart the kernel, run all cells, and export the notebook again.";
})();
</script>"""

_carrier: tuple[str | None, str | None] | None = None
"""The cell whose output holds plotly.js, and the run that put it there."""


def static_html(figure: go.Figure) -> str:
    """A figure as HTML and a script; the first one of a notebook brings plotly.js along."""
    html = _DRAW % {
        "id": f"figure-{uuid4()}",
        "reading": escape(figure.layout.title.text or "figure"),
        "height": figure.layout.height or 450,
        "figure": figure.to_json().replace("</", "<\\/"),
        "config": json.dumps(CONFIG),
    }
    return _library() + html if _is_carrier(*_running_cell()) else html


def without_library(html: str) -> str:
    """A page whose figures wait for a plotly.js from elsewhere: the page sets `prepackLabPlotly` to its promise."""
    return html.replace(_library(), "")


def _is_carrier(cell: str | None, run: str | None) -> bool:
    """Once a notebook; and again where the cell that holds it is run again, which throws its output away."""
    global _carrier
    replaced = _carrier is not None and cell is not None and _carrier[0] == cell and _carrier[1] != run
    if _carrier is None or replaced:
        _carrier = cell, run
        return True
    return False


def _running_cell() -> tuple[str | None, str | None]:
    """The id of the cell that is being run, where the page names it, and of this run."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    parent: dict[str, dict[str, str]] = getattr(shell, "get_parent", dict)() or {}
    return parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id")


@cache
def _library() -> str:
    return _UNPACK % b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()
