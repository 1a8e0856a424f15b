"""One notebook is graded, whatever its functions do."""

import inspect
import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prepack_lab.course.exercises import check
from prepack_lab.course.exercises.catalogue import EXERCISES, exercise
from prepack_lab.course.exercises.checking import diagnose
from prepack_lab.course.grading import judge
from prepack_lab.course.grading.judge import Options, grades_of, seed_of
from prepack_lab.course.grading.submissions.finding import Submission
from tests.course.grading.conftest import CHECK, OPTIONS, RIGHT, solved_cells, waste, write_notebook

pytestmark = pytest.mark.long

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"
LESSONS = sorted({one.lesson for one in EXERCISES.values()})


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_references_are_all_solved(grades, lesson):
    found = grades(*solved_cells(lesson))
    asked = [key for key, one in EXERCISES.items() if one.lesson in (lesson, "01")]  # its file is called 01
    found = {key: grade for key, grade in found.items() if key.startswith(lesson)}
    assert [*found] == [key for key in asked if key.startswith(lesson)]
    assert {key: (grade.status, grade.diagnosis) for key, grade in found.items() if not grade.solved} == {}
    assert all(0 < grade.cases == grade.right and grade.code and not grade.flags for grade in found.values())


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_solution_notebooks_are_all_solved_and_the_lessons_not_begun(desk, lesson):
    (solution,) = NOTEBOOKS.glob(f"solutions/{lesson}_*.ipynb")
    for path, status in ((solution, "solved"), (NOTEBOOKS / solution.name, "not begun")):
        found = [*grades_of(Submission("ada", path, path.name), desk.sandbox, OPTIONS, set(), lambda key: None)]
        assert {grade.exercise: (grade.status, grade.diagnosis) for grade in found if grade.status != status} == {}
        assert len(found) == sum(one.lesson == lesson for one in EXERCISES.values())
        assert not any(grade.flags for grade in found)


@pytest.mark.parametrize("key", ["01-waste", "02-next-fit", "03-segments", "06-largest", "07-budget"])
def test_a_known_mistake_is_named_as_in_the_notebook(grades, key):
    one, tried = exercise(key), 0
    for wrong in one.wrong.values():
        source, name = inspect.getsource(wrong.function), wrong.function.__name__
        if any(f"{other}(" in source for other in ("few_lengths", "pack", one.reference.__name__)):
            continue  # it is made of other functions of ours
        grade = grades(source, f'lab.check("{key}", {name})')[key]
        if grade.status != "crashed":
            tried += 1
            assert grade.status == "wrong" and wrong.diagnosis in grade.diagnosis
            assert grade.right < grade.cases
    assert tried


