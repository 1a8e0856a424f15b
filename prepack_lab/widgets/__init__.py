"""Widgets: controls around the figures, without arithmetic of their own.

Each works with one line in a notebook, on recorded workloads or on your own lengths, prompts and models.

The names are in `__init__.pyi`. Each is loaded from its module when it is first used, so that a widget costs only what
it needs.
"""

import lazy_loader

from prepack_lab.extras import needs_extra

with needs_extra("lab"):
    import anywidget as anywidget
    import ipywidgets as ipywidgets
    from IPython.display import display as display

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
