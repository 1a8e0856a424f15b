"""Whatever a learner's function does, the notebook goes on, and says what happened."""

import cProfile
import json
import math
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from filelock import FileLock

import prepack_lab as lab
from prepack_lab.course import stale_kernel
from prepack_lab.course.exercises import checking, hint, progress, solution
from prepack_lab.course.exercises.catalogue import EXERCISES
from prepack_lab.course.exercises.checking import Verdict, check
from prepack_lab.course.exercises.judges import number
from prepack_lab.course.exercises.lesson_01 import padding_share
from prepack_lab.course.inside.attempt import Outcome, attempt

KEY = "01-waste"
progressing = import_module("prepack_lab.course.exercises.progress")  # its name in the package is the function


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stale_kernel, "IMPORTED", math.inf)
    return tmp_path


def raises(lengths):
    return lengths[99]


def stops(lengths):
    sys.exit(1)


def recurses(lengths):
    return recurses(lengths)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (raises, "it raised IndexError: list index out of range, in line "),
        (stops, "it called exit()"),
        (recurses, "calls itself again and again"),
        (lambda: 1, "it raised TypeError"),
    ],
    ids=["a crash", "exit", "recursion", "the wrong arguments"],
)
def test_what_goes_wrong_is_named(function, words):
    verdict = check(KEY, function)
    assert not verdict.solved and words in verdict.words and verdict.words.startswith("With lengths = [1]")


@pytest.mark.long
def test_an_endless_loop_is_ended(monkeypatch):
    monkeypatch.setattr(checking, "SECONDS", 0.3)

    def endless(lengths):
        while True:
            pass

    start = time.monotonic()
    verdict = check(KEY, endless)
    assert time.monotonic() - start < 10
    assert "still running after 0.3 seconds" in verdict.words


def stubborn():
    while True:
        try:
            while True:
                pass
        except Exception:
            pass


def more_stubborn():
    while True:
        try:
            while True:
                pass
        except:  # noqa: E722
            pass


def nested():
    while True:
        try:
            try:
                try:
                    while True:
                        pass
                except:  # noqa: E722
                    sum(range(9))
            except BaseException:
                pass
        finally:
            sum(range(9))


def calls_itself():
    try:
        while True:
            pass
    except BaseException:
        calls_itself()


def cleans_up_for_ever():
    try:
        while True:
            pass
    finally:
        while True:
            pass


@pytest.mark.long
@pytest.mark.parametrize("function", [stubborn, more_stubborn, nested, calls_itself, cleans_up_for_ever])
def test_a_loop_that_swallows_exceptions_is_ended(function):
    began = time.monotonic()
    assert "still running after 0.2 seconds" in attempt(function, (), 0.2).failure
    assert time.monotonic() - began < 10
    assert attempt(lambda: 3, (), 5).returned == 3, "nobody is interrupted afterwards"


class _Mute(Exception):
    def __str__(self):
        raise RuntimeError


def mute(lengths):
    raise _Mute


def loud(lengths):
    raise ValueError("x" * 10_000)


def no_error_at_all(lengths):
    raise BaseException("bare")


def half_filled(lengths):
    return ... - sum(lengths)


def test_whatever_is_raised_has_words():
    assert "it raised _Mute: (its text can't be shown), in line 2 of your cell" in in_a_cell("raise _Mute", _Mute=_Mute)
    assert len(check(KEY, loud).words) < 1000
    assert "it raised BaseException: bare" in check(KEY, no_error_at_all).words
    assert "in line 3 of your cell" in in_a_cell("x = 1\n    return helper(lengths)", helper=raises)
    gap = check(KEY, half_filled)
    assert gap.open and "there is still a `...` to fill in, in line" in gap.words


def in_a_cell(lines, **names):
    """The words on a function whose code stands in a cell of its own."""
    exec(compile(f"def waste(lengths):\n    {lines}", "<a cell>", "exec"), names)
    return check(KEY, names["waste"]).words


def test_a_call_ends_while_it_is_profiled():
    profile = cProfile.Profile()
    profile.enable()
    kinds = [attempt(function, (), 0.2).kind for function in (lambda: 3, stubborn)]
    profile.disable()
    assert kinds == ["returned", "endless"]