HONEST = {
    "a dict": ["memo = dict()", waste(f"return memo.setdefault(str(lengths), {RIGHT})")],
    "a counter": ["calls = 0", waste(f"global calls\ncalls += 1\nreturn {RIGHT}")],
    "a fraction": ["from fractions import Fraction", 
                   waste("return 1 - Fraction(sum(lengths), len(lengths) * max(lengths))")],
    "numpy": ["import numpy as np", waste("return np.float64(1 - np.sum(lengths) / len(lengths) / max(lengths))")],
    "an import that may fail": ["try:\n    import math\nexcept ImportError:\n    math = None",
                                waste(f"return math.fsum([{RIGHT}])")],
    "a function that may be there": [f"try:\n    import nothing_like_this\nexcept ImportError:\n    {waste('')}"
                                     f"        return {RIGHT}"],
    "an import that is not there": ["import nothing_like_this", waste(f"return {RIGHT}")],
    "another name": [waste(f"return {RIGHT}").replace("padding_share", "mine"), "padding_share = mine"],
    "a lambda": [f"padding_share = lambda lengths: {RIGHT}"],
    "a timed cell": [f"%%time\n{waste(f'return {RIGHT}')}"],
    "a captured cell": [f"%%capture out --no-stderr\n{waste(f'return {RIGHT}')}"],
    "a profiled cell": [f"%%prun -q -s cumulative\n{waste(f'return {RIGHT}')}"],
    "magics of lines": [f"%matplotlib inline\n!ls\nlab.check?\n{waste(f'return {RIGHT}')}"],
    "a timed line": [f"!ls\n%time padding_share = lambda lengths: {RIGHT}"],
    "what Jupyter has": [waste(f"display(lengths)\nget_ipython().run_line_magic('pwd', '')\nreturn {RIGHT}")],
    "what Jupyter has, imported": ["from IPython import get_ipython\nfrom IPython.display import display, HTML",
                                   waste(f"display(HTML('<b>'), get_ipython().user_ns)\nreturn {RIGHT}")],
    "the name of a notebook": [f"if __name__ == '__main__':\n    padding_share = lambda lengths: {RIGHT}"],
    "a module for it": ["import sys",
                        waste(f"assert vars(sys.modules['__main__'])['padding_share']\nreturn {RIGHT}")],
    "a dataclass": ["from dataclasses import dataclass\n"
                    "@dataclass\nclass Batch:\n    lengths: list\n    width: int = 0",
                    waste("batch = Batch(lengths, max(lengths))\n"
                          "return 1 - sum(batch.lengths) / (len(lengths) * batch.width)")],
    "annotations that are values": ["def f(x: 'int' = 0) -> dict: ...\nassert f.__annotations__['return'] is dict\n"
                                    + waste(f"return {RIGHT}")],
    "a loop that makes a table": ["squares = {}\nfor n in range(9):\n    squares[n] = n * n",
                                  waste(f"return {RIGHT} if squares[8] == 64 else None")],
    "a function that was made": ["def make():\n    def padding_share(lengths):\n        return " + RIGHT
                                 + "\n    return padding_share\npadding_share = make()"],
    "a decorator": ["from functools import cache, wraps\ndef logged(f):\n    @wraps(f)\n    def g(*a):\n"
                    "        return f(*a)\n    return g\n@logged\n" + waste(f"return {RIGHT}")],
    "a temporary file": ["import tempfile", waste("with tempfile.TemporaryFile('w+') as file:\n"
                                                  f"    file.write(repr({RIGHT}))\n    file.seek(0)\n"
                                                  "    return float(file.read())")],
    "an async helper": ["async def share(lengths):\n    return " + RIGHT,
                        waste("one = share(lengths)\ntry:\n    one.send(None)\n"
                              "except StopIteration as ended:\n    return ended.value")],
    "await in a cell": ["import asyncio\nasync def one():\n    return 1\nONE = await one()",
                        waste(f"return ONE * ({RIGHT})")],
    "exec": [f"exec({waste(f'return {RIGHT}')!r})"],
    "the lab's own": ["packing = lab.pack([3, 5, 2])\nassert packing.num_bins == 2", waste(f"return {RIGHT}")],
    "250 elifs": [waste("if lengths == 0:\n    return 0\n" + "".join(
        f"elif lengths == {n}:\n    return {n}\n" for n in range(250)) + f"return {RIGHT}")],
    "a model of the lesson": ["model, tokenizer = lab.load_model()\nwidth = 3", waste(f"return width and {RIGHT}")],
}  # fmt: skip
HANDED = {
    "an attribute": ["class My:\n    @staticmethod\n    def share(lengths):\n        return " + RIGHT, "My.share"],
    "a bound method": ["class My:\n    def share(self, lengths):\n        return " + RIGHT, "My().share"],
    "a callable object": ["class My:\n    def __call__(self, lengths):\n        return " + RIGHT, "My()"],
    "a partial": [
        "from functools import partial\ndef f(one, lengths):\n    return one - " + RIGHT[4:],
        "partial(f, 1)",
    ],
    "a lambda": ["x = 1", f"lambda lengths: {RIGHT}"],
}


@pytest.mark.parametrize("way", HONEST)
def test_who_solved_it_in_a_way_of_their_own_has_solved_it(grade, way):
    found = grade(*HONEST[way], CHECK, claims=["01-waste"])
    assert (found.status, found.flags) == ("solved", ()), found.diagnosis
    assert found.right == found.cases > 40
    assert "return" in found.code or "lambda" in found.code or way in ("exec", "a timed line"), "people can read it"


@pytest.mark.parametrize("way", HANDED)
def test_whatever_was_handed_to_the_check_is_tried(grade, way):
    cell, function = HANDED[way]
    found = grade(cell, f'lab.check("01-waste", {function})')
    assert (found.status, found.flags) == ("solved", ()), found.diagnosis


def test_a_helper_is_the_one_that_was_there_when_the_check_ran(grades):
    found = grades(
        "def helper(x):\n    return x", waste(f"return helper({RIGHT})"), CHECK, "def helper(x):\n    return -x",
        "def cost(lengths):\n    return helper(-sum(n * n for n in lengths) / len(lengths) / max(lengths) ** 2)",
    )  # fmt: skip
    assert found["01-waste"].solved


