"""One notebook is graded, whatever its functions do."""

import inspect
import json
import socket
from pathlib import Path
from random import Random

import pytest

from prepack_lab.course.exercises import check
from prepack_lab.course.exercises.catalogue import EXERCISES, exercise
from prepack_lab.course.exercises.checking import diagnose
from prepack_lab.course.grading import grading, worker
from prepack_lab.course.grading.grading import Limits, grade_notebook, seed_of
from prepack_lab.course.grading.submissions import Submission
from tests.course.grading.conftest import solved_cells, write_notebook

pytestmark = pytest.mark.long

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"
HEAD = "import prepack_lab as lab\nimport torch"
CHECK = 'lab.check("01-waste", padding_share)'
LIMITS = Limits(seconds=3, memory_bytes=600_000_000)


def graded(tmp_path, *cells, student="ada", key="01-waste"):
    path = write_notebook(tmp_path / "01_padding_waste.ipynb", [HEAD, *cells])
    grades = {one.exercise: one for one in grade_notebook(Submission(student, path, path.name), LIMITS)}
    return grades[key]


def waste(body):
    return "def padding_share(lengths):\n" + "\n".join(f"    {line}" for line in body.splitlines())


@pytest.mark.parametrize("lesson", sorted({one.lesson for one in EXERCISES.values()}))
def test_the_references_are_all_solved(tmp_path, lesson):
    path = write_notebook(tmp_path / "a.ipynb", solved_cells(lesson))
    grades = grade_notebook(Submission("ada", path, "a.ipynb"))
    assert [grade.exercise for grade in grades] == [key for key, one in EXERCISES.items() if one.lesson == lesson]
    assert {grade.exercise: (grade.status, grade.diagnosis) for grade in grades if not grade.solved} == {}
    assert all(grade.cases > 0 and grade.code and not grade.flags for grade in grades)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("solutions/*.ipynb")), ids=lambda path: path.stem)
def test_the_solution_notebooks_are_all_solved_and_the_lessons_not_begun(path):
    for notebook, solved in ((path, True), (NOTEBOOKS / path.name, False)):
        grades = grade_notebook(Submission("ada", notebook, notebook.name), LIMITS)
        if path.stem[:2] not in {one.lesson for one in EXERCISES.values()}:
            continue
        assert grades and not any(grade.flags for grade in grades)
        assert {grade.exercise: grade.diagnosis for grade in grades if grade.solved != solved} == {}
        assert solved or {grade.status for grade in grades} <= {"not begun", "wrong", "crashed"}


@pytest.mark.parametrize("key", ["01-waste", "02-next-fit", "03-mask", "06-largest", "07-budget"])
def test_a_known_mistake_is_named_as_in_the_notebook(tmp_path, key):
    one = exercise(key)

    for wrong in one.wrong.values():
        source = inspect.getsource(wrong.function)
        if any(f"{other}(" in source for other in ("few_lengths", "pack", one.reference.__name__)):
            continue  # it is made of other functions of ours
        name = wrong.function.__name__
        grade = graded(tmp_path, source, f'lab.check("{key}", {name})', key=key)
        if grade.status == "crashed":
            continue
        assert grade.status == "wrong" and wrong.diagnosis in grade.diagnosis


FATES = {
    "endless loop": ("while True:\n    pass", "still running after 3 seconds"),
    "endless loop that catches all": (
        "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass",
        "still running after 3 seconds",
    ),
    "endless loop in C": ("return sum(range(10**12))", "still running after 3 seconds"),
    "calls exit": ("raise SystemExit", "called exit()"),
    "died": ("import os\nos._exit(3)", "exit code 3"),
    "died as if all were well": ("import os\nos._exit(0)", "exit code 0"),
    "died by a signal": ("import ctypes\nctypes.string_at(0)", "brought the whole process down"),
    "too much memory": ("return bytearray(20_000_000_000)", "more memory"),
    "too much memory in torch": ("return torch.ones(5_000_000_000)", "more memory"),
    "too much memory bit by bit": ("held = []\nwhile True:\n    held.append(bytearray(50_000_000))", "more memory"),
    "huge output": ("return [0] * 2_000_000", "a million"),
    "crashed": ("return 1 / 0", "ZeroDivisionError: division by zero, in line 2 of your cell"),
    "crashed by recursion": ("return padding_share(lengths)", "calls itself again and again"),
    "not begun": ("return ...", "Nothing has been filled in yet."),
    "not begun at all": ("pass", "Nothing has been filled in yet."),
    "forbidden: network": ("import socket\nsocket.create_connection(('127.0.0.1', PORT), 2)", "reach the network"),
    "forbidden: caught": (
        "import socket\ntry:\n    socket.socket().connect(('127.0.0.1', PORT))\n"
        "except BaseException:\n    pass\nreturn 1 - sum(lengths) / len(lengths) / max(lengths)",
        "reach the network",
    ),
    "forbidden: program": ("import subprocess\nsubprocess.run(['true'])", "start another program"),
    "forbidden: shell": ("import os\nos.system('true')", "start another program"),
    "forbidden: write": ("open('../found.txt', 'w').write('x')", "write a file"),
    "forbidden: write beside": ("import os\nopen(os.getcwd() + '-beside', 'w').write('x')", "write a file"),
    "forbidden: remove": ("import os\nos.remove('HERE')", "change files"),
    "forbidden: the answer": (
        "from prepack_lab.course.exercises.catalogue import EXERCISES\nreturn EXERCISES['01-waste'].reference(lengths)",
        "asks the lab's own exercises",
    ),
    "forbidden: the capstone's": (
        "from prepack_lab.course.capstone import reference\nreturn reference.pack_prompts(lengths, 1)",
        "asks the lab's own exercises",
    ),
}


