"""Call a learner's function so that whatever it does has an outcome: a crash, an endless loop, `exit()`."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from traceback import extract_tb
from typing import Any, Literal

SECONDS = 5.0
"""For all cases of a check together: each takes milliseconds."""


Kind = Literal["returned", "raised", "endless", "exit", "memory", "forbidden", "too much", "died"]
"""How a call can end. The last three happen only where it runs in a process of its own."""


class TimeUp(BaseException):
    """The function ran for too long; no `except Exception` of its own catches it."""


@dataclass(frozen=True)
class Outcome:
    """What became of a call."""

    returned: Any = None
    failure: str | None = None
    """What went wrong, in words; None where the function returned."""
    kind: Kind = "returned"


def attempt(function: Callable[..., Any], arguments: Sequence[Any], seconds: float = SECONDS) -> Outcome:
    """Call a function with copies of the arguments, and return whatever it does.

    Args:
        function: the learner's.
        arguments: of the call; the function may change its copies.
        seconds: after which it is interrupted.
    """
    try:
        with _Watch(seconds) as watch:
            watch.start()
            return Outcome(function(*deepcopy(tuple(arguments))))
    except TimeUp:
        return endless(seconds)
    except SystemExit:
        return Outcome(failure="it called exit(), which would stop the notebook: leave that out", kind="exit")
    except RecursionError:
        return Outcome(failure="it calls itself again and again: a recursion that never ends", kind="raised")
    except Exception as error:
        if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
            return Outcome(failure="it asked for more memory than it may have", kind="memory")
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename != __file__]
        where = f", in line {lines[-1]} of your cell" if lines else ""
        return Outcome(failure=f"it raised {type(error).__name__}: {error}{where}", kind="raised")


def endless(seconds: float) -> Outcome:
    """The outcome of a call that took too long."""
    words = f"it was still running after {seconds:g} seconds: is there a loop that never ends?"
    return Outcome(failure=words, kind="endless")


class _Watch:
    """Interrupts this thread from when its time is up, again and again until the block is left.

    It is started within the block, because an exception in `__enter__` would leave nobody to stop it. An interruption
    may come between any two steps of Python, so that what is shared with the guard is a lock, whose steps are whole.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self._thread, self._inside = seconds, threading.get_ident(), threading.Lock()
        self._guard = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Watch:
        self._inside.acquire()
        return self

    def start(self) -> None:
        """From here on the time counts."""
        self._guard.start()

    def __exit__(self, *_: object) -> None:
        left = False
        while not left:
            try:
                if self._inside.locked():
                    self._inside.release()
                if self._guard.is_alive():
                    self._guard.join()
                self._interrupt(None)  # what is on its way is called back
                left = True
            except TimeUp:  # it came while the block was being left
                pass

    def _watch(self) -> None:
        wait = self._seconds
        while not self._inside.acquire(timeout=wait):
            self._interrupt(ctypes.py_object(TimeUp))
            wait = 0.2

    def _interrupt(self, error: ctypes.py_object | None) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), error)
