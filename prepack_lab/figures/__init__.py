"""Figures: pure functions, data → plotly Figure, one idea a file."""

from prepack_lab.figures.rows import draw_rows
from prepack_lab.figures.style import LabFigure, prompt_colour

__all__ = ["LabFigure", "draw_rows", "prompt_colour"]