CALLS = "CALLS = []\n"
AFTER_ONE = "CALLS.append(1)\nif len(CALLS) > 1:\n    {}\nreturn 1 - sum(lengths) / len(lengths) / max(lengths)"


@pytest.mark.parametrize("code", [0, 3])
def test_who_ends_the_process_later_is_not_told_that_something_came_back(tmp_path, code):
    grade = graded(tmp_path, CALLS + waste(AFTER_ONE.format(f"__import__('os')._exit({code})")), CHECK)
    assert (grade.status, grade.cases) == ("died", 2) and f"exit code {code}" in grade.diagnosis
    assert "ou returned" not in grade.diagnosis


def test_a_return_that_was_forgotten_in_one_branch_is_begun(tmp_path):
    grade = graded(tmp_path, CALLS + waste(AFTER_ONE.format("return None")), CHECK)
    assert (grade.status, grade.cases) == ("wrong", 2)
    words = waste("return 'Nothing has been filled in yet.'")
    assert graded(tmp_path, words, CHECK).status == "wrong"


def test_only_its_own_folder_and_nowhere_can_be_written(tmp_path):
    guard = worker._Guard(str(tmp_path / "mine"))
    for name in ("mine", "mine/a", "mine/b/../a", "/dev/null"):
        guard("open", (str(tmp_path / name), "w", 0))
        with guard.on("everything"):
            guard("open", (str(tmp_path / name), "w", 0))
    for name in ("mine-too/a", "mine/../a", "/dev/nullified", "a"):
        with guard.on("everything"), pytest.raises(worker.ForbiddenError):
            guard("open", (str(tmp_path / name), "w", 0))


@pytest.mark.parametrize("fate", FATES)
def test_whatever_a_function_does_is_reported_as_what_it_is(tmp_path, fate):
    body, words = FATES[fate]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        kept = tmp_path / "kept.txt"
        kept.write_text("x")
        grade = graded(tmp_path, waste(body.replace("PORT", str(port)).replace("HERE", str(kept))), CHECK)
        server.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody called
            server.accept()
    status = next(known for known in ("endless loop", "too much memory", "calls exit", "died", "huge output",
                                      "crashed", "not begun", "forbidden") if fate.startswith(known))  # fmt: skip
    assert (grade.status, words in grade.diagnosis) == (status, True), grade
    assert kept.exists() and not [*tmp_path.parent.glob("found.txt")]
    assert grade.seconds < 60


def test_what_is_printed_does_not_matter_however_much_it_is(tmp_path, capfd):
    grade = graded(
        tmp_path, waste("print('x' * 5_000_000)\nreturn 1 - sum(lengths) / len(lengths) / max(lengths)"), CHECK
    )
    assert grade.solved and "xxx" not in "".join(capfd.readouterr())


def test_one_bad_function_spoils_no_other(tmp_path):
    cells = [HEAD, *solved_cells("01"), waste("import os\nos._exit(1)")]
    path = write_notebook(tmp_path / "01_padding_waste.ipynb", cells)
    grades = {one.exercise: one.status for one in grade_notebook(Submission("ada", path, path.name), LIMITS)}
    assert grades.pop("01-waste") == "died" and {*grades.values()} == {"solved"}


