"""A cell → the Python it runs in the notebook: `%%time`, `%%capture` and the like give way to the code they wrap."""

from __future__ import annotations

import re

from IPython.core.inputtransformer2 import EscapedCommand, TransformerManager, cell_magic

WRAPPED_CELL = re.compile(r"%%(time|capture|prun|debug)\s")
"""Cell magics that leave in the notebook what their cell defines; after `%%timeit` it is gone, as in Jupyter."""
WRAPPED_LINE = re.compile(r"^(\s*)%(?:time|prun|debug) +(?:-[DlsT] *\S+ +|-\S+ +)*")
"""The same above a single statement, with the options of `%prun`."""


def to_python(source: str) -> str:
    """A cell as Python, line for line; all other magics become calls of `get_ipython()`, as IPython has it."""
    manager = TransformerManager()
    manager.line_transforms = [_unwrapped]
    manager.token_transformers = [_Command if it is EscapedCommand else it for it in manager.token_transformers]
    return manager.transform_cell(source)


def _unwrapped(lines: list[str]) -> list[str]:
    above = next((n for n, line in enumerate(lines) if line.strip() and not WRAPPED_CELL.match(line)), len(lines))
    return ["\n"] * above + cell_magic(lines[above:])


class _Command(EscapedCommand):
    """`%time x = 3` → `x = 3`; every other command as IPython transforms it."""

    def transform(self, lines: list[str]) -> list[str]:
        before, line, after = lines[: self.start_line], lines[self.start_line], lines[self.start_line + 1 :]
        statement = WRAPPED_LINE.sub(r"\1", line)
        return super().transform(lines) if statement == line else [*before, statement, *after]
