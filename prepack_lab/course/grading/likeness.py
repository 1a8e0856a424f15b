"""Functions that differ only in names, spaces and comments."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from textwrap import dedent

from prepack_lab.course.exercises.catalogue import EXERCISES
from prepack_lab.course.grading.grades import Grade

SHORTEST = 6
"""Statements in a function; shorter ones are alike because there is only one way to write them."""


def shape_of(code: str) -> str:
    """A digest of a function's structure, without the names in it; empty where it is too short to compare."""
    try:
        tree = ast.parse(dedent(code))
        nodes = [*ast.walk(tree)]
        if sum(isinstance(node, ast.stmt) for node in nodes) < SHORTEST:
            return ""
        _rename(nodes)
        return sha256(ast.dump(tree).encode("utf-8", "surrogatepass")).hexdigest()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


def _rename(nodes: Sequence[ast.AST]) -> None:
    """Number the names that a student chose."""
    chosen: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.arg):
            chosen.setdefault(node.arg, f"n{len(chosen)}")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            chosen.setdefault(node.id, f"n{len(chosen)}")
    for node in nodes:
        if isinstance(node, ast.arg):
            node.arg = chosen[node.arg]
        elif isinstance(node, ast.Name):
            node.id = chosen.get(node.id, node.id)
        elif isinstance(node, ast.FunctionDef):
            node.name = "f"


def compared(grades: Sequence[Grade]) -> list[Grade]:
    """Flag functions that have the structure of another student's, or of the reference."""
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for grade in grades:
        alike[grade.exercise, grade.shape].append(grade.student)
    return [
        replace(grade, flags=(*grade.flags, *_likeness(grade, alike[grade.exercise, grade.shape]))) for grade in grades
    ]


def _likeness(grade: Grade, students: Sequence[str]) -> Iterator[str]:
    if not grade.shape:
        return
    if grade.shape == _shape_of_reference(grade.exercise):
        yield "the same as the reference"
    elif len(students) > 1:
        others = [student for student in students if student != grade.student]
        yield f"the same as {', '.join(others[:3])}{' and others' if len(others) > 3 else ''}"


@cache
def _shape_of_reference(key: str) -> str:
    return shape_of(EXERCISES[key].solution)