@pytest.mark.long
@pytest.mark.parametrize("seconds", [0, 1e-6, 1e-4, 0.001, 0.004])
def test_nobody_is_interrupted_afterwards(seconds):
    """Also where the time is up before the call has begun, or while it ends: no watch is left, and none waits."""
    before = {*threading.enumerate()}
    for _ in range(50):
        assert attempt(lambda: sum(range(200)), (), seconds).kind in ("returned", "endless")
    time.sleep(0.5)
    assert {*threading.enumerate()} <= before


def test_a_function_may_change_what_it_is_given():
    def greedy(lengths):
        share = padding_share(lengths)
        lengths.clear()
        return share

    assert check(KEY, greedy).solved


def test_what_is_not_a_function_is_named():
    assert "This is an int, and a function is asked for" in check(KEY, 3).words


def test_the_counter_example_is_a_small_one():
    verdict = check(KEY, lambda lengths: 0.0)
    assert "With lengths = [1, 4]: you returned 0.0, and right is 0.375." in verdict.words


def test_progress_is_kept_beside_the_notebook(own_folder):
    check(KEY, lambda lengths: 0.0)
    check(KEY, padding_share)
    check(KEY, lambda lengths: 0.0)
    kept = json.loads((own_folder / "progress.json").read_text())
    assert kept["solved"] == [KEY], "what was solved once stays solved"
    assert kept["attempts"] == {KEY: 3}
    table = progress("01")
    assert table.caption.startswith("1 of ")
    assert [row[4] for row in table.rows if row[0] == KEY] == ["✓"]
    every = progress()
    assert every.caption == f"Exercises: 1 of {len(EXERCISES)} solved"
    assert KEY not in every.rows[0][3] and "01-batches" in every.rows[0][3]
    assert len(every.rows) == len({one.lesson for one in EXERCISES.values()})


def test_a_lesson_says_how_long_it_took(monkeypatch):
    clock = iter([100.0, 143.0, 400.0])
    monkeypatch.setattr(progressing, "monotonic", lambda: next(clock))
    monkeypatch.setattr(progressing, "_began", {})
    assert progress("01").caption.endswith("solved")
    assert progress("01").caption.endswith("solved, 43 seconds after you began")
    assert progress("01").caption.endswith("solved, 5 minutes after you began")


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", '{"other": 1}', '{"solved": 3}', '{"attempts": []}', '{"hints": {"01-waste": "x"}}',
        '{"answers": []}', '{"answers": {"01-grows": "x"}}', '{"answers": {"01-grows": [1e999]}}', "[" * 100_000,
    ],
)  # fmt: skip
def test_a_broken_file_of_progress_is_begun_anew(own_folder, content):
    (own_folder / "progress.json").write_text(content)
    assert check(KEY, padding_share).solved
    assert progress("01").caption.startswith("1 of ")


def test_answers_of_quizzes_are_kept_in_order_and_not_without_end(own_folder):
    old = {"solved": [KEY], "attempts": {KEY: 2}, "hints": {}}  # of a lab that kept no answers yet
    (own_folder / "progress.json").write_text(json.dumps(old))
    for place in range(progressing.TRIES + 2):
        assert progressing.Progress.chose("01-grows", f"answer {place}")
    kept = json.loads((own_folder / "progress.json").read_text())
    assert kept == {**old, "answers": {"01-grows": [f"answer {n}" for n in range(2, progressing.TRIES + 2)]}}


def test_a_folder_that_cannot_be_written_stops_nothing(monkeypatch):
    def refuse(*_, **__):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.write_text", refuse)
    verdict = check(KEY, padding_share)
    assert verdict.solved and "Progress could not be kept" in verdict.words
    assert [hint(KEY).title[:6] for _ in range(2)] == ["Hint 1", "Hint 2"], "this kernel remembers"
    assert progress("01").caption.startswith("1 of ")


def test_two_kernels_at_once_lose_nothing(own_folder):
    with ThreadPoolExecutor(4) as pool:  # a lock for each call, as for each kernel
        assert all(pool.map(lambda _: progressing.Progress.record(KEY, False), range(40)))
    kept = json.loads((own_folder / "progress.json").read_text())
    assert kept["attempts"] == {KEY: 40}
    assert {path.name for path in own_folder.iterdir()} == {"progress.json", ".progress.lock"}


def test_a_kernel_that_holds_the_file_for_good_stops_nobody(own_folder, monkeypatch):
    monkeypatch.setattr(progressing, "SECONDS", 0.1)
    with FileLock(own_folder / progressing.LOCK):
        assert "Progress could not be kept" in check(KEY, padding_share).words
    assert "kept" not in check(KEY, padding_share).words
    assert json.loads((own_folder / "progress.json").read_text())["attempts"] == {KEY: 2}


