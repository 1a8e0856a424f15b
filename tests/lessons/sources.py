"""The lessons as they are written, and what `notebooks/source/tools/build.py` makes of them."""

import importlib.util
from pathlib import Path

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SOURCES = {path.stem: path for path in sorted((NOTEBOOKS / "source").glob("*.py"))}

_spec = importlib.util.spec_from_file_location("build", NOTEBOOKS / "source" / "tools" / "build.py")
build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build)


def cells(name, kind):
    """The cells of both editions that are "markdown", or "code"."""
    return [cell for cell in build.both_editions(SOURCES[name]) if cell.cell_type == kind]