def test_a_deleted_function_a_deleted_check_and_a_syntax_error(tmp_path):
    assert "there is no function padding_share" in graded(tmp_path, CHECK).diagnosis
    right = waste("return 1 - sum(lengths) / len(lengths) / max(lengths)")
    grade = graded(tmp_path, right)
    assert grade.solved and grade.flags == ("its check is no longer in the notebook",)
    grade = graded(tmp_path, "def padding_share(lengths):\n    return (", CHECK)
    assert grade.status == "syntax error" and grade.diagnosis.startswith("cell 2, line 2")


def test_the_rest_of_the_lesson_is_not_run(tmp_path):
    right = waste("return 1 - sum(lengths) / len(lengths) / max(lengths)")
    marker = tmp_path / "ran.txt"
    grade = graded(
        tmp_path, f"open({str(marker)!r}, 'w').write('x')", "model = lab.load_model('nowhere')", right, CHECK
    )
    assert grade.solved and not marker.exists()


def test_helpers_and_constants_are_there(tmp_path):
    helper = "ONE = 1\ndef slots(lengths):\n    return len(lengths) * max(lengths)"
    assert graded(
        tmp_path, "import nothing_like_this", helper, waste("return ONE - sum(lengths) / slots(lengths)")
    ).solved


RIGHT = "1 - sum(lengths) / len(lengths) / max(lengths)"
HONEST = {
    "a dict": ["memo = dict()", waste(f"return memo.setdefault(str(lengths), {RIGHT})")],
    "a float": ['ONE = float("1.0")', waste(f"return ONE * ({RIGHT})")],
    "an import that may fail": ["try:\n    import math\nexcept ImportError:\n    math = None",
                                waste(f"return math.fsum([{RIGHT}])")],
    "a function that may be there": [f"try:\n    import nothing_like_this\nexcept ImportError:\n    {waste('')}"
                                     f"        return {RIGHT}"],
    "another name": [waste(f"return {RIGHT}").replace("padding_share", "mine"), "padding_share = mine"],
    "a lambda": [f"padding_share = lambda lengths: {RIGHT}"],
    "a timed cell": [f"%%time\n{waste(f'return {RIGHT}')}"],
    "a captured cell": [f"\n%%capture out --no-stderr\n%%time\n{waste(f'return {RIGHT}')}"],
    "a profiled cell": [f"%%prun -q -s cumulative\n%matplotlib inline\n!ls\nlab.check?\n{waste(f'return {RIGHT}')}"],
    "a timed line": [f"!ls\n%time padding_share = lambda lengths: {RIGHT}"],
    "a profiled line": [f"%prun -q -l 3 padding_share = lambda lengths: {RIGHT}"],
    "a timed line of its own": [waste(f"%time share = {RIGHT}\nreturn share")],
    "what Jupyter has": [waste(f"display(lengths)\nget_ipython().run_line_magic('pwd', '')\nreturn {RIGHT}")],
    "what Jupyter has, imported": ["from IPython import get_ipython\nfrom IPython.display import display, HTML",
                                   waste(f"display(HTML('<b>'), get_ipython().user_ns)\nreturn {RIGHT}")],
    "the name of a notebook": [f"if __name__ == '__main__':\n    padding_share = lambda lengths: {RIGHT}"],
    "a line of two": [f"{waste(f'return {RIGHT}')}\nONE = 1; open('../found.txt', 'w')"],
    "a line that goes on": [f"import math; print(\n1)\n{waste(f'return {RIGHT}')}"],
}  # fmt: skip


@pytest.mark.parametrize("way", HONEST)
def test_who_solved_it_in_a_way_of_their_own_is_not_accused(tmp_path, way):
    grade = graded(tmp_path, *HONEST[way], CHECK)
    assert (grade.status, grade.flags) == ("solved", ()), grade.diagnosis
    assert "return" in grade.code or "lambda" in grade.code


def test_what_the_grader_does_not_run_is_named_and_nobody_accused(tmp_path):
    held = waste(f"return model and {RIGHT}")
    for cells in (["model = lab.load_model('nowhere')"], ["for model in range(9):\n    pass"]):
        grade = graded_with_claim(tmp_path, *cells, held, CHECK)
        assert grade.status == "crashed" and grade.flags == ()
        assert "NameError: name 'model' is not defined" in grade.diagnosis
        assert "model is made in cell 2, and only definitions and plain values are run here" in grade.diagnosis
    grade = graded_with_claim(tmp_path, held, CHECK)
    assert grade.flags == (CLAIMED,) and "is made in" not in grade.diagnosis
    for cell in ("padding_share = lab.cached(print)", f"%%heat\n{held}", f"%%cython\n{held} +", f"exec({held!r})"):
        grade = graded(tmp_path, cell, CHECK)
        assert grade.status == "missing" and "padding_share is made in cell 2" in grade.diagnosis


