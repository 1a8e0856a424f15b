"""What can be told apart on a white page and on a dark one: contrast as WCAG 2 counts it, and marks that keep it.

WCAG asks for 4.5 between text and its ground, and for 3 between a mark and the page. Three colours of the palette are
pale on white: yellow has 1.3 there, orange 2.3, sky blue 2.3. Marks in these colours have a grey outline, which can
be seen on any page. And no mark is known by its colour alone: bars carry a number, symbols differ in shape, lines lead
through symbols.
"""

from __future__ import annotations

import plotly.graph_objects as go
from plotly.basedatatypes import BasePlotlyType

TEXT = "#7a7a7a"
"""A grey that can be read on any page: a contrast of 4.3 on white and 4.4 on JupyterLab's dark page."""


def contrast(one: str, other: str) -> float:
    """From 1, the same, to 21, black on white. Colours as "#rrggbb"."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    """From 0 to 1, as WCAG 2 defines it for sRGB."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ink_on(colour: str) -> str:
    """Black or white, whichever is easier to read on a colour; grey on one that the page shows through."""
    if not colour.startswith("#"):
        return TEXT
    return max("#000000", "#ffffff", key=lambda ink: contrast(ink, colour))


def is_pale(colour: str) -> bool:
    """Whether a colour is hard to see on a white page."""
    return colour.startswith("#") and contrast(colour, "#ffffff") < 3


def parting_line(colour: str) -> str:
    """The colour of a line between bars that touch: white, and grey beside a colour that white would run into."""
    return TEXT if is_pale(colour) else "#ffffff"


def keep_in_sight(figure: go.Figure) -> None:
    """Outline bars and symbols in pale colours, and write in bars with an ink that can be read.

    What a figure itself says about outlines and inks stays.
    """
    for trace in figure.select_traces(lambda trace: trace.type in ("bar", "scatter")):
        colours = _colours(trace)
        if trace.marker.line.width is None and any(map(is_pale, colours)):
            widths = [float(is_pale(one)) for one in colours]
            trace.marker.line = {"width": widths if len(widths) > 1 else _where_drawn(trace), "color": TEXT}
        if trace.type == "bar" and trace.textposition == "inside" and trace.insidetextfont.color is None:
            inks = [*map(ink_on, colours)]
            trace.insidetextfont.color = inks[0] if len(inks) == 1 else inks or None


def _colours(trace: BasePlotlyType) -> list[str]:
    """The colour of all marks of a trace, or of each; none where plotly chooses, or computes them from numbers."""
    curve = trace.type == "scatter" and trace.marker.color is None
    colour = trace.line.color if curve else trace.marker.color
    colours = [colour] if isinstance(colour, str) else [*(() if colour is None else colour)]
    return colours if all(isinstance(one, str) for one in colours) else []


def _where_drawn(trace: BasePlotlyType) -> float | list[float]:
    """An outline for the symbols of a curve; none for those of size 0, which are not to be seen."""
    size = getattr(trace.marker, "size", None)
    return 1.0 if size is None or isinstance(size, int | float) else [float(one > 0) for one in size]
