"""What is asked, what an exercise brings a student, and what students and a class have reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from prepack_lab.course.exercises.catalogue import EXERCISES
from prepack_lab.course.grading.grades import Grade
from prepack_lab.course.grading.quizzes import QUIZ_KEYS
from prepack_lab.course.grading.reports.overrides import Override
from prepack_lab.course.grading.submissions.roster import Student


@dataclass(frozen=True)
class Asked:
    """An exercise or a quiz that is graded."""

    key: str
    worth: Decimal
    """The most points that it brings."""

    @property
    def lesson(self) -> str:
        """The number of its lesson: "02"."""
        return self.key.split("-")[0]

    @property
    def is_quiz(self) -> bool:
        """Whether it is a quiz."""
        return self.key in QUIZ_KEYS

    @property
    def title(self) -> str:
        """An exercise's title, or a quiz's question."""
        return QUIZ_KEYS[self.key].question if self.is_quiz else EXERCISES[self.key].title


@dataclass(frozen=True)
class Score:
    """What an exercise brings a student."""

    asked: Asked
    grade: Grade
    earned: Decimal | None
    """By the rules of the course, in hundredths, so that what is shown adds up; None where the grader failed."""
    late: int = 0
    """Days after it was due, begun ones included."""
    charged: int = 0
    """Days of these that cost points."""
    override: Override | None = None

    @property
    def points(self) -> Decimal | None:
        """What counts: what an instructor gave, or else what was earned."""
        return self.override.points if self.override and self.override.points is not None else self.earned

    @property
    def is_overridden(self) -> bool:
        """Whether an instructor gave the points."""
        return self.override is not None and self.override.points is not None

    @property
    def comment(self) -> str:
        """The instructor's."""
        return self.override.comment if self.override else ""


@dataclass(frozen=True)
class Result:
    """What a student has reached."""

    student: Student
    scores: tuple[Score, ...]
    """One for each exercise and quiz that is asked, in that order."""
    files: tuple[Grade, ...] = ()
    """Files that could not be graded."""
    late_days: int = 0
    """Used, of those that cost nothing."""
    comment: str = ""
    """The instructor's, on all of it."""

    @property
    def total(self) -> Decimal:
        """The sum of the points, as far as they are known."""
        return points_of(self.scores)

    @property
    def is_final(self) -> bool:
        """Whether all points are known: the grader did not fail."""
        return all(score.points is not None for score in self.scores)


@dataclass(frozen=True)
class ClassResults:
    """What the students of a class have reached."""

    asked: tuple[Asked, ...]
    results: tuple[Result, ...]
    problems: tuple[str, ...] = ()
    """In words: overrides that name nobody, and the like."""

    @property
    def worth(self) -> Decimal:
        """The points of all exercises together."""
        return sum((one.worth for one in self.asked), Decimal(0))


def points_of(scores: Iterable[Score]) -> Decimal:
    """The sum of the points, as far as they are known."""
    return sum((score.points for score in scores if score.points is not None), Decimal(0))
