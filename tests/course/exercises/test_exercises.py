"""Every exercise: its reference passes, each common mistake fails with its own diagnosis, and its texts are whole."""

import inspect
import re
from random import Random

import pytest
import torch

from prepack_lab.course.exercises import check, solution
from prepack_lab.course.exercises.catalogue import EXERCISES, QUIZZES, exercise, quiz
from prepack_lab.course.lessons import LESSONS

ALL = [*EXERCISES.values()]
WRONG = [(one, name) for one in ALL for name in one.wrong]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.key)
def test_the_reference_passes(one):
    verdict = check(one.key, one.reference)
    assert verdict.solved and verdict.words == f"{verdict.cases} case{'s' if verdict.cases > 1 else ''}, all right."


@pytest.mark.parametrize(("one", "name"), WRONG, ids=[f"{one.key}: {name}" for one, name in WRONG])
def test_a_mistake_fails_with_its_own_diagnosis(one, name):
    verdict = check(one.key, one.wrong[name].function)
    assert not verdict.solved
    assert one.wrong[name].diagnosis in verdict.words, verdict.words
    assert one.wrong[name].diagnosis.endswith(".")
    others = [
        other.diagnosis
        for key, other in one.wrong.items()
        if key != name and other.diagnosis != one.wrong[name].diagnosis
    ]
    assert not any(diagnosis in verdict.words for diagnosis in others), "the diagnosis of another mistake"


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.key)
def test_an_empty_stub_is_told_to_be_filled_in(one):
    verdict = check(one.key, lambda *arguments: ...)
    assert not verdict.solved and "Your function returned nothing" in verdict.words


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.key)
@pytest.mark.parametrize("returned", ["text", 7.5, [], {}, object(), [[object()]], True], ids=repr)
def test_nonsense_is_told_to_be_wrong(one, returned):
    assert not check(one.key, lambda *arguments: returned).solved


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.key)
def test_the_smallest_cases_come_first(one):
    sizes = [len(repr(arguments)) for arguments in one.cases(Random(0))]
    assert sizes[0] == min(sizes) and sum(sizes[:5]) <= sum(sizes[-5:])


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.key)
def test_its_texts_are_whole(one):
    assert re.fullmatch(r"\d\d-[a-z-]+", one.key) and int(one.lesson) < len(LESSONS)
    assert 2 <= one.minutes <= 15
    assert 2 <= len(one.hints) <= 4 and len(one.wrong) >= 2
    assert one.task.endswith(".") and all(hint[-1] in ".?`" or hint.endswith(")") for hint in (*one.hints, one.task))
    for name in one.signature:
        assert f"`{name}`" in one.task, f"the task does not name {name}"
    assert len(one.solution.splitlines()) <= 16 and "prepack_lab" not in one.solution
    namespace = {"torch": torch}
    exec(solution(one.key).text, namespace)  # the solution runs by itself
    assert check(one.key, namespace[one.reference.__name__]).solved


@pytest.mark.parametrize("one", [one for one in ALL if not one.signature], ids=lambda one: one.key)
def test_an_answer_is_not_given_away(one):
    for wrong in one.wrong.values():
        words = check(one.key, wrong.function).words
        assert "right is" not in words and repr(one.reference()) not in words


def test_an_unknown_exercise_is_named():
    with pytest.raises(ValueError, match="no exercise '99-x'; there are: 01-waste"):
        exercise("99-x")


@pytest.mark.parametrize("one", QUIZZES.values(), ids=lambda one: one.key)
def test_a_quiz_has_one_right_answer_and_says_why(one):
    assert re.fullmatch(r"\d\d-[a-z-]+", one.key) and one.question[-1] in "?…:"
    assert [answer.right for answer in one.answers].count(True) == 1
    assert all(answer.text and answer.why.endswith(".") for answer in one.answers)
    assert quiz(one.key) is one


def test_functions_of_learners_take_what_the_task_says():
    for one in ALL:
        assert len(inspect.signature(one.reference).parameters) == len(next(iter(one.cases(Random(0)))))
