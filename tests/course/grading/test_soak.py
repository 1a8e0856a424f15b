"""A class of 200, half of them hostile: every row is there, and after `kill -9` the next run ends as if nothing was."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from random import Random
from time import monotonic, sleep

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prepack_lab.course.grading.classroom import RECORD
from prepack_lab.course.grading.judge import grades_of
from prepack_lab.course.grading.submissions.finding import Submission
from tests.course.grading.conftest import CHECK, HEAD, OPTIONS, RIGHT, waste, write_notebook

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

STUDENTS = 200
HONEST = [
    [waste(f"return {RIGHT}")],
    [f"padding_share = lambda lengths: {RIGHT}"],
    [f"%%time\n{waste(f'return {RIGHT}')}"],
    ["import numpy as np", waste("return np.float64(1 - np.sum(lengths) / len(lengths) / max(lengths))")],
    ["model, tokenizer = lab.load_model()\nlab.figures.show(model)", waste(f"display(1)\nreturn {RIGHT}")],
]
HOSTILE = {
    "kills its children's parent": waste("import os, signal\nos.kill(os.getppid(), 9)\nreturn 0.5"),
    "kills all": waste("import os\nos.kill(-1, 9)\nreturn 0.5"),
    "forks": waste("import os, time\nif os.fork() == 0:\n    time.sleep(999)\nreturn 0.5"),
    "ends": waste("import os\nos._exit(0)"),
    "noise": waste(
        "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'x')\n    except OSError: pass\nreturn 0.5"
    ),
    "loops": waste("while True:\n    pass"),
    "eats": waste("return bytearray(10**11)"),
    "segfault": waste("import ctypes\nctypes.string_at(0)"),
    "asks": waste("from prepack_lab.course.exercises.catalogue import EXERCISES\nreturn 0.5"),
    "reads": waste("open('CANARY', 'a').write('x')\nreturn 0.5"),
    "calls": waste("import socket\nsocket.create_connection(('127.0.0.1', 22), 1)\nreturn 0.5"),
    "odd": waste("return chr(0xD800) * 9"),
    "nothing": "x = (",
}
FILES = {
    "empty": lambda path: path.write_text(""),
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a list": lambda path: path.write_text("[1, 2, 3]"),
}


def hand_in_all(folder, canary):
    """A class; who of it solved the exercise."""
    draw, solved = Random(0), set()
    for number in range(STUDENTS):
        student = f"s{number:03}"
        path = folder / student / "01_padding_waste.ipynb"
        path.parent.mkdir(parents=True)
        if number % 2 == 0:
            solved.add(student)
            write_notebook(path, [HEAD, *draw.choice(HONEST), CHECK])
        elif number % 10 == 1:
            draw.choice([*FILES.values()])(path)
            (path.parent / "progress.json").symlink_to("/dev/zero")
        else:
            kind = [*HOSTILE][number // 2 % len(HOSTILE)]
            write_notebook(path, [HEAD, HOSTILE[kind].replace("CANARY", str(canary)), CHECK], claims=["01-waste"])
    return solved


def command(folder, out):
    words = ["grade", str(folder), "--out", str(out), "--seconds", "0.5", "--memory", "0.5", "--lesson", "01"]
    return [sys.executable, "-c", "import sys; from prepack_lab.cli import main; sys.exit(main())", *words]


def test_a_class_is_graded_whoever_is_in_it_and_resumed_after_a_kill(wall, tmp_path):
    canary = tmp_path / "canary.txt"
    canary.write_text("")
    solved = hand_in_all(tmp_path / "in", canary)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    done = subprocess.run(command(tmp_path / "in", whole), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    with subprocess.Popen(command(tmp_path / "in", cut), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        until = monotonic() + 120
        while len(lines(cut / RECORD)) < STUDENTS // 4 and monotonic() < until:
            sleep(0.02)
        family = psutil.Process(first.pid).children(recursive=True)
        first.send_signal(signal.SIGKILL)
    assert STUDENTS // 4 <= len(lines(cut / RECORD)) < STUDENTS
    _, alive = psutil.wait_procs(family, timeout=20)
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == [], "nothing is left behind"
    subprocess.run(command(tmp_path / "in", cut), capture_output=True, check=True)

    for name in ("grades.csv", "totals.csv", "moodle.csv", "canvas.csv", "grades.html"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes(), name
    grades = [grade for line in lines(whole / RECORD) for grade in json.loads(line)["grades"]]
    assert {one["student"] for one in grades if one["status"] == "solved"} == solved
    assert {one["student"] for one in grades} == {f"s{number:03}" for number in range(STUDENTS)}
    assert Counter(one["status"] for one in grades)["not graded"] == 0
    assert canary.read_text() == ""


def lines(record):
    return [line for line in record.read_text().splitlines() if line.endswith("}")] if record.exists() else []


STATEMENTS = [
    "import os\nos.kill(-1, 9)", "import os\nos.fork()", "raise SystemExit", "x = (", "del lab", "lab.check = 3",
    "import sys\nsys.exit(1)", "import sys\nsys.modules.clear()", "import builtins\nbuiltins.print = None",
    "%%nothing\nx", "!rm -rf /tmp", "import gc\ngc.collect()", "get_ipython().reset(new_session=True)",
    "import sys\nsys.setrecursionlimit(10**9)", "import signal\nsignal.alarm(1)", "import os\nos.closerange(0, 99)",
    "class A:\n    def __del__(self):\n        1 / 0\nA()", "import threading\nthreading.Thread(target=input).start()",
    "x = [0] * 10**8", "import os\nos.chdir('/')", "open('/tmp/x', 'w').write('x' * 10**6)", "import os\nos.abort()",
]  # fmt: skip


FIXTURES = [HealthCheck.function_scoped_fixture]


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=FIXTURES)
@given(
    before=st.lists(st.sampled_from(STATEMENTS), max_size=4), after=st.lists(st.sampled_from(STATEMENTS), max_size=3)
)
def test_whatever_stands_around_it_a_row_comes_back(desk, tmp_path, before, after):
    path = tmp_path / "01_padding_waste.ipynb"
    write_notebook(path, [HEAD, *before, waste("return 0.5"), CHECK, *after])
    found = [*grades_of(Submission("ada", path, path.name), desk.sandbox, OPTIONS, set(), lambda key: None)]
    assert len(found) == 4 and not any(grade.solved for grade in found)
