"""Tables of the lessons, one idea a file: what a figure would not say better."""

from prepack_lab.course.reports.answers import continuations_table
from prepack_lab.course.reports.attention_ways import attention_table
from prepack_lab.course.reports.cache_slots import cache_slots_table
from prepack_lab.course.reports.ideas import ideas_table
from prepack_lab.course.reports.miniatures import chunks_table, sharing_table
from prepack_lab.course.reports.predicting import counted_table, lines_table, predicted_table, rates_table
from prepack_lab.course.reports.recorded_predictions import recorded_predictions_table
from prepack_lab.course.reports.seconds import batch_cost_table, times_table
from prepack_lab.course.reports.servers import offline_table, waits_table
from prepack_lab.course.reports.traces import traces_table

__all__ = [
    "attention_table",
    "batch_cost_table",
    "cache_slots_table",
    "chunks_table",
    "continuations_table",
    "counted_table",
    "ideas_table",
    "lines_table",
    "offline_table",
    "predicted_table",
    "rates_table",
    "recorded_predictions_table",
    "sharing_table",
    "times_table",
    "traces_table",
    "waits_table",
]
