"""The lessons as they are written, and what `notebooks/source/tools/build.py` makes of them."""

import ast
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


def cell(name, words):
    """The source of the only code cell of a lesson that holds these words."""
    (found,) = (
        one.source for one in cells(name, "code") if words in one.source and "import prepack_lab" not in one.source
    )
    return found


def run_cell(lesson, words, /, name=None, **known):
    """Run a cell of a lesson, given what it knows of; returns what it ends with, or what it calls by a name."""
    from prepack_lab.measuring.table import Table

    body, known = ast.parse(cell(lesson, words)).body, {"Table": Table, **known}
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), lesson, "exec"), known)
    value = eval(compile(ast.Expression(last.value), lesson, "eval"), known) if last else None
    return value if name is None else known[name]