def test_of_several_checks_the_best_counts(grade):
    assert grade(waste("return 0.5"), CHECK, waste(f"return {RIGHT}"), CHECK).solved
    assert grade(waste(f"return {RIGHT}"), CHECK, waste("return 0.5"), CHECK).solved
    assert grade(waste("return 0.5"), *[CHECK] * 20, waste(f"return {RIGHT}"), CHECK).status == "wrong"


FATES = {
    "endless loop": ("while True:\n    pass", "still running after 2 seconds"),
    "endless loop that catches all": (
        "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass",
        "still running after 2 seconds",
    ),
    "endless loop in C": ("return sum(range(10**12))", "still running after 2 seconds"),
    "endless loop that sleeps": ("import time\ntime.sleep(600)", "still running after 2 seconds"),
    "calls exit": ("raise SystemExit", "called exit()"),
    "died": ("import os\nos._exit(3)", "leave out os._exit()"),
    "died as if all were well": ("import os\nos._exit(0)", "leave out os._exit()"),
    "died by a signal": ("import ctypes\nctypes.string_at(0)", "brought the whole process down (signal 11)"),
    "died by noise": ("import os\nfor fd in range(3, 64):\n    try:\n        os.write(fd, b'x' * 99 + b'\\n')\n"
                      "    except OSError:\n        pass", "can't be read"),
    "too much memory": ("return bytearray(20_000_000_000)", "more memory"),
    "too much memory in torch": ("return torch.ones(5_000_000_000)", "more memory"),
    "too much memory bit by bit": ("held = []\nwhile True:\n    held.append(bytearray(50_000_000))", "more memory"),
    "huge output": ("return [0] * 2_000_000", "100,000"),
    "crashed": ("return 1 / 0", "ZeroDivisionError: division by zero, in line 2 of your cell"),
    "crashed by recursion": ("return padding_share(lengths)", "calls itself again and again"),
    "crashed without words": ("class E(Exception):\n    def __str__(self):\n        1 / 0\nraise E", "raised E"),
    "not begun": ("return ...", "Nothing has been filled in yet."),
    "not begun at all": ("pass", "Nothing has been filled in yet."),
    "wrong": ("return 10 ** 400", "right is"),
    "wrong: no number": ("return chr(0xD800)", "right is"),
    "wrong: nested": ("x = []\nfor _ in range(3000):\n    x = [x]\nreturn x", ""),
    "wrong: itself": ("x = []\nx.append(x)\nreturn x", ""),
}  # fmt: skip


@pytest.mark.parametrize("fate", FATES)
def test_whatever_a_function_does_is_reported_as_what_it_is(grades, fate):
    body, words = FATES[fate]
    cells = solved_cells("01")
    found = grades(waste(body), CHECK, *cells[3:])
    status = next(known for known in ("endless loop", "too much memory", "calls exit", "died", "huge output",
                                      "crashed", "not begun", "wrong") if fate.startswith(known))  # fmt: skip
    grade = found.pop("01-waste")
    assert grade.status == status or (fate in ("wrong: nested", "wrong: itself") and not grade.solved), grade
    assert words in grade.diagnosis
    assert {one.status for one in found.values()} == {"solved"}, "the other functions are tried all the same"


CALLS = "CALLS = []\n"
AFTER_ONE = "CALLS.append(1)\nif len(CALLS) > 1:\n    {}\nreturn " + RIGHT


def test_who_ends_the_process_later_is_not_told_that_something_came_back(grade):
    found = grade(CALLS + waste(AFTER_ONE.format("__import__('os')._exit(0)")), CHECK)
    assert found.status == "died" and "lengths = [3]" in found.diagnosis and "ou returned" not in found.diagnosis


def test_a_return_that_was_forgotten_in_one_branch_is_begun(grade):
    found = grade(CALLS + waste(AFTER_ONE.format("return None")), CHECK)
    assert (found.status, found.right) == ("wrong", 1)
    assert grade(waste("return 'Nothing has been filled in yet.'"), CHECK).status == "wrong"


def test_cases_that_came_out_right_are_counted(grade):
    found = grade(waste(f"return {RIGHT} if len(set(lengths)) > 1 else 0.5"), CHECK)
    seed = found.seed
    alike = sum(len(set(lengths)) == 1 for (lengths,) in exercise("01-waste").cases(Random(seed)))
    assert (found.status, found.right, found.cases - found.right) == ("wrong", found.cases - alike, alike)
    assert alike >= 3


