"""Widgets: controls around the figures, without arithmetic of their own.

Each works with one line in a notebook, on recorded workloads or on your own lengths, prompts and models.
"""

from prepack_lab.extras import needs_extra

with needs_extra("lab"):
    import anywidget as anywidget
    import ipywidgets as ipywidgets
    from IPython.display import display as display

from prepack_lab.widgets.break_it import BreakIt
from prepack_lab.widgets.bug_hunt import BugHunt
from prepack_lab.widgets.generation_race import GenerationRace
from prepack_lab.widgets.live_timing import LiveTiming
from prepack_lab.widgets.mask_explorer import MaskExplorer
from prepack_lab.widgets.memory_wall import MemoryWall
from prepack_lab.widgets.packing_contest import PackingContest
from prepack_lab.widgets.packing_race import PackingRace
from prepack_lab.widgets.padding_explorer import PaddingExplorer
from prepack_lab.widgets.quiz import Quiz
from prepack_lab.widgets.serving import Serving
from prepack_lab.widgets.your_prompts import YourPrompts

__all__ = [
    "BreakIt",
    "BugHunt",
    "GenerationRace",
    "LiveTiming",
    "MaskExplorer",
    "MemoryWall",
    "PackingContest",
    "PackingRace",
    "PaddingExplorer",
    "Quiz",
    "Serving",
    "YourPrompts",
]
