"""Figures: pure functions, data → plotly figure, one idea a file.

Each has its reading as the title, a text twin, and words where the mouse rests. One palette, one colour a prompt.

The names are in `__init__.pyi`. Each is loaded from its module when it is first used, so that a figure costs only what
it needs.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