SPOILT = {
    "an endless cell": "while True:\n    pass",
    "a cell that sleeps": "import time\ntime.sleep(99)",
    "a cell that kills": "import os\nos._exit(1)",
    "a cell that raises": "raise BaseException",
    "a cell that exits": "exit()",
    "a cell of nonsense": "x = (",
    "a cell with odd letters": "x = '" + chr(0xD800) + "'",
    "a class that kills": "class A:\n    import os\n    os.kill(os.getpid(), 9)\n    os.abort()",
    "children": "import os, time\nfor _ in range(20):\n    if os.fork() == 0:\n        time.sleep(999)",
    "a bomb": "import os\nwhile True:\n    os.fork()",
    "noise": "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'x')\n    except OSError: pass",
    "a chain": "lab" + ".a" * 1200,
    "a full folder": "open('/tmp/x', 'wb').write(bytes(9_000_000))\n" * 5,
    "no channel": "import os\nos.closerange(3, 200)",
    "another check": "lab.check = print",
    "another IPython": "get_ipython().run_cell = None",
    "deep brackets": "x = " + "[" * 500 + "]" * 500,
}


@pytest.mark.parametrize("way", SPOILT)
def test_a_cell_that_spoils_all_leaves_the_marks_of_the_others(grade, way):
    found = grade(SPOILT[way], waste(f"return {RIGHT}"), CHECK)
    assert found.status == "solved", found


def test_who_brings_it_down_again_and_again_is_told_so(grade):
    found = grade(*["class A:\n    import os\n    os._exit(0)"] * judge.ROOMS, CHECK)
    assert found.status == "died" and "12 times" in found.diagnosis


def test_cells_that_take_long_together_leave_the_later_ones_their_definitions(grade, monkeypatch):
    monkeypatch.setattr(judge, "CELLS_TOGETHER", 0.5)
    slow = "import time\ntime.sleep(0.4)\nname = 1"
    found = grade(*[slow] * 3, waste(f"return {RIGHT}"), "name = None", CHECK)
    assert found.solved and found.seconds < 2
    assert grade(*[slow] * 3, waste("return other"), "other = 1", CHECK).status == "crashed", (
        "the last is no definition"
    )


def test_a_message_that_is_none_is_called_unreadable(grade):
    forge = "model = lab.check.__self__._channel.send({'nothing': 1})"
    found = grade(forge, waste(f"return model and {RIGHT}"), CHECK)
    assert "model is made in cell 2: what came back from its process can't be read." in found.diagnosis


def test_definitions_above_an_endless_loop_count(grade):
    assert grade(waste(f"return {RIGHT}") + "\nwhile True:\n    pass", CHECK).solved


def test_many_magics_over_a_long_cell_cost_no_other_exercise(grades):
    slow = "!ls\n" * 60 + "x = 1\n" * 4000
    assert grades(slow, waste(f"return {RIGHT}"), CHECK)["01-waste"].solved


def test_a_deleted_function_a_deleted_check_and_a_syntax_error(grade):
    found = grade(CHECK)
    assert found.status == "missing" and "there is no function padding_share" in found.diagnosis
    found = grade(waste(f"return {RIGHT}"))
    assert found.solved and found.flags == ("its check is no longer in the notebook",)
    found = grade("def padding_share(lengths):\n    return (", CHECK)
    assert found.status == "syntax error" and found.diagnosis.startswith("cell 2, line 2")


def test_where_judging_fails_the_other_exercises_are_graded(grades, monkeypatch):
    def fails(asked, *others):
        if asked.key == "01-waste":
            raise OverflowError("int too large to convert to float")
        return diagnose(asked, *others)

    monkeypatch.setattr(judge, "diagnose", fails)
    found = grades(*solved_cells("01"))
    broken = found.pop("01-waste")
    assert broken.status == "not graded" and "OverflowError: int too large" in broken.diagnosis
    assert {one.status for one in found.values()} == {"solved"}


def test_what_is_no_function_is_told_what_it_is(grade):
    found = grade("padding_share = 0.5", CHECK)
    assert found.status == "wrong" and "this is of type float" in found.diagnosis


