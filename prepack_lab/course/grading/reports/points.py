"""Grades → points: what the course gives, less what lateness costs, unless an instructor decided otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor

from prepack_lab.course.exercises.catalogue import EXERCISES
from prepack_lab.course.grading.grades import Grade
from prepack_lab.course.grading.quizzes import QUIZ_KEYS
from prepack_lab.course.grading.reports.course import Course
from prepack_lab.course.grading.reports.overrides import Override, sorted_out
from prepack_lab.course.grading.reports.results import Asked, ClassResults, Result, Score
from prepack_lab.course.grading.reports.spreadsheet import number
from prepack_lab.course.grading.submissions.roster import Student

NOTHING = "Nothing was handed in for it."


def keys_asked(grades: Iterable[Grade], chosen: Collection[str] | None, course: Course) -> list[str]:
    """What is graded: what was chosen, or else what somebody in the class handed in; quizzes that bring points, too."""
    there = {grade.exercise for grade in grades if grade.exercise}
    lessons = {key.split("-")[0] for key in there}
    there |= {key for key in QUIZ_KEYS if key.split("-")[0] in lessons and course.worth(key)}
    wanted = there if chosen is None else chosen
    in_order = sorted((*EXERCISES, *QUIZ_KEYS), key=lambda key: key.split("-")[0])
    return [key for key in in_order if key in wanted]


def class_results(
    grades: Sequence[Grade],
    course: Course | None = None,
    roster: Iterable[Student] = (),
    overrides: Iterable[Override] = (),
    chosen: Collection[str] | None = None,
) -> ClassResults:
    """The points of a class.

    Args:
        grades: of all students.
        course: its rules; by default a point for each exercise that is solved.
        roster: what is known of the students, and those who handed in nothing.
        overrides: what an instructor decided.
        chosen: keys of the exercises and quizzes that count; by default, see `keys_asked`.
    """
    course = course or Course()
    asked = [Asked(key, course.worth(key)) for key in keys_asked(grades, chosen, course)]
    by_student: dict[str, list[Grade]] = defaultdict(list)
    for grade in grades:
        by_student[grade.student].append(grade)
    known = {student.name: student for student in roster}
    names = sorted({*known, *by_student}, key=lambda name: (name.casefold(), name))
    students = [known.get(name, Student(name)) for name in names]
    decided, problems = sorted_out(overrides, students)
    results = [_result(student, by_student[student.name], asked, course, decided) for student in students]
    problems += [*_doubtful(decided.values(), asked), *_untimed(grades, course)]
    return ClassResults(tuple(asked), tuple(results), tuple(problems))


def _result(
    student: Student,
    grades: Sequence[Grade],
    asked: Sequence[Asked],
    course: Course,
    decided: Mapping[tuple[str, str], Override],
) -> Result:
    own = {grade.exercise: grade for grade in grades if grade.exercise}
    files = tuple(sorted((grade for grade in grades if not grade.exercise), key=lambda grade: grade.notebook))
    failed = next((grade for grade in files if grade.status == "not graded"), None)
    said = next((grade for grade in grades if grade.status == "nothing handed in"), None)
    nothing = failed or said or Grade(student.name, "", "", "nothing handed in", NOTHING)
    taken = [(one, own.get(one.key, nothing)) for one in asked]
    late = {one.key: _days_late(grade, course.due_of(one.lesson)) for one, grade in taken}
    share = {one.key: _share(grade, course.is_partial(one.key)) for one, grade in taken}
    free = _free([one for one in asked if share[one.key]], late, course)
    scores = []
    for one, grade in taken:
        charged = max(late[one.key] - free.get(one.lesson, 0), 0) if share[one.key] else 0
        kept = max(1 - charged * Fraction(course.penalty), Fraction(0))
        earned = None if grade.status == "not graded" else _rounded(Fraction(one.worth) * share[one.key] * kept)
        scores.append(Score(one, grade, earned, late[one.key], charged, decided.get((student.name, one.key))))
    overall = decided.get((student.name, ""))
    return Result(student, tuple(scores), files, sum(free.values()), overall.comment if overall else "")


def _share(grade: Grade, is_partial: bool) -> Fraction:
    """The part of an exercise that came out right."""
    if grade.solved or not (is_partial and grade.cases):
        return Fraction(grade.solved)
    return Fraction(min(grade.right, grade.cases), grade.cases)


def _rounded(points: Fraction) -> Decimal:
    """To the nearest hundredth, and halves up."""
    return Decimal(floor(100 * points + Fraction(1, 2))) / 100


def _free(asked: Iterable[Asked], late: Mapping[str, int], course: Course) -> dict[str, int]:
    """The late days that each lesson takes, the one that was due first before the others, until none are left."""
    days: dict[str, int] = defaultdict(int)
    for one in asked:
        days[one.lesson] = max(days[one.lesson], late[one.key])
    left, free = course.late_days, {}
    for lesson in sorted(filter(days.get, days), key=lambda lesson: (course.due_of(lesson), lesson)):
        free[lesson] = min(left, days[lesson])
        left -= free[lesson]
    return free


def _days_late(grade: Grade, due: datetime | None) -> int:
    """Days after a lesson was due, begun ones included."""
    if due is None or not grade.submitted:
        return 0
    after = _moment(grade.submitted) - due
    return max(-(-after // timedelta(days=1)), 0)


def _moment(submitted: str) -> datetime:
    moment = datetime.fromisoformat(submitted)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _doubtful(overrides: Iterable[Override], asked: Iterable[Asked]) -> Iterator[str]:
    """Overrides that are out of place here, in words."""
    worth, elsewhere = {one.key: one.worth for one in asked}, 0
    for one in overrides:
        elsewhere += one.exercise not in worth and one.exercise != ""
        if one.points is not None and one.points > worth.get(one.exercise, one.points):
            most = number(worth[one.exercise])
            yield f"overrides, line {one.line}: {number(one.points)} points count, and {one.exercise} is worth {most}"
    if elsewhere:
        yield f"overrides: {elsewhere} of them are for exercises that this run does not grade"


def _untimed(grades: Iterable[Grade], course: Course) -> Iterator[str]:
    """What to say of notebooks that may be late, and nobody knows."""
    untimed = {
        grade.notebook
        for grade in grades
        if grade.exercise in EXERCISES and not grade.submitted and course.due_of(grade.exercise.split("-")[0])
    }
    if untimed:
        yield f"notebooks without a time of submission, which count as in time: {len(untimed)}"