def test_files_that_changed_under_the_kernel_are_named(own_folder, monkeypatch):
    monkeypatch.setattr(stale_kernel, "PACKAGE", own_folder)
    monkeypatch.setattr(stale_kernel, "IMPORTED", 0)
    for name in ("masks.py", "new.py"):
        (own_folder / name).write_text("")
    words = "The lab's files have changed since this kernel began (masks.py and 1 more): restart the kernel."
    assert check(KEY, padding_share).words.endswith(words)
    assert progress("01").caption.endswith(words) and progress().caption.endswith(words)


def test_hints_come_in_steps_and_begin_again():
    hints = EXERCISES[KEY].hints
    assert [hint(KEY).text for _ in range(len(hints) + 1)] == [*hints, hints[0]]
    assert hint(KEY).title == f"Hint 2 of {len(hints)}"


def test_a_verdict_shows_itself_as_text_and_on_a_page():
    verdict = check(KEY, lambda lengths: "<b>")
    assert str(verdict).startswith("✗ 01-waste: With lengths")
    page = verdict._repr_html_()
    assert "<b>✗ Not yet.</b>" in page and "&lt;b&gt;" in page and "role='status'" in page
    assert "<b>✓ Solved.</b>" in check(KEY, padding_share)._repr_html_()
    assert "def padding_share" in solution(KEY)._repr_html_()


@pytest.mark.long
def test_the_time_is_for_each_case(monkeypatch):
    monkeypatch.setattr(checking, "SECONDS", 0.3)

    def slow(lengths):
        time.sleep(0.02)
        return padding_share(lengths)

    verdict = check(KEY, slow)
    assert verdict.solved and 0.02 * verdict.cases > 0.3


@pytest.mark.long
def test_a_slow_and_wrong_function_is_not_run_for_long(monkeypatch):
    monkeypatch.setattr(checking, "SECONDS", 0.2)

    def slow(lengths):
        time.sleep(0.1)
        return 7.0

    began = time.monotonic()
    words = check(KEY, slow).words
    assert "right is 0.0" in words and "every case" not in words
    assert not any(wrong.diagnosis in words for wrong in EXERCISES[KEY].wrong.values()), "nothing was compared"
    assert time.monotonic() - began < 3


class _Unshown:
    def __repr__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    "returned",
    [_Unshown(), 10**5000, torch.empty(2, device="meta"), math.nan, np.arange(3)],
    ids=lambda one: type(one).__name__,
)
def test_what_cannot_be_shown_or_compared_stops_nothing(returned):
    assert not check(KEY, lambda lengths: returned).solved


def test_a_number_of_numpy_is_a_number():
    assert check(KEY, lambda lengths: np.float64(padding_share(lengths))).solved
    assert number(np.int64(3), 3) is None


def test_what_asks_for_own_work_refuses_the_labs_own_function():
    def theirs(lengths, capacity):
        try:
            return [[*members] for members in lab.pack(lengths, capacity, "next_fit").bins]
        except BaseException:
            return []

    verdict = check("02-next-fit", theirs)
    assert not verdict.solved and "the exercise asks for yours" in verdict.words
    assert lab.pack([3, 5, 2]).num_bins == 2, "it works again"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.arange(25), f"int64 {[*range(25)]}"),
        (torch.zeros(2, 13), "a tensor of float32 and shape [2, 13]"),
        (torch.tensor([[1 / 3, 2.0]]), "float32 [[0.3333, 2]]"),
        ("x" * 158, repr("x" * 158)),
        ("x" * 159, f"'{'x' * 156}…"),
        (_Unshown(), "a _Unshown that can't be shown"),
    ],
    ids=["small", "large", "digits", "short", "long", "unshown"],
)
def test_values_are_shown_in_few_letters(value, words):
    assert checking._short(value) == words


def test_verdicts_have_three_marks_and_a_picture():
    marks = [(True, False, "✓"), (False, True, "○"), (False, False, "✗")]
    for solved, is_open, mark in marks:
        verdict = Verdict("01-waste", solved, "Words.", 3, is_open, "· ×")
        assert str(verdict) == f"{mark} 01-waste: Words.\n· ×"
        assert f"<b>{mark} " in verdict._repr_html_() and verdict._repr_html_().count("<pre>· ×</pre>") == 1
    assert "<pre>" not in Verdict("01-waste", True, "Words.", 3)._repr_html_()


