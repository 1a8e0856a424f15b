"""Figures: pure functions, data → plotly figure, one idea a file.

Each has its reading as the title, a text twin, and words where the mouse rests. One palette, one colour a prompt.
"""

from prepack_lab.figures.answers import draw_answers
from prepack_lab.figures.attention_weights import draw_attention_weights
from prepack_lab.figures.bins import draw_bin_states, draw_bins
from prepack_lab.figures.block_mask import draw_block_mask
from prepack_lab.figures.cache_growth import draw_cache_growth
from prepack_lab.figures.cache_layout import draw_cache_layout
from prepack_lab.figures.cache_over_steps import draw_cache_over_steps
from prepack_lab.figures.counted_rows import draw_counted_rows
from prepack_lab.figures.deliveries import draw_deliveries
from prepack_lab.figures.errors import draw_errors
from prepack_lab.figures.forecast import draw_forecast
from prepack_lab.figures.gains import draw_gains
from prepack_lab.figures.generation_race import draw_race
from prepack_lab.figures.length_histogram import draw_lengths
from prepack_lab.figures.masks import draw_mask
from prepack_lab.figures.memory_curves import draw_memory
from prepack_lab.figures.memory_parts import draw_memory_parts
from prepack_lab.figures.packed_row import draw_packed_row
from prepack_lab.figures.paged_memory import draw_paged_memory
from prepack_lab.figures.per_prompt import draw_per_prompt
from prepack_lab.figures.percentiles import draw_percentiles
from prepack_lab.figures.predictor import draw_predictor
from prepack_lab.figures.roofline import draw_roofline
from prepack_lab.figures.rows import draw_rows
from prepack_lab.figures.schedule import draw_schedule
from prepack_lab.figures.speed_up_curves import draw_speed_ups
from prepack_lab.figures.style import LabFigure, prompt_colour
from prepack_lab.figures.timing_curves import draw_timing

__all__ = [
    "LabFigure",
    "draw_answers",
    "draw_attention_weights",
    "draw_bin_states",
    "draw_bins",
    "draw_block_mask",
    "draw_cache_growth",
    "draw_cache_layout",
    "draw_cache_over_steps",
    "draw_counted_rows",
    "draw_deliveries",
    "draw_errors",
    "draw_forecast",
    "draw_gains",
    "draw_lengths",
    "draw_mask",
    "draw_memory",
    "draw_memory_parts",
    "draw_packed_row",
    "draw_paged_memory",
    "draw_per_prompt",
    "draw_percentiles",
    "draw_predictor",
    "draw_race",
    "draw_roofline",
    "draw_rows",
    "draw_schedule",
    "draw_speed_ups",
    "draw_timing",
    "prompt_colour",
]
