"""The command `prepack-lab grade`: its options, and what it does with them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from prepack_lab.options import decimal, file, number

if TYPE_CHECKING:
    from prepack_lab.course.grading.grades import Grade
    from prepack_lab.course.grading.reports.results import ClassResults
    from prepack_lab.course.grading.submissions.roster import Student

STOPPED = 130
"""Exit code after Ctrl-C."""


@dataclass(frozen=True)
class Options:
    """What can be asked for on the command line."""

    folder: Annotated[Path, Argument(help="the students' notebooks: a folder per student, or side by side")]
    out: Annotated[Path, Option(metavar="FOLDER", help="for the results")] = Path("grades")
    lesson: Annotated[list[str], Option(metavar="02", help="grade this lesson only; may be repeated")] = field(
        default_factory=list
    )
    exercise: Annotated[list[str], Option(metavar="KEY", help="grade this one only; may be repeated")] = field(
        default_factory=list
    )
    course: Annotated[Path, file(help="points, partial credit, due dates, lateness: a course.toml")] | None = None
    roster: Annotated[Path, file(help="a CSV file of the class, with columns such as name, id, email")] | None = None
    overrides: Annotated[Path, file(help="your points and comments; else overrides.csv in --out")] | None = None
    level: Annotated[int, number(help="how many folders down the students are; else found out")] | None = None
    seconds: Annotated[float, decimal(metavar="S", help="time limit for each case")] = 5.0
    memory: Annotated[float, decimal(metavar="GB", help="for each function")] = 1.0
    jobs: Annotated[int, number(help="notebooks graded at a time; else one per processor")] | None = None
    seed: Annotated[int, number(help="of each student's own numbers")] = 0
    fresh: Annotated[bool, Option("--fresh", help="grade everything again, even what has not changed")] = False
    no_sandbox: Annotated[
        bool, Option("--no-sandbox", help="run students' code with all your rights: only code that you trust")
    ] = False
    dry_run: Annotated[bool, Option("--dry-run", help="say which notebooks would be graded, and grade none")] = False
    json: Annotated[str, file(help="write the results as JSON, too; - is the standard output")] | None = None

    def __post_init__(self) -> None:
        for option, value in (("--seconds", self.seconds), ("--memory", self.memory)):
            if not 0 < value < 1e6:  # nan is neither
                raise ValueError(f"{option} is {value:g}; give a number above 0 and below a million")
        for option, count in (("--jobs", self.jobs), ("--level", self.level)):
            if count is not None and count < 1:
                raise ValueError(f"{option} is {count}; give 1 or more, or leave it out")

    @property
    def decided_in(self) -> Path:
        """The file with the instructor's points and comments."""
        return self.overrides or self.out / "overrides.csv"

    @property
    def keys(self) -> tuple[str, ...] | None:
        """The exercises and quizzes that --lesson and --exercise name, in order; None for all.

        Raises:
            ValueError: there is no such lesson or exercise; names the nearest.
        """
        from prepack_lab.course.exercises.catalogue import EXERCISES, exercise
        from prepack_lab.course.grading.quizzes import QUIZ_KEYS

        there = (*EXERCISES, *QUIZ_KEYS)
        lessons = [name.split("_")[0].zfill(2) for name in self.lesson]
        known = sorted({key.split("-")[0] for key in there})
        for name, lesson in zip(self.lesson, lessons, strict=True):
            if lesson not in known:
                raise ValueError(f"there are no exercises in a lesson {name!r}; there are lessons {', '.join(known)}")
        for name in self.exercise:
            if name not in QUIZ_KEYS:
                exercise(name)
        if not (self.lesson or self.exercise):
            return None
        return tuple(key for key in there if key in self.exercise or key.split("-")[0] in lessons)


def run(**chosen: Any) -> int:
    """Grade a folder, write what came out, and return the exit code.

    Raises:
        ValueError: an option, or a file that it names, is wrong; says what to do.
    """
    options = Options(**chosen)
    if options.dry_run:
        return _dry_run(options)
    from prepack_lab.course.grading.reports.course import Course, read_course
    from prepack_lab.course.grading.reports.overrides import read_overrides
    from prepack_lab.course.grading.reports.points import class_results
    from prepack_lab.course.grading.sandbox import SandboxError

    # what is wrong with these files is said before an hour of grading, not after it
    course = read_course(options.course) if options.course else Course()
    if options.overrides and not options.overrides.exists():
        raise ValueError(f"there is no file {options.overrides}; leave --overrides out to begin one")
    overrides, roster, keys = read_overrides(options.decided_in), _roster(options.roster), options.keys
    try:
        grades = _graded(options, roster, keys)
    except SandboxError as error:
        raise ValueError(str(error)) from None
    except KeyboardInterrupt:
        kept = f"What is graded is kept in {options.out}: the same command goes on from here"
        print(f"\nprepack-lab: stopped. {kept}", file=sys.stderr)
        return STOPPED
    found = class_results(grades, course, roster, overrides, keys)
    try:
        words = [*_written(found, options)]
    except OSError as error:
        what = error.filename or "the output"
        raise ValueError(f"{what} can't be written: {error.strerror}; close it where it is open") from None
    for line in (*_in_short(found), *words):
        print(line, file=sys.stderr if options.json == "-" else sys.stdout)
    return 0


