"""What becomes of a call, in words and by its kind."""

import json

import pytest

from prepack_lab.course.inside.attempt import MEANINGS, SECONDS, attempt, endless


def raises(error):
    raise error


def outcome(error):
    return attempt(raises, [error])


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (MemoryError(), "memory", "it asked for more memory than it may have"),
        (RuntimeError("can't allocate memory: 9 GB"), "memory", "it asked for more memory than it may have"),
        (RuntimeError("no memory of it"), "raised", "it raised RuntimeError: no memory of it"),
        (TypeError("Ellipsis + int"), "open", "there is still a `...` to fill in"),
        (TypeError("str + int"), "raised", "it raised TypeError: str + int"),
        (ValueError("ellipsis"), "raised", "it raised ValueError: ellipsis"),
        (SystemExit(), "exit", "it called exit(), which would stop the notebook: leave that out"),
        (RecursionError(), "raised", "it calls itself again and again: a recursion that never ends"),
    ],
)
def test_an_error_has_a_kind_and_words(error, kind, words):
    found = outcome(error)
    line = f", in line {raises.__code__.co_firstlineno + 1} of your cell"
    assert (found.kind, found.failure.removesuffix(line)) == (kind, words)
    assert found.failure.endswith(line) == (kind in ("raised", "open") and not isinstance(error, RecursionError))


def test_letters_of_an_error_are_counted():
    for letters, shown in ((300, "x" * 300), (301, "x" * 300 + "…")):
        assert f"it raised ValueError: {shown}, in line" in outcome(ValueError("x" * letters)).failure


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("unsupported operand type(s) for -: 'list' and 'int'", "Python does not compute with a whole list"),
        ("'NoneType' object is not iterable", MEANINGS["'NoneType'"]),
        ("unhashable type: 'list'", MEANINGS["unhashable type: 'list'"]),
        ("unsupported operand type(s) for -: 'str' and 'int'", None),
        ("'list' object is no number", None),
    ],
)
def test_what_an_error_means_follows_its_words(said, meaning):
    words = outcome(TypeError(said)).failure
    assert words.endswith("of your cell") if meaning is None else f"of your cell. {meaning}" in words


def test_the_line_is_that_of_the_cell_and_not_of_what_it_calls():
    def function():
        json.loads("{")

    assert attempt(function, []).failure.endswith(f", in line {function.__code__.co_firstlineno + 1} of your cell")
    assert "of your cell" not in attempt(lambda: 1, [2]).failure, "it came up before the call"
    assert "of your cell" not in attempt(int, ["a"]).failure, "a function without a cell"


def test_who_interrupts_the_kernel_is_heard():
    with pytest.raises(KeyboardInterrupt):
        outcome(KeyboardInterrupt())


def test_a_case_may_take_five_seconds():
    assert "it was still running after 5 seconds:" in endless(SECONDS).failure


def test_the_arguments_are_copies():
    given = [[3]]
    assert attempt(lambda items: items.pop(), given).returned == 3 and given == [[3]]
