"""A cell is read as IPython runs it."""

import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from prepack_lab.course.grading.magics import to_python

pytestmark = pytest.mark.long

CELLS = [
    "f = 3",
    "%%time\nf = 3",
    "\n\n%%time\n\nf = 3\n",
    "%%capture out --no-stdout\nf = 3",
    "%%capture\n%%time\nf = 3",
    "%%capture\n\n%%time\nf = 3\n%time f += 1",
    "%%time\n%%timeit -n 1 -r 1\nf = 3",
    "%%timeit -n 1 -r 1\nf = 3",
    "%time f = 3",
    "if True:\n    %time f = 3\n    f += 1",
    "%time f = 1 + \\\n    2",
    "%timeit -n 1 -r 1 f = 3",
    "f = %time 3",
    "%time",
    "text = '''\n%time f = 3'''",
    "%pwd\nf = 3",
    "%%time?",
    "   ",
    "",
]


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    main = sys.modules["__main__"]  # a shell takes its place
    yield InteractiveShell(
        ipython_dir=str(tmp_path_factory.mktemp("ipython")), config=Config(HistoryManager={"enabled": False})
    )
    sys.modules["__main__"] = main


@pytest.mark.parametrize("cell", CELLS)
def test_what_is_read_defines_what_a_notebook_would_define(shell, cell, capsys):
    shell.reset()
    result = shell.run_cell(cell)
    assert result.success
    expected = {name: shell.user_ns.get(name) for name in ("f", "text")}
    found = {"get_ipython": lambda: shell}
    exec(to_python(cell), found)
    assert {name: found.get(name) for name in expected} == expected


def test_wrapped_code_is_python_with_its_lines_in_place():
    assert to_python("%%capture out\n%%time\nx = 1\n%time y = 2\n!ls") == (
        "\n\nx = 1\ny = 2\nget_ipython().system('ls')\n"
    )
    assert to_python("%matplotlib inline\nx?") == (
        "get_ipython().run_line_magic('matplotlib', 'inline')\nget_ipython().run_line_magic('pinfo', 'x')\n"
    )
    assert to_python("%%time\n%%bash\nls -l") == "\nget_ipython().run_cell_magic('bash', '', 'ls -l\\n')\n"


def test_what_is_profiled_is_python_too():
    """By its text: to run Python's profiler within a long run of tests is not safe."""
    assert to_python("%%prun -q -s cumulative -l 3\nf = 3") == "\nf = 3\n"
    assert to_python("%%capture\n\n%%prun\n%prun -q -s cumulative -T times.txt f = 3") == "\n\n\nf = 3\n"
    assert to_python("%prun f = -3\n%prun -rq f") == "f = -3\nf\n"
