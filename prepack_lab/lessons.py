"""The lessons: what each is about, how long it takes, and whether it is there."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path


@dataclass(frozen=True)
class Lesson:
    """One notebook."""

    name: str
    """Its file name without the ending."""
    title: str
    minutes: int
    question: str
    """What the lesson answers."""


LESSONS = (
    Lesson("00_start_here", "Start here", 10, "What is prepacking, and does it really change nothing but the time?"),
    Lesson("01_padding_waste", "Padding waste", 25, "How much of a batch is padding, and what does it cost?"),
    Lesson("02_bin_packing", "Bin packing", 35, "How few rows can hold the prompts, and who finds them fast?"),
    Lesson("03_masks_and_positions", "Masks and positions", 35, "What keeps the prompts of a row apart?"),
    Lesson("04_packed_equals_unpacked", "Packed equals unpacked", 35, "How do you prove that nothing has changed?"),
    Lesson("05_live_timing", "Live timing", 30, "How much faster is it on your machine, and when is it not?"),
    Lesson("06_memory", "Memory and the largest batch", 30, "Where does the memory go, and which batch still fits?"),
    Lesson("07_whole_datasets", "Whole datasets", 30, "Sort, pack each batch, or pack everything first?"),
    Lesson("08_predicting_the_gain", "Predicting the gain", 30, "Can you tell the speed-up before you run anything?"),
    Lesson("09_generation", "Generation", 30, "What happens to packed prompts once tokens are generated?"),
    Lesson("10_beyond_prepacking", "Beyond prepacking", 40, "What came after, and what does packing still buy?"),
)


class LessonMap:
    """A table of the lessons for a notebook: those that lie in its folder are links."""

    def __init__(self, folder: Path | str = ".") -> None:
        self.folder = Path(folder)

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr>{self._cells(number, lesson)}</tr>" for number, lesson in enumerate(LESSONS))
        head = "".join(f"<th scope='col' style='text-align:left'>{word}</th>" for word in ("", "Lesson", "You will find out", "Minutes"))
        return f"<table><caption>The lessons</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def __repr__(self) -> str:
        return "\n".join(f"{number:02} {lesson.title}: {lesson.question}" for number, lesson in enumerate(LESSONS))

    def _cells(self, number: int, lesson: Lesson) -> str:
        file = f"{lesson.name}.ipynb"
        there = (self.folder / file).exists()
        title = f"<a href='{file}'>{escape(lesson.title)}</a>" if there else f"{escape(lesson.title)} (in the making)"
        cells = (f"{number:02}", title, escape(lesson.question), str(lesson.minutes))
        return "".join(f"<td style='text-align:left'>{cell}</td>" for cell in cells)


def lesson_map(folder: Path | str = ".") -> LessonMap:
    """The lessons as a table, for the last cell of a notebook that lies beside them."""
    return LessonMap(folder)
