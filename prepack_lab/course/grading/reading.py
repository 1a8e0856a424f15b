"""A notebook, read without running it: its functions, checks and syntax errors, and signs of tampering."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prepack_lab.course.exercises.catalogue import EXERCISES
from prepack_lab.course.exercises.exercise import Exercise
from prepack_lab.course.grading.definitions import ANSWERS_IN, defines, functions, not_run
from prepack_lab.course.grading.magics import to_python
from prepack_lab.course.lessons import LESSONS

LARGEST = 100_000_000
"""Bytes of the largest notebook that is read."""
ANSWERS = ("reference", "EXERCISES")
"""Attributes through which a notebook could get at the lab's own answers."""


class UnreadableNotebookError(ValueError):
    """The file is not a notebook that can be graded. The message says why."""


@dataclass(frozen=True)
class Cell:
    """A code cell, numbered from 1 among all cells of the notebook."""

    number: int
    source: str
    """As Python (see `to_python`)."""
    shown: str = ""
    """The output that the notebook keeps, as plain text."""
    tree: ast.Module | None = None
    """None where the source is not valid Python."""
    error: str | None = None
    """Why it is not."""


@dataclass(frozen=True)
class Notebook:
    """The contents of a notebook."""

    cells: tuple[Cell, ...]
    texts: tuple[str, ...] = ()
    """Its markdown cells."""
    checks: dict[str, str] = field(default_factory=dict)
    """Exercise → the name of the function that its check is given."""
    tampering: tuple[str, ...] = ()
    """Signs that someone tried to pass without solving, in words."""

    def lessons(self, name: str = "") -> list[str]:
        """The numbers of its lessons, recognized by its checks, its first heading or its file name."""
        by_checks = {EXERCISES[key].lesson for key in self.checks if key in EXERCISES}
        named = {
            f"{number:02}"
            for number, lesson in enumerate(LESSONS)
            if lesson.name in name.lower() or any(text.startswith(f"# {number:02} · ") for text in self.texts)
        }
        return sorted(by_checks | named)

    def function_name(self, exercise: Exercise) -> str:
        """What its function for an exercise is called: as the check says, or as in the lesson."""
        return self.checks.get(exercise.key, exercise.reference.__name__)

    def defined_in(self, name: str) -> Cell | None:
        """The last cell that defines a function of this name; None where there is none."""
        found = [cell for cell in self.cells if cell.tree is not None and name in functions(cell.tree)]
        return found[-1] if found else None

    def broken_in(self, name: str) -> Cell | None:
        """The last cell with a syntax error in which a function of this name begins."""
        begins = re.compile(rf"^\s*def\s+{re.escape(name)}\b", re.MULTILINE)
        found = [cell for cell in self.cells if cell.tree is None and begins.search(cell.source)]
        return found[-1] if found else None

    def text_of(self, name: str, aliases: frozenset[str] = frozenset()) -> str:
        """The function's lines as written in the notebook; for an alias, those of the function that it names."""
        cell = self.defined_in(name)
        if cell is None or cell.tree is None or name in aliases:
            return ""
        node = functions(cell.tree)[name]
        text = ast.get_source_segment(cell.source, node) or ""
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            return self.text_of(node.value.id, aliases | {name}) or text
        return text

    def definitions(self) -> list[tuple[str, str]]:
        """Name and source of each cell that defines something; its other statements are not run (see `defines`)."""
        defining = [cell for cell in self.cells if cell.tree and any(map(defines, cell.tree.body))]
        return [(f"cell {cell.number}", cell.source) for cell in defining]

    def left_out(self) -> dict[str, int]:
        """Names made by statements that are not run → the number of the cell that makes them."""
        found: dict[str, int] = {}
        for cell in self.cells:
            if cell.tree:
                found |= dict.fromkeys(not_run(cell.tree, found.keys()), cell.number)
        return found

    def claims(self, key: str) -> bool:
        """Whether the notebook shows an exercise as solved."""
        return any(f"✓ {key}:" in cell.shown for cell in self.cells)


