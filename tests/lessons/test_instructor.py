"""The instructor's guide names every lesson, exercise and right answer, and its measured table is whole."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from prepack_lab import widgets
from prepack_lab.course.exercises.catalogue import EXERCISES, QUIZZES
from prepack_lab.course.grading.quizzes import QUIZ_KEYS
from prepack_lab.course.lessons import LESSONS

GUIDE = (Path(__file__).parents[2] / "notebooks" / "INSTRUCTOR.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("one", EXERCISES.values(), ids=lambda one: one.key)
def test_every_exercise_is_there_with_its_minutes(one):
    assert re.search(rf"^\| {one.lesson} \| .*{one.key} {one.minutes}\b", GUIDE, re.M)


@pytest.mark.parametrize("one", QUIZZES.values(), ids=lambda one: one.key)
def test_every_quiz_is_there_with_its_right_answer(one):
    (right,) = (answer.text for answer in one.answers if answer.right)
    assert f"| {one.key} | {right} |" in GUIDE


def test_every_key_that_is_named_exists():
    known = {*EXERCISES, *QUIZZES, *QUIZ_KEYS}
    assert {key for key in re.findall(r"\b[01]\d-[a-z][a-z-]+", GUIDE)} - known == set()


def test_every_widget_that_is_named_exists():
    named = set(re.findall(r"\*([A-Z][a-z]+(?:[A-Z][a-z]+)+)\*", GUIDE))
    assert named and named <= set(widgets.__all__)


def test_every_lesson_was_measured():
    for number, lesson in enumerate(LESSONS):
        cells = re.search(
            rf"^\| {number:02} {lesson.title} \| (\d+) \| (\d+) \| ([\d.]+) GB \| (\d+) \| (\d+) \|$", GUIDE, re.M
        )
        assert cells, f"lesson {number:02} is not in the table; run notebooks/source/tools/measure_lessons.py"
        seconds, processor, memory, a_core, in_memory = map(float, cells.groups())
        assert 0 < seconds < lesson.minutes * 60 and processor > 0 and 0.1 < memory < 16
        assert a_core == lesson.minutes * 60 // processor and in_memory >= 1


@pytest.mark.parametrize("number", range(1, len(LESSONS)))
def test_a_lesson_leaves_time_to_read_beside_its_exercises(number):
    exercises = sum(one.minutes for one in EXERCISES.values() if one.lesson == f"{number:02}")
    assert exercises and LESSONS[number].minutes >= exercises + 10


@pytest.mark.parametrize("minutes", [45, 90, 180])
def test_a_plan_fills_its_minutes(minutes):
    plan = GUIDE[GUIDE.index(f"### {minutes} minutes") :].split("### ")[1]
    ranges = [(int(begin), int(end)) for begin, end in re.findall(r"^\| (\d+)–(\d+) \|", plan, re.M)]
    assert ranges[0][0] == 0 and ranges[-1][1] == minutes
    assert all(before[1] == after[0] for before, after in pairwise(ranges))
