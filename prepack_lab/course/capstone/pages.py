"""The capstone on the page: the stub that learners fill in, and the solution, whole or stage by stage."""

from __future__ import annotations

import ast
import inspect

from prepack_lab.course.capstone import reference
from prepack_lab.course.exercises.checking import Note

SOLUTION = inspect.getsource(reference).strip()


def stub() -> str:
    """The solution without what its functions do: imports, first lines and docstrings stay."""
    lines = SOLUTION.splitlines()
    for function in reversed([node for node in ast.parse(SOLUTION).body if isinstance(node, ast.FunctionDef)]):
        docstring = function.body[0]
        lines[docstring.end_lineno : function.end_lineno] = ["    return ..."]
    return "\n".join(lines)


def solution(stage: str) -> Note:
    """One way to write a stage, such as "lay_out".

    Raises:
        ValueError: there is no such stage; says which there are.
    """
    functions = {name: one for name, one in vars(reference).items() if inspect.isfunction(one)}
    if stage not in functions:
        raise ValueError(f"there is no stage {stage!r}; there are: {', '.join(functions)}")
    return Note(f"{stage}: one way to do it", inspect.getsource(functions[stage]), code=True)