@pytest.mark.parametrize(
    ("returned", "gaps"),
    [(..., True), ([1, ...], True), ((..., 1), True), ({"a": ...}, True), ([1], False), ({1: 2}, False), (3, False)],
)
def test_gaps_are_seen(returned, gaps):
    assert checking._has_gaps(returned) is gaps


def test_time_in_a_lesson_is_told_in_seconds_and_then_in_minutes(monkeypatch):
    clock = iter([0.0, 119.4, 119.6, 239.0])
    monkeypatch.setattr(progressing, "monotonic", lambda: next(clock))
    monkeypatch.setattr(progressing, "_began", {})
    said = [progressing._time_in("01") for _ in range(4)]
    assert said == ["", *(f", {time} after you began" for time in ("119 seconds", "2 minutes", "3 minutes"))]


def test_progress_by_hand():
    asked = [
        SimpleNamespace(lesson=lesson, key=key, title=key.title(), minutes=minutes)
        for lesson, key, minutes in (("01", "a", 5), ("01", "b", 10), ("02", "c", 7))
    ]
    table = progressing._all_lessons(progressing.Progress(["b", "c"]), asked)
    assert table.headings == ("lesson", "solved", "time", "still open")
    assert table.rows == [("01", "1 of 2", "15 min", "a"), ("02", "1 of 1", "7 min", "none")]
    assert table.caption == "Exercises: 2 of 3 solved"


def test_a_row_of_progress_by_hand():
    check(KEY, lambda lengths: 0.0)
    check(KEY, padding_share)
    table, one = progress("01"), EXERCISES[KEY]
    assert table.headings == ("exercise", "title", "level", "time", "solved", "attempts")
    assert (KEY, one.title, one.level, f"{one.minutes} min", "✓", 2) in table.rows
    assert [row[4:] for row in table.rows if row[0] != KEY] == [("open", 0)] * (len(table.rows) - 1)


def judged(outcome, judge=lambda returned, right, *arguments: None if returned == right else "Wrong.", **asked):
    exercise = SimpleNamespace(key="01-a", signature=("n",), judge=judge)
    vars(exercise).update(asked)
    return checking._wrong(exercise, outcome, 2.0, (7,) * len(exercise.signature))


@pytest.mark.parametrize(
    ("outcome", "words", "is_open"),
    [
        (Outcome(failure="it broke", kind="raised"), "With n = 7: it broke", False),
        (Outcome(failure="`...` is left", kind="open"), "With n = 7: `...` is left", True),
        (Outcome([...]), "With n = 7: there is still a `...` in what you returned: fill it in.", True),
        (Outcome(None), f"With n = 7: {checking.NOTHING}", False),
        (Outcome(3.0), "With n = 7: you returned 3.0, and right is 2.0.\nWrong.", False),
    ],
)
def test_what_is_wrong_is_told_with_the_arguments(outcome, words, is_open):
    assert judged(outcome) == Verdict("01-a", False, words, 0, is_open)


def test_what_is_right_has_no_verdict_and_an_answer_is_not_told():
    assert judged(Outcome(2.0)) is None
    assert judged(Outcome(3.0), signature=()).words == "You returned 3.0.\nWrong."
    assert judged(Outcome(3.0), judge=raises).words.endswith("This float can't be compared with what is asked for.")
    assert judged(Outcome(torch.ones(2)), judge=lambda *_: "Wrong.").picture == ""


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        (Outcome(1.0), Outcome(1), True),
        (Outcome(1.0), Outcome(2.0), False),
        (Outcome(failure="a"), Outcome(failure="b"), True),
        (Outcome(None), Outcome(failure="b"), False),
        (Outcome(failure="b"), Outcome(None), False),
        (Outcome(np.arange(2)), Outcome(np.arange(2)), False),
    ],
)
def test_two_outcomes_are_alike(first, second, alike):
    assert checking._alike(first, second) is alike


def test_cases_are_counted_up_to_the_first_that_fails():
    cases = [*EXERCISES[KEY].cases(Random(0))]
    first = next(place for place, (lengths,) in enumerate(cases) if padding_share(lengths))
    assert check(KEY, lambda lengths: 0.0).cases == first + 1 > 1
    assert check(KEY, padding_share).cases == len(cases)
    assert check(KEY, 3).cases == check("nothing", 3).cases == 0