def read_notebook(path: Path) -> Notebook:
    """Read a notebook.

    Raises:
        UnreadableNotebookError: it is too large, not JSON, or has no cells.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise UnreadableNotebookError(f"the file has {size / 1e6:,.0f} MB; clear its outputs and save it again")
        held = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UnreadableNotebookError(f"the file can't be read: {error.strerror}") from None
    except RecursionError:
        raise UnreadableNotebookError("the file is not a notebook: it is nested too deeply") from None
    except ValueError as error:
        if isinstance(error, UnreadableNotebookError):
            raise
        what = "empty" if size == 0 else "broken, or not a notebook"
        raise UnreadableNotebookError(f"the file is {what}; ask for it again") from None
    cells = held.get("cells") if isinstance(held, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise UnreadableNotebookError("the file is JSON, but not a notebook: it has no cells")
    code = tuple(_cell(place, cell) for place, cell in enumerate(cells, 1) if cell.get("cell_type") == "code")
    texts = tuple(_joined(cell.get("source")) for cell in cells if cell.get("cell_type") == "markdown")
    checks = {key: name for cell in code if cell.tree for key, name in _checks(cell.tree)}
    tampering = tuple(dict.fromkeys(words for cell in code if cell.tree for words in _tampering(cell)))
    return Notebook(code, texts, checks, tampering)


def _joined(source: Any) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source or "")


def _cell(number: int, cell: dict[str, Any]) -> Cell:
    source, shown = _joined(cell.get("source")), "\n".join(_shown(cell.get("outputs")))
    try:
        source = to_python(source)
        return Cell(number, source, shown, ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        where = f"cell {number}, line {line}" if line else f"cell {number}"
        return Cell(number, source, shown, error=f"{where}: {getattr(error, 'msg', None) or error}")


def _shown(outputs: Any) -> Iterator[str]:
    for output in outputs if isinstance(outputs, list) else ():
        if isinstance(output, dict):
            data = output.get("data")
            yield _joined(output.get("text"))
            yield _joined(data.get("text/plain")) if isinstance(data, dict) else ""


def _checks(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The arguments of each `lab.check`: the key, and the name of the function."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or len(node.args) != 2 or _last_name(node.func) != "check":
            continue
        key, function = node.args
        if isinstance(key, ast.Constant) and key.value in EXERCISES and isinstance(function, ast.Name):
            yield str(key.value), function.id


def _tampering(cell: Cell) -> Iterator[str]:
    where = f"cell {cell.number}"
    assert cell.tree is not None
    for node in ast.walk(cell.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del) and _is_of_the_lab(node):
            yield f"{where} replaces {ast.unparse(node)}"
        elif isinstance(node, ast.FunctionDef) and node.name == "check":
            yield f"{where} defines a check of its own"
        elif isinstance(node, ast.Call) and _last_name(node.func) == "setattr":
            yield f"{where} replaces something with setattr"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(ANSWERS_IN):
            yield f"{where} imports from {node.module}"
        elif isinstance(node, ast.Import):
            names = [part.name for part in node.names if part.name.startswith(ANSWERS_IN)]
            yield from (f"{where} imports {name}" for name in names)
        elif isinstance(node, ast.Attribute) and node.attr in ANSWERS:
            yield f"{where} asks the lab for the reference"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "progress.json" in node.value:
            yield f"{where} touches progress.json"


def _is_of_the_lab(node: ast.Attribute) -> bool:
    """Whether an attribute belongs to the lab: `lab.check`, `prepack_lab.x.y`."""
    root: ast.expr = node
    while isinstance(root, ast.Attribute):
        root = root.value
    return isinstance(root, ast.Name) and root.id in ("lab", "prepack_lab", "checking")


def _last_name(function: ast.expr) -> str | None:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None
