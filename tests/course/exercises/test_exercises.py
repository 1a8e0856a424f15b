"""Every exercise: its reference passes, each common mistake fails with its own diagnosis, and its texts are whole."""

import inspect
import re
from random import Random

import numpy as np
import pytest
import torch

from prepack_lab.course.exercises import check, hint, solution
from prepack_lab.course.exercises.catalogue import EXERCISES, QUIZZES, quiz
from prepack_lab.course.exercises.checking import OPEN
from prepack_lab.course.exercises.progress import Progress
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
    mistake = one.wrong[name].function
    verdict = check(one.key, mistake)
    assert not verdict.solved
    if one.is_untouched(mistake.__code__):  # what a stub does is no mistake before somebody writes it anew
        assert verdict.open
        verdict = check(one.key, lambda *arguments: mistake(*arguments))
    assert one.wrong[name].diagnosis in verdict.words, verdict.words
    assert one.wrong[name].diagnosis.endswith(".")
    others = [
        other.diagnosis
        for key, other in one.wrong.items()
        if key != name and other.diagnosis != one.wrong[name].diagnosis
    ]
    assert not any(diagnosis in verdict.words for diagnosis in others), "the diagnosis of another mistake"


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.key)
def test_a_stub_is_open_until_something_is_filled_in(one):
    for lines in (one.open, f"def f({', '.join(one.signature)}): pass"):
        namespace = {"torch": torch}
        exec(lines, namespace)
        verdict = check(one.key, [*namespace.values()][-1])
        assert verdict.open and not verdict.solved and verdict.words == OPEN
    returned = check(one.key, lambda *arguments: ...)
    assert returned.open and "there is still a `...` in what you returned" in returned.words
    nothing = check(one.key, lambda *arguments: [].append(3))
    assert not nothing.open and "it returned None" in nothing.words
    assert one.key not in Progress.load().solved


def as_tuples(value):
    return tuple(map(as_tuples, value)) if isinstance(value, list | tuple) else value


def as_lists(value):
    return [*map(as_lists, value)] if isinstance(value, list | tuple) else value


def as_numpy(value):
    if isinstance(value, torch.Tensor):
        return value if value.dtype == torch.bfloat16 else value.numpy()
    if isinstance(value, list | tuple) and len({len(x) if isinstance(x, list | tuple) else -1 for x in value}) == 1:
        return np.array(value)
    if isinstance(value, list | tuple):
        return type(value)(map(as_numpy, value))
    if isinstance(value, dict):
        return {key: as_numpy(item) for key, item in value.items()}
    return np.array(value)[()]


def as_torch(value):
    if isinstance(value, list | tuple):
        return type(value)(map(as_torch, value))
    return torch.tensor(value) if isinstance(value, bool | int | float) else value


def narrow(value):
    """Whole numbers of 32 bits, and float32."""
    if isinstance(value, list | tuple):
        return type(value)(map(narrow, value))
    if isinstance(value, torch.Tensor) and value.dtype == torch.int64:
        return value.int()
    if isinstance(value, int) and not isinstance(value, bool):
        return np.int32(value)
    return np.float32(value) if isinstance(value, float) else value


@pytest.mark.long
@pytest.mark.parametrize("one", ALL, ids=lambda one: one.key)
@pytest.mark.parametrize("form", [as_tuples, as_lists, as_numpy, as_torch, narrow])
def test_a_right_answer_is_right_in_any_natural_form(one, form):
    verdict = check(one.key, lambda *arguments: form(one.reference(*arguments)))
    assert verdict.solved, verdict.words


@pytest.mark.long
@pytest.mark.parametrize("one", ALL, ids=lambda one: one.key)
@pytest.mark.parametrize(
    "returned", ["text", 7.5, [], {}, object(), [[object()]], True], ids=lambda one: type(one).__name__
)
def test_nonsense_is_told_to_be_wrong(one, returned):
    assert not check(one.key, lambda *arguments: returned).solved


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.key)
def test_the_smallest_cases_come_first(one):
    sizes = [len(repr(arguments)) for arguments in one.cases(Random(0))]
    assert sizes[0] == min(sizes) and sum(sizes[:5]) <= sum(sizes[-5:])


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.key)
def test_its_texts_are_whole(one):
    assert re.fullmatch(r"\d\d-[a-z-]+", one.key) and int(one.lesson) < len(LESSONS)
    assert 1 <= one.minutes <= 60
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


def test_an_unknown_exercise_stops_no_notebook_and_names_the_nearest():
    verdict = check("02-next-fitt", lambda: 1)
    assert not verdict.solved and verdict.words == "There is no exercise '02-next-fitt'; did you mean '02-next-fit'?"
    assert "did you mean '02-next-fit'?" in hint("02-nextfit").text and "did you mean" in solution("2-next-fit").text
    assert check("???", lambda: 1).words.startswith("There is no exercise '???'; there are: 01-waste")
    assert not check(None, lambda: 1).solved
    with pytest.raises(ValueError, match="no quiz '01-grow'; did you mean '01-grows'"):
        quiz("01-grow")


@pytest.mark.parametrize("one", QUIZZES.values(), ids=lambda one: one.key)
def test_a_quiz_has_one_right_answer_and_says_why(one):
    assert re.fullmatch(r"\d\d-[a-z-]+", one.key) and one.question[-1] in "?…:"
    assert [answer.right for answer in one.answers].count(True) == 1
    assert all(answer.text and answer.why.endswith(".") for answer in one.answers)
    assert quiz(one.key) is one


def test_functions_of_learners_take_what_the_task_says():
    for one in ALL:
        assert len(inspect.signature(one.reference).parameters) == len(next(iter(one.cases(Random(0)))))
