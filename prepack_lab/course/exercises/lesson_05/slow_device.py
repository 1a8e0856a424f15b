"""A device that works on after the call has returned, as a GPU does; simulated, with a clock of its own."""

from __future__ import annotations


class SlowDevice:
    """Work is launched at once and done later, one piece after another.

    Args:
        pending: seconds of work that it still has to do from before.
        work: seconds that a launch takes.
    """

    def __init__(self, pending: float, work: float) -> None:
        self._pending, self._work = pending, work
        self._now, self._done_at = 0.0, pending

    def clock(self) -> float:
        """Seconds."""
        return self._now

    def launch(self) -> None:
        """Begin a piece of work; returns long before it is done."""
        self._now += 0.001
        self._done_at = max(self._done_at, self._now) + self._work

    def synchronize(self) -> None:
        """Wait until all work is done."""
        self._now = max(self._now, self._done_at)

    def __repr__(self) -> str:
        return f"SlowDevice(pending={self._pending}, work={self._work})"
