"""Tables of the lessons, one idea a file: what a figure would not say better."""

from prepack_lab.course.reports.answers import continuations_table
from prepack_lab.course.reports.seconds import batch_cost_table, times_table

__all__ = [
    "batch_cost_table",
    "continuations_table",
    "times_table",
]