def _graded(options: Options, roster: Sequence[Student], keys: tuple[str, ...] | None) -> list[Grade]:
    """The grades of a folder."""
    from prepack_lab.course.grading import judge
    from prepack_lab.course.grading.classroom import grade_folder

    asked = judge.Options(options.seconds, round(options.memory * 1e9), options.seed, keys)
    return grade_folder(
        options.folder, options.out, asked, roster=roster, level=options.level, jobs=options.jobs,
        fresh=options.fresh, wall="none" if options.no_sandbox else None,
    )  # fmt: skip


def _dry_run(options: Options) -> int:
    """Say which notebooks are whose."""
    from prepack_lab.course.grading.reports.visible import visible
    from prepack_lab.course.grading.submissions.finding import find_submissions, rows
    from prepack_lab.course.grading.submissions.roster import match

    with TemporaryDirectory(prefix="prepack_lab-grade-") as unpacked:
        found = find_submissions(options.folder, Path(unpacked), options.level)
    roster = _roster(options.roster)
    found = match(found, roster) if roster else found
    for row in rows(found):
        print(visible(f"{row.student} ({row.source or 'from the roster'})"))
        for words in (*row.files, *filter(None, (row.problem,))):
            print(visible(f"    {words}"))
    notebooks = sum(one.path is not None for one in found)
    print(f"students: {len({one.student for one in found})}, notebooks: {notebooks}; none was graded")
    return 0


def _roster(path: Path | None) -> list[Student]:
    """The students of a class, from a CSV file."""
    from prepack_lab.course.grading.submissions.roster import read_roster

    return read_roster(path) if path else []


def _written(found: ClassResults, options: Options) -> Iterator[str]:
    """Write all files, and say where."""
    from prepack_lab.course.grading.reports import gradebooks, pages
    from prepack_lab.course.grading.reports.overrides import begin_overrides
    from prepack_lab.course.grading.reports.summary import to_json

    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    pages.write_class_page(found, out / "grades.html")
    others = pages.write_student_pages(found, out / pages.FEEDBACK)
    gradebooks.write_grades(found, out / "grades.csv")
    gradebooks.write_totals(found, out / "totals.csv")
    gradebooks.write_canvas(found, out / "canvas.csv")
    left_out = gradebooks.write_moodle(found, out / "moodle.csv")
    begin_overrides(options.decided_in)
    if options.json == "-":
        print(to_json(found), end="")
    elif options.json:
        Path(options.json).write_text(to_json(found), encoding="utf-8")
    if left_out:
        yield f"not in moodle.csv: {left_out} without an email or an ID number; give a --roster"
    if others:
        yield f"pages in {out / pages.FEEDBACK} of nobody in this class: {', '.join(others)}"
    yield f"wrote {out / 'grades.html'}, and beside it a page for each student and the CSV files"


def _in_short(found: ClassResults) -> Iterator[str]:
    """The class in a few lines."""
    from prepack_lab.course.grading.reports.spreadsheet import number
    from prepack_lab.course.grading.reports.visible import visible

    scores = [score for result in found.results for score in result.scores]
    exercises = [score for score in scores if not score.asked.is_quiz]
    count = Counter(grade.status for grade in (*(score.grade for score in scores), *_files(found)))
    flagged, decided = sum(bool(one.grade.flags) for one in scores), sum(one.is_overridden for one in scores)
    yield f"students: {len(found.results)}"
    yield f"exercises solved: {sum(score.grade.solved for score in exercises)} of {len(exercises)}"
    yield f"points in all: {number(found.worth)}; given by overrides: {decided}"
    yield f"to look at: {flagged} flagged, {count['unreadable']} files unreadable, {count['not graded']} not graded"
    nothing = [file.student for result in found.results for file in result.files if file.status == "nothing handed in"]
    if nothing:
        yield visible(f"handed in nothing that can be graded: {', '.join(dict.fromkeys(nothing))}")
    yield from (visible(f"to put right: {problem}") for problem in found.problems)


def _files(found: ClassResults) -> Iterator[Grade]:
    return (file for result in found.results for file in result.files if file.status == "unreadable")