def test_where_judging_fails_the_other_exercises_are_graded(tmp_path, monkeypatch):
    def fails(asked, *others):
        if asked.key == "01-waste":
            raise OverflowError("int too large to convert to float")
        return diagnose(asked, *others)

    monkeypatch.setattr(grading, "diagnose", fails)
    path = write_notebook(tmp_path / "01_padding_waste.ipynb", [HEAD, *solved_cells("01")])
    grades = {one.exercise: one for one in grade_notebook(Submission("ada", path, path.name), LIMITS)}
    broken = grades.pop("01-waste")
    assert broken.status == "not graded" and "OverflowError: int too large" in broken.diagnosis
    assert {one.status for one in grades.values()} == {"solved"}


def test_a_number_beyond_all_floats_is_wrong_and_no_more(tmp_path):
    assert graded(tmp_path, waste("return 10 ** 400"), CHECK).status == "wrong"


@pytest.mark.parametrize(("broken", "words"), [("poll", "did not start"), ("cases", "ended before")])
def test_a_process_that_does_not_start_is_our_fault(tmp_path, monkeypatch, broken, words):
    monkeypatch.setattr(grading, "STARTING", 0.0 if broken == "poll" else 60.0)
    monkeypatch.setattr(worker, "run", worker.run if broken == "poll" else ended)
    grade = graded(tmp_path, waste(f"return {RIGHT}"), CHECK)
    assert grade.status == "not graded" and words in grade.diagnosis


def ended(task, answer):
    """A process that comes to nothing."""


def test_tampering_is_flagged_and_does_not_help(tmp_path):
    grade = graded(tmp_path, "lab.check = lambda *_: print('✓ 01-waste')", waste("return 0.5"), CHECK)
    assert grade.status == "wrong" and grade.flags == ("cell 2 replaces lab.check",)
    cheat = (
        "from prepack_lab.course.exercises.catalogue import EXERCISES\npadding_share = lambda n: EXERCISES['01-waste']"
    )
    assert not graded(tmp_path, cheat, CHECK).solved


CLAIMED = "the notebook shows it as solved, and it is not"


def graded_with_claim(tmp_path, *cells):
    path = write_notebook(tmp_path / "a.ipynb", [HEAD, *cells])
    held = json.loads(path.read_text())
    held["cells"][-1]["outputs"] = [{"output_type": "stream", "text": "✓ 01-waste: 30 cases, all right."}]
    path.write_text(json.dumps(held))
    return next(one for one in grade_notebook(Submission("ada", path, "a"), LIMITS) if one.exercise == "01-waste")


def test_a_claim_that_does_not_hold_is_flagged(tmp_path):
    assert graded_with_claim(tmp_path, waste("return 0.5"), CHECK).flags == (CLAIMED,)


def test_each_student_has_numbers_of_their_own(tmp_path, monkeypatch):
    """A table of the answers that the check in the notebook wants is no solution."""
    asked = exercise("01-waste")
    answers = {str(lengths): asked.reference(lengths) for (lengths,) in asked.cases(Random(0))}
    source = f"ANSWERS = {answers!r}\n" + waste("return ANSWERS.get(str(lengths), 0.0)")
    namespace = {}
    exec(source, namespace)
    monkeypatch.chdir(tmp_path)
    assert check("01-waste", namespace["padding_share"]).solved
    assert graded(tmp_path, source, CHECK).status == "wrong"
    assert seed_of("ada", "01-waste") == seed_of("ada", "01-waste") != seed_of("bob", "01-waste")
    assert seed_of("ada", "01-waste") != seed_of("ada", "01-waste", seed=1)


def test_attempts_and_hints_come_from_the_progress_file(tmp_path):
    (tmp_path / "progress.json").write_text('{"solved": [], "attempts": {"01-waste": 7}, "hints": {"01-waste": 2}}')
    grade = graded(tmp_path, waste("return 0.5"), CHECK)
    assert (grade.attempts, grade.hints) == (7, 2)
    (tmp_path / "progress.json").write_text("[")
    assert graded(tmp_path, waste("return 0.5"), CHECK).attempts is None


def test_a_file_that_holds_no_lesson_says_so(tmp_path):
    path = write_notebook(tmp_path / "a.ipynb", ["1 + 1"])
    (grade,) = grade_notebook(Submission("ada", path, "a.ipynb"))
    assert grade.status == "unreadable" and "no lesson" in grade.diagnosis