def test_what_is_not_there_is_named_and_nobody_accused(grade):
    held = waste(f"return model and {RIGHT}")
    found = grade("model, tokenizer = lab.load_model()", held, CHECK, claims=["01-waste"])
    assert (found.status, found.flags) == ("crashed", ())
    assert "model is made in cell 2, which needs prepack_lab.models, and that is left out" in found.diagnosis
    found = grade("import pandas_like as pd", waste(f"return pd and {RIGHT}"), CHECK, claims=["01-waste"])
    assert (found.status, found.flags) == ("crashed", ())
    assert "pd is made in cell 2, which needs pandas_like, and that is not installed" in found.diagnosis
    found = grade("padding_share = lab.cached(print)", CHECK)
    assert found.status == "missing" and "padding_share is made in cell 2, which failed here" in found.diagnosis
    found = grade("model = 1\nwhile True:\n    pass", held, CHECK)
    assert "model is made in cell 2: it was still running after 2 seconds" in found.diagnosis


def test_a_claim_that_does_not_hold_is_flagged_with_evidence(grade):
    found = grade(waste("return 0.5"), CHECK, claims=["01-waste"])
    assert found.flags == ("the notebook shows it as solved, and the same cases fail here",)
    assert grade(waste("return 0.5"), CHECK).flags == ()
    found = grade(CHECK, claims=["01-waste"])
    assert found.flags == ("the notebook shows it as solved, and its function is not there",)


CHEATS = {
    "a check of one's own": ["lab.check = lambda *_: print('✓ 01-waste')", waste("return 0.5")],
    "the catalogue": ["from prepack_lab.course.exercises.catalogue import EXERCISES\n"
                      "padding_share = EXERCISES['01-waste'].reference"],
    "the catalogue, later": [waste("from prepack_lab.course.exercises.catalogue import EXERCISES\n"
                                   "return EXERCISES['01-waste'].reference(lengths)")],
    "the capstone": [waste("from prepack_lab.course.capstone import reference\nreturn 0")],
    "an object that is equal to all": [waste("class E(float):\n    def __eq__(self, other):\n        return True\n"
                                             "    def __sub__(self, other):\n        return 0.0\nreturn E(0.5)")],
    "not a number": [waste("return float('nan')")],
    "infinite": [waste("return float('inf')")],
    "the frames above": [waste("import sys\nframe = sys._getframe()\nwhile frame:\n"
                               "    for value in frame.f_locals.values():\n"
                               "        if hasattr(value, 'reference'):\n            return value.reference(lengths)\n"
                               "    frame = frame.f_back\nreturn 0.5")],
    "what is collected": [waste("import gc\nfor one in gc.get_objects():\n    if type(one).__name__ == 'Exercise':\n"
                                "        return one.reference(lengths)\nreturn 0.5")],
    "a message": ["import os, json\nfor fd in range(3, 64):\n    try:\n"
                  "        os.write(fd, json.dumps({'solved': '01-waste', 'grade': 'solved', 'done': 1, 'enough': 1})"
                  ".encode() + b'\\n')\n    except OSError:\n        pass", waste("return 0.5")],
    "another judge": ["import prepack_lab.course.inside.wire as wire\nwire.encode = lambda *_: {'solved': True}",
                      waste("return 0.5")],
}  # fmt: skip


@pytest.mark.parametrize("way", CHEATS)
def test_cheats_do_not_pay(grade, way):
    assert not grade(*CHEATS[way], CHECK).solved


def test_what_is_handed_over_holds_no_answer(grades):
    """The limit of a memory, the work of a device: they stay with the grader."""
    peeks = {
        "06-largest": "def f(fits, most):\n    return vars(fits).get('limit', vars(fits).get('_limit', -1))",
        "05-sync": "def f(device):\n    return 1 + next(v for k, v in vars(device).items() if 'work' in k)",
        "09-greedy": "def f(step, token, end, most):\n    scores = vars(step)['_scores']\n    return [0]",
    }
    for key, source in peeks.items():
        found = grades(source, f'lab.check("{key}", f)')[key]
        assert found.status in ("crashed", "wrong") and found.right == 0, found
    words = "import re\ndef f(fits, most):\n    return int(re.findall(r'\\d+', repr(fits))[0])"
    assert grades(words, 'lab.check("06-largest", f)')["06-largest"].right == 0


