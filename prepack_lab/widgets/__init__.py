"""Widgets: controls around the figures, without arithmetic of their own."""

from prepack_lab.widgets.padding_explorer import PaddingExplorer

__all__ = ["PaddingExplorer"]
