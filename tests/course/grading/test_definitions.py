"""What of a notebook is run, and what is not: a lesson's own work is never done again."""

import ast

import pytest

from prepack_lab.course.grading.definitions import defines, functions, imports

RUN = [
    "import torch",
    "from math import inf",
    "def f(x):\n    return load(x)",
    "@torch.no_grad()\ndef f(x):\n    return x",
    "class Cache:\n    pass",
    "WIDTH = 3",
    "WIDTH: int = 2 * 3",
    "memo = dict()",
    'EPS = float("1e-9")',
    "seen = defaultdict(list)",
    "widest = max(len(one) for one in lengths)",
    "share = lambda lengths: 1 - sum(lengths) / load(lengths)",
    "share = mine",
    "try:\n    import numpy as np\nexcept ImportError:\n    np = None",
    "try:\n    from numba import njit\nexcept ImportError:\n    def njit(f):\n        return f\nelse:\n    pass",
    "if True:\n    import math\nelif WIDTH:\n    def f():\n        return 1\nelse:\n    WIDTH = 4",
]
NOT_RUN = [
    "print(1)",
    "WIDTH",
    "model = load()",
    "sizes: list = model.sizes()",
    "widest = max(load(one) for one in lengths)",
    "f = lambda x=load(): x",
    "memo = dict(load())",
    "total += 1",
    "for one in lengths:\n    import math",
    "with open(x) as f:\n    import math",
    "try:\n    import math\nexcept ImportError:\n    install()",
    "try:\n    import math\nfinally:\n    model = load()",
    "if load():\n    import math",
    "if WIDTH:\n    import math\nelse:\n    load()",
    "await load()",
    "x = await y",
]


def parsed(source):
    (node,) = compile(source, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT).body
    return node


@pytest.mark.parametrize("source", RUN)
def test_what_defines_is_run(source):
    assert defines(parsed(source))


@pytest.mark.parametrize("source", NOT_RUN)
def test_what_works_is_not_run(source):
    assert not defines(parsed(source))


def test_a_long_sum_is_no_trouble():
    assert defines(parsed("x = " + "1 + " * 900 + "1"))


def test_only_imports_may_do_what_imports_do():
    assert imports(parsed("import numba")) and imports(parsed(RUN[13]))
    assert not imports(parsed(RUN[14])) and not imports(parsed("if True:\n    memo = dict(pairs)"))


def test_functions_are_found_where_they_are_run():
    source = "if True:\n    def a(): 0\nfor _ in x:\n    def b(): 0\nc = lambda: 0\nd = a\ne = 3\nf = load(a)"
    assert [*functions(ast.parse(source))] == ["a", "c", "d"]