def test_what_asks_for_own_work_takes_no_function_of_the_lab(grades):
    theirs = "def f(lengths, capacity):\n    return [list(b) for b in lab.pack(lengths, capacity).bins]"
    found = grades(theirs, 'lab.check("02-ffd", f)')["02-ffd"]
    assert found.status == "not allowed" and "the exercise asks for yours" in found.diagnosis
    caught = theirs.replace("    return", "    try:\n        return") + "\n    except BaseException:\n        return []"
    assert grades(caught, 'lab.check("02-ffd", f)')["02-ffd"].status == "not allowed"
    below = "from prepack_lab.strategies import first_fit_decreasing as f"
    assert grades(below, 'lab.check("02-ffd", f)')["02-ffd"].status == "not allowed"
    search = (
        "def f():\n    from random import Random\n    draw = Random(0)\n    while True:\n"
        "        lengths = [draw.randint(1, 10) for _ in range(7)]\n"
        "        if lab.pack(lengths, 12).num_bins > lab.pack(lengths, 12, 'optimal').num_bins:\n"
        "            return lengths, 12"
    )
    assert grades(search, 'lab.check("02-beat-ffd", f)')["02-beat-ffd"].solved, "this one is a search, and allowed"


def test_each_notebook_has_numbers_of_its_own(grade, tmp_path, monkeypatch):
    """A table of the answers that the check in the notebook wants is no solution."""
    asked = exercise("01-waste")
    answers = {str(lengths): asked.reference(lengths) for (lengths,) in asked.cases(Random(0))}
    source = f"ANSWERS = {answers!r}\n" + waste("return ANSWERS.get(str(lengths), 0.0)")
    namespace = {}
    exec(source, namespace)
    monkeypatch.chdir(tmp_path)
    assert check("01-waste", namespace["padding_share"]).solved
    found = grade(source, CHECK, claims=["01-waste"])
    assert found.status == "wrong" and 0 < found.right < found.cases
    assert found.flags == ("right on the numbers of the notebook's own check, and wrong on others",)
    content = (tmp_path / "01_padding_waste.ipynb").read_bytes()
    assert found.seed == seed_of(content, "01-waste") != seed_of(content + b" ", "01-waste")
    assert seed_of(content, "01-waste", 1) != seed_of(content, "01-waste") != seed_of(content, "01-batches")


def test_only_what_is_asked_for_is_graded(grades):
    cells = solved_cells("01")
    (nothing,) = grades(*cells, options=Options(keys=("02-ffd",))).values()
    assert (nothing.status, nothing.diagnosis) == ("nothing handed in", judge.NOTHING_ASKED)
    assert [*grades(*cells, options=Options(keys=("01-order", "02-ffd")))] == ["01-order"]


PROGRESS = {
    '{"attempts": {"01-waste": 7}, "hints": {"01-waste": 2}}': (7, 2),
    '{"attempts": {}, "hints": {"01-waste": true}}': (0, None),
    '{"attempts": {"01-waste": 1e999}, "hints": 3}': (None, None),
    '{"attempts": {"01-waste": ' + "9" * 400 + '}, "hints": {"01-waste": -1}}': (None, None),
    "[": (None, None),
    "[" * 100_000: (None, None),
    "[1]": (None, None),
}


@pytest.mark.parametrize("text", PROGRESS, ids=range(len(PROGRESS)))
def test_attempts_and_hints_come_from_the_progress_file(grade, tmp_path, text):
    (tmp_path / "progress.json").write_text(text)
    found = grade(waste("return 0.5"), CHECK)
    assert (found.attempts, found.hints) == PROGRESS[text]


def test_a_file_that_holds_no_lesson_says_so(desk, tmp_path):
    path = write_notebook(tmp_path / "a.ipynb", ["1 + 1"])
    (found,) = grades_of(Submission("ada", path, "a.ipynb"), desk.sandbox, OPTIONS, set(), print)
    assert found.status == "unreadable" and "no lesson" in found.diagnosis


@settings(max_examples=15, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=9), part, max_size=4),
        max_leaves=20,
    )
)
def test_any_json_is_a_notebook_or_says_why_not(desk, tmp_path_factory, held):
    path = tmp_path_factory.mktemp("any") / "01_padding_waste.ipynb"
    cells = [{"cell_type": "code", "source": held, "outputs": held}, {"cell_type": held}, {"source": "x"}]
    for content in (held, {"cells": held}, {"cells": cells}):
        path.write_text(json.dumps(content))
        found = [*grades_of(Submission("ada", path, path.name), desk.sandbox, OPTIONS, set(), lambda key: None)]
        assert found and {one.status for one in found} <= {"unreadable", "missing"}
