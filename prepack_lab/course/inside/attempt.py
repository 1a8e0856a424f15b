"""Call a learner's function so that whatever it does has an outcome: a crash, an endless loop, `exit()`."""

from __future__ import annotations

import _thread
import ctypes
import threading
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from time import sleep
from traceback import extract_tb
from typing import Any, Literal

from prepack_lab.course.inside.own_work import without

SECONDS = 5.0
"""For each case: it takes milliseconds."""
PATIENCE = 300
"""Hundredths of a second to wait for a thread that watches."""
LONGEST = 300
"""Letters of an error that are shown."""

Kind = Literal["returned", "raised", "open", "endless", "exit", "memory", "not allowed", "too much", "died"]
"""How a call can end. The last two happen only where it runs in a process of its own."""


class TimeUp(BaseException):
    """The function ran for too long; no `except Exception` of its own catches it."""


@dataclass(frozen=True)
class Outcome:
    """What became of a call."""

    returned: Any = None
    failure: str | None = None
    """What went wrong, in words; None where the function returned."""
    kind: Kind = "returned"


def attempt(
    function: Callable[..., Any], arguments: Sequence[Any], seconds: float = SECONDS, own_work: Sequence[str] = ()
) -> Outcome:
    """Call a function with copies of the arguments, and return whatever it does.

    Args:
        function: the learner's.
        arguments: of the call; the function may change its copies.
        seconds: after which it is interrupted.
        own_work: names of modules that it must not use.
    """
    with without(own_work) as refused:
        outcome = _guarded(function, arguments, seconds)
    return Outcome(failure=refused[0], kind="not allowed") if refused else outcome


def _guarded(function: Callable[..., Any], arguments: Sequence[Any], seconds: float) -> Outcome:
    guard, outcome = _Guard(seconds), endless(seconds)
    try:
        try:
            guard.start()
            made = call(function, arguments)
            guard.stop()
            outcome = made
        except TimeUp:
            guard.caller.value = NOBODY
            guard.stop()
    except TimeUp:  # the last one, which was on its way
        pass
    finally:
        guard.caller.value = NOBODY
        guard.stop()
    return outcome


def call(function: Callable[..., Any], arguments: Sequence[Any]) -> Outcome:
    """`attempt` for a function of the lab's own, which is known to end and so needs no thread to watch it."""
    try:
        return Outcome(function(*deepcopy(tuple(arguments))))
    except (TimeUp, KeyboardInterrupt):
        raise
    except SystemExit:
        return Outcome(failure="it called exit(), which would stop the notebook: leave that out", kind="exit")
    except RecursionError:
        return Outcome(failure="it calls itself again and again: a recursion that never ends", kind="raised")
    except BaseException as error:
        words = _words(error)
        if isinstance(error, MemoryError) or "can't allocate memory" in words:
            return Outcome(failure="it asked for more memory than it may have", kind="memory")
        where = _where(error, function)
        if isinstance(error, TypeError) and "ellipsis" in words.lower():
            return Outcome(failure=f"there is still a `...` to fill in{where}", kind="open")
        return Outcome(failure=f"it raised {type(error).__name__}: {words}{where}{_meaning(words)}", kind="raised")


def _words(error: BaseException) -> str:
    """An error's text, whatever its class does when it is asked for it."""
    try:
        text = str(error)
    except Exception:
        return "(its text can't be shown)"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


MEANINGS = {
    "'NoneType'": "Something is None there, as what sort(), append() and a function without return give back.",
    "unhashable type: 'list'": "A set and the keys of a dict can't hold a list; a set's update() takes its items.",
}
"""What errors mean whose text says little to a learner."""


def _meaning(words: str) -> str:
    """What an error means, as a sentence after it; empty where its text says enough."""
    if "operand type" in words and "'list'" in words:
        return ". Python does not compute with a whole list: take its items one by one, or make an array of it."
    return next((f". {meaning}" for part, meaning in MEANINGS.items() if part in words), "")


def _where(error: BaseException, function: Callable[..., Any]) -> str:
    """The line of the function's own cell in which an error came up; empty where it came up before that."""
    code = getattr(function, "__code__", None)
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if code and frame.filename == code.co_filename]
    return f", in line {lines[-1]} of your cell" if lines else ""


def endless(seconds: float) -> Outcome:
    """The outcome of a call that took too long."""
    words = f"it was still running after {seconds:g} seconds: is there a loop that never ends?"
    return Outcome(failure=words, kind="endless")


class _Guard:
    """Interrupts the thread that made it, unless it is stopped before its time is up.

    A function may catch the interruption, and go on. So each one brings the next: when Python makes it, `raise_in`
    leaves another, which comes before the function's next loop or call. That must happen in C. In Python, the next one
    would come before the first has been raised.

    An interruption may come between any two steps of Python, so that what both threads share are locks, whose steps are
    whole.
    """

    def __init__(self, seconds: float) -> None:
        self.caller = ctypes.c_ulong(threading.get_ident())
        self._error = type(TimeUp.__name__, (TimeUp,), {})
        self._error.__init__ = staticmethod(partial(raise_in, self.caller, self._error))  # type: ignore[misc]
        self._inside, self._watching, self._seconds = threading.Lock(), threading.Lock(), seconds
        self._inside.acquire()

    def start(self) -> None:
        """From here on the time counts."""
        self._watching.acquire()
        for _ in range(PATIENCE):
            try:
                _thread.start_new_thread(self._watch, ())
                return
            except RuntimeError:  # there are too many, some of which are about to end
                sleep(0.01)
        self._watching.release()

    def stop(self) -> None:
        """Send no more, and wait until nobody watches; what is on its way is raised here."""
        self.caller.value = NOBODY
        if self._inside.locked():
            self._inside.release()
        if self._watching.acquire(timeout=1):
            self._watching.release()

    def _watch(self) -> None:
        if not self._inside.acquire(timeout=self._seconds):
            raise_in(self.caller, self._error)
        self._watching.release()


NOBODY = 0
"""No thread has this number."""
raise_in = ctypes.PYFUNCTYPE(None, ctypes.c_ulong, ctypes.py_object)(("PyThreadState_SetAsyncExc", ctypes.pythonapi))
"""Raise an error in a thread, before its next loop or call."""
