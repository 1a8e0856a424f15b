"""Build the notebooks from their sources: `python notebooks/source/tools/build.py`, or `--check` to see what has drifted.

A lesson is written once, in `source/NN_name.py` (jupytext's py:percent). A cell with `exercise="KEY"` stands for an
exercise of `prepack_lab/course/exercises/lesson_NN.py`: its heading and statement, the function to fill in, and its
check. A cell with `capstone="functions"` stands for those of `prepack_lab/course/capstone`. In the other edition the
functions are the solution:

    source/NN_name.py  →  NN_name.ipynb            for learners
                       →  solutions/NN_name.ipynb  for instructors
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path
from textwrap import fill

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from prepack_lab.course.capstone import pages as capstone
from prepack_lab.course.exercises.catalogue import exercise
from prepack_lab.course.exercises.exercise import Exercise

NOTEBOOKS = Path(__file__).parents[2]
EDITIONS = {"learner": "solution", "solutions": "stub"}
"""Each edition, and the tag of the cells that it leaves out."""

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def build(source: Path, edition: str) -> str:
    """One edition of a lesson, as the text of a notebook without outputs."""
    kept = [cell for cell in both_editions(source) if EDITIONS[edition] not in cell.metadata.get("tags", [])]
    notebook = new_notebook(cells=kept, metadata=METADATA)
    for number, cell in enumerate(kept):
        cell.id = f"cell-{number:02}"
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def both_editions(source: Path) -> list[NotebookNode]:
    """All cells of a lesson: what learners fill in is tagged "stub", and "solution" what instructors see instead."""
    cells, numbers = [], count(1)
    for cell in jupytext.read(source, fmt="py:percent").cells:
        if key := cell.metadata.get("exercise"):
            cells += exercise_cells(exercise(key), next(numbers))
            continue
        if "capstone" in cell.metadata:
            cells += to_fill_in(capstone.stub(), capstone.SOLUTION)
            continue
        new = new_markdown_cell if cell.cell_type == "markdown" else new_code_cell
        cells.append(new(cell.source, metadata={"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {}))
    return cells


def exercise_cells(asked: Exercise, number: int) -> list[NotebookNode]:
    """What an exercise becomes on the page: its statement, the function, and its check."""
    minutes = "1 minute" if asked.minutes == 1 else f"{asked.minutes} minutes"
    heading = f"### Exercise {number}: {asked.title} ({asked.level}, {minutes})"
    statement = "\n\n".join(fill(paragraph, 120, break_on_hyphens=False) for paragraph in asked.statement.split("\n\n"))
    return [
        new_markdown_cell(f"{heading}\n\n{statement}"),
        *to_fill_in(asked.open, asked.solution.strip()),
        new_code_cell(f'lab.check("{asked.key}", {asked.reference.__name__})'),
    ]


def to_fill_in(stub: str, solution: str) -> list[NotebookNode]:
    """The cell of each edition."""
    texts = {"stub": stub, "solution": solution}
    return [new_code_cell(text, metadata={"tags": [tag]}) for tag, text in texts.items()]


def built(notebooks: Path = NOTEBOOKS) -> dict[Path, str]:
    """Every notebook that the sources make, and its text."""
    texts = {}
    for source in sorted((notebooks / "source").glob("*.py")):
        texts[notebooks / f"{source.stem}.ipynb"] = build(source, "learner")
        texts[notebooks / "solutions" / f"{source.stem}.ipynb"] = build(source, "solutions")
    return texts


def drifted(notebooks: Path = NOTEBOOKS) -> list[str]:
    """What differs from the sources, one line a notebook; empty where all is in order."""
    texts = built(notebooks)
    there = {*notebooks.glob("*.ipynb"), *(notebooks / "solutions").glob("*.ipynb")}
    faults = [f"{path.relative_to(notebooks)}: has no source" for path in sorted(there - texts.keys())]
    for path, text in texts.items():
        if path not in there:
            faults.append(f"{path.relative_to(notebooks)}: not built")
        elif any(cell.get("outputs") for cell in nbformat.read(path, as_version=4).cells):
            faults.append(f"{path.relative_to(notebooks)}: holds outputs")
        elif path.read_text(encoding="utf-8") != text:
            faults.append(f"{path.relative_to(notebooks)}: differs from its source")
    return faults


def main() -> int:
    if "--check" in sys.argv[1:]:
        faults = drifted()
        print("\n".join([*faults, "Run `make notebooks`."]) if faults else "Every notebook is as its source makes it.")
        return 1 if faults else 0
    for path, text in built().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(NOTEBOOKS)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
