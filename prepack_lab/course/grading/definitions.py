"""The parts of a notebook that are run, without running the lesson: imports, functions, classes, plain values."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Set

HARMLESS = {
    "abs", "bool", "bytes", "complex", "dict", "divmod", "enumerate", "float", "frozenset", "int", "len", "list", "max",
    "min", "range", "reversed", "round", "set", "sorted", "str", "sum", "tuple", "zip", "Counter", "OrderedDict",
    "defaultdict", "deque",
}  # fmt: skip
"""What may be called to make a plain value: `memo = dict()`, `EPS = float("1e-9")`."""

ANSWERS_IN = ("prepack_lab.course.exercises", "prepack_lab.course.capstone")
"""Where the lab keeps its own answers."""


def defines(node: ast.stmt) -> bool:
    """Whether a statement only defines something; an `if` or a `try` does where every statement in it does."""
    if isinstance(node, ast.If | ast.Try):
        plain = isinstance(node, ast.Try) or _is_plain(node.test)
        return plain and all(isinstance(part, ast.Pass) or defines(part) for part in _within(node))
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return node.value is not None and _is_plain(node)
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)


def imports(node: ast.stmt) -> bool:
    """Whether a statement only imports something, and notes in a constant whether that worked."""
    if isinstance(node, ast.If | ast.Try):
        return all(map(imports, _within(node)))
    constant = isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    return constant or isinstance(node, ast.Import | ast.ImportFrom | ast.Pass)


def functions(tree: ast.Module) -> dict[str, ast.FunctionDef | ast.Assign]:
    """Names that hold a function after a cell: by `def`, `name = lambda …` or `name = another_name`."""
    found: dict[str, ast.FunctionDef | ast.Assign] = {}
    for node in _statements(tree.body):
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda | ast.Name):
            found |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
    return found


def not_run(tree: ast.Module, before: Set[str]) -> set[str]:
    """Names that a cell makes by statements that are not run, or out of such names: they will be missing.

    Args:
        tree: the cell.
        before: the names that earlier cells make so.
    """
    found: set[str] = set()
    for node in tree.body:
        made_of_them = isinstance(node, ast.Assign | ast.AnnAssign) and (before | found) & _names(node, ast.Load)
        if made_of_them or not defines(node):
            found |= _names(node, ast.Store) | _names_in_texts(node)
    return found


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a cell that are run, and those within an `if` or a `try`."""
    for node in body:
        if isinstance(node, ast.If | ast.Try) and defines(node):
            yield from _statements([*_within(node)])
        elif defines(node):
            yield node


def _within(node: ast.If | ast.Try) -> list[ast.stmt]:
    if isinstance(node, ast.If):
        return [*node.body, *node.orelse]
    caught = [part for handler in node.handlers for part in handler.body]
    return [*node.body, *caught, *node.orelse, *node.finalbody]


def _is_plain(node: ast.AST) -> bool:
    """Whether only harmless functions are called; what a lambda calls does not count until it is called itself."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Await):
            return False
        if isinstance(part, ast.Call) and not (isinstance(part.func, ast.Name) and part.func.id in HARMLESS):
            return False
        waiting += [part.args] if isinstance(part, ast.Lambda) else ast.iter_child_nodes(part)
    return True


def _names_in_texts(node: ast.stmt) -> set[str]:
    """Functions in a text that something else runs: the cell of a magic, a call of `exec`."""
    texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return {name for text in texts for name in re.findall(r"^\s*def\s+(\w+)", text, re.MULTILINE)}


def _names(node: ast.stmt, use: type[ast.expr_context]) -> set[str]:
    """The names that a statement reads, or makes."""
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, use)}
    if use is ast.Store:
        names |= {part.name for part in ast.walk(node) if isinstance(part, ast.FunctionDef | ast.ClassDef)}
        names |= {(part.asname or part.name).split(".")[0] for part in ast.walk(node) if isinstance(part, ast.alias)}
    return names
