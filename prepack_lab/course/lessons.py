"""The lessons: what each is about, how long it takes, and whether it is there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prepack_lab.measuring.table import Link, Table


@dataclass(frozen=True)
class Lesson:
    """One notebook."""

    name: str
    """Its file name without the ending."""
    title: str
    minutes: int
    level: str
    """How difficult it is: easy with a little Python, hard with tensors in it."""
    question: str
    """What the lesson answers."""


LESSONS = (
    Lesson("00_start_here", "Start here", 10, "easy",
           "What is prepacking, and does it really change nothing but the time?"),
    Lesson("01_padding_waste", "Padding waste", 40, "easy",
           "How much of a batch is padding, and what does it cost?"),
    Lesson("02_bin_packing", "Bin packing", 60, "medium",
           "How few rows can hold the prompts, and who finds them fast?"),
    Lesson("03_masks_and_positions", "Masks and positions", 60, "hard",
           "What keeps the prompts of a row apart?"),
    Lesson("04_packed_equals_unpacked", "Packed equals unpacked", 75, "hard",
           "How do you prove that nothing has changed?"),
    Lesson("05_live_timing", "Live timing", 40, "medium",
           "How much faster is it on your machine, and when is it not?"),
    Lesson("06_memory", "Memory and the largest batch", 35, "medium",
           "Where does the memory go, and which batch still fits?"),
    Lesson("07_whole_datasets", "Whole datasets", 45, "medium",
           "Sort, pack each batch, or pack everything first?"),
    Lesson("08_predicting_the_gain", "Predicting the gain", 40, "medium",
           "Can you predict the speed-up before you run anything?"),
    Lesson("09_generation", "Generation", 45, "hard",
           "What happens to packed prompts once tokens are generated?"),
    Lesson("10_beyond_prepacking", "Beyond prepacking", 55, "medium",
           "What came after, and what does packing still buy?"),
    Lesson("11_prefill_only", "Prefill-only", 45, "medium",
           "What needs nothing but prefill, and what makes it fast?"),
)  # fmt: skip


def lesson_map(folder: Path | str = ".") -> Table:
    """The lessons as a table, for a notebook that lies beside them: those that are there are links."""
    folder = Path(folder)

    def title(lesson: Lesson) -> Link | str:
        file = f"{lesson.name}.ipynb"
        return Link(lesson.title, file) if (folder / file).exists() else f"{lesson.title} (in the making)"

    rows = [
        (f"{number:02}", title(lesson), lesson.question, lesson.minutes, lesson.level)
        for number, lesson in enumerate(LESSONS)
    ]
    return Table(("lesson", "title", "you will find out", "minutes", "difficulty"), rows, "The lessons")
