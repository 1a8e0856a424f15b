"""What is drawn can be seen on a white page and on a dark one, and what is written can be read."""

import re

import plotly.graph_objects as go
import pytest

from prepack_lab import doctor
from prepack_lab.course.exercises.checking import Verdict
from prepack_lab.figures.contrast import contrast, ink_on, is_pale, keep_in_sight, parting_line
from prepack_lab.figures.style import LOOKS, OKABE_ITO, TEXT
from tests.figures.test_every_figure import FULL

WHITE, DARK = "#ffffff", "#111111"  # JupyterLab's light and dark pages
MARK, WORDS = 3, 4.5  # what WCAG 2 asks for


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert contrast("#0a0a0a", "#000000") == pytest.approx((10 / 255 / 12.92 + 0.05) / 0.05), "the dark end is linear"
    assert contrast("#ffffff", "#777777") == contrast("#777777", "#ffffff")


@pytest.mark.parametrize("colour", OKABE_ITO)
def test_a_colour_can_be_seen_on_both_pages_or_has_an_outline_that_can(colour):
    assert contrast(colour, DARK) > MARK
    assert contrast(colour, WHITE) > MARK or is_pale(colour)
    assert contrast(parting_line(colour), colour) > MARK or contrast(parting_line(colour), WHITE) > MARK


def test_few_colours_are_pale_and_the_outline_is_not():
    assert {colour for colour in OKABE_ITO if is_pale(colour)} == {"#E69F00", "#56B4E9", "#F0E442"}
    assert contrast(TEXT, WHITE) > MARK < contrast(TEXT, DARK)


@pytest.mark.parametrize("colour", OKABE_ITO)
def test_a_number_on_a_bar_can_be_read(colour):
    assert contrast(ink_on(colour), colour) > WORDS


def each(value, count):
    """One value for each mark, whether the figure says it once or for each."""
    return [value] * count if value is None or isinstance(value, str | int | float) else [*value]


@pytest.mark.parametrize(("name", "draw"), FULL.items())
def test_pale_marks_of_a_figure_have_outlines_and_its_bars_can_be_read(name, draw):
    for trace in draw().data:
        if trace.type not in ("bar", "scatter") or (trace.type == "scatter" and "markers" not in (trace.mode or "")):
            continue
        colour = trace.line.color if trace.type == "scatter" and trace.marker.color is None else trace.marker.color
        count = len(trace.x)
        outlines = zip(
            each(colour, count), each(trace.marker.line.color, count), each(trace.marker.line.width, count), strict=True
        )
        shown = each(getattr(trace.marker, "size", None), count)
        for (fill, line, width), size in zip(outlines, shown, strict=True):
            if fill and is_pale(fill) and size != 0:
                assert width and contrast(line, WHITE) > MARK and contrast(line, DARK) > MARK, trace.name
        if trace.type == "bar" and trace.textposition == "inside":
            for fill, ink in zip(each(colour, count), each(trace.insidetextfont.color, count), strict=True):
                assert not fill.startswith("#") or contrast(ink.replace("white", WHITE), fill) > WORDS


def test_what_a_figure_says_itself_stays_and_numbers_are_left_alone():
    figure = go.Figure()
    figure.add_bar(x=[1, 2], text=["a", "b"], textposition="inside", marker={"color": [0.1, 0.2]})
    figure.add_bar(x=[1], marker={"color": "#F0E442", "line": {"width": 0}})
    figure.add_scatter(x=[1, 2], line={"color": "#F0E442"}, marker={"size": [0, 9]})
    figure.add_scatter(x=[1])
    keep_in_sight(figure)
    numbers, flat, curve, plain = figure.data
    assert numbers.insidetextfont.color is None and numbers.marker.line.width is None
    assert flat.marker.line.width == 0
    assert [*curve.marker.line.width] == [0, 1] and curve.marker.line.color == TEXT
    assert plain.marker.line.width is None


def test_no_text_of_a_figure_is_in_a_colour_of_the_palette():
    for draw in FULL.values():
        layout = draw().to_plotly_json()
        inks = re.findall(r"'(?:textfont|font)': {[^{}]*'color': '(#\w+)'", str(layout))
        assert not {*inks} & {*OKABE_ITO}


def test_the_same_colour_in_words_is_a_mark_only():
    for colour in doctor.COLOURS.values():
        assert contrast(colour, WHITE) > MARK < contrast(colour, DARK)
    html = Verdict("01-waste", True, "all right", 3)._repr_html_()
    assert not re.search(r"[^-]color:", html), "the words keep the page's ink"


def test_methods_of_one_colour_differ_in_dash_or_symbol():
    for one in LOOKS.values():
        alike = [other for other in LOOKS.values() if other.colour == one.colour]
        assert len({(other.symbol, other.dash) for other in alike}) == len(alike)
