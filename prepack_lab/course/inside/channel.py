"""Messages between a student's process and the grader: lines of JSON, which can hold nothing that runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Timer
from typing import IO, Any

LARGEST = 64_000_000
"""Bytes of a message."""


UNREADABLE = "what came back from its process can't be read"


class ClosedError(Exception):
    """The other side is gone, or says nothing that can be read; the message says which."""


@dataclass
class Channel:
    """One end of a connection."""

    reader: IO[bytes]
    writer: IO[bytes]
    hang_up: Callable[[], object] = field(default=lambda: None)
    """Ends the connection, and the process at its other end, from any thread."""
    is_late: bool = False
    """Whether it was ended because no message came in time."""

    def send(self, message: dict[str, Any]) -> None:
        """Send a message.

        Raises:
            ClosedError: the other side is gone.
        """
        try:
            self.writer.write(json.dumps(message).encode() + b"\n")
            self.writer.flush()
        except (OSError, ValueError):
            raise ClosedError("nobody listens") from None

    def receive(self, seconds: float | None = None) -> dict[str, Any]:
        """The next message.

        Args:
            seconds: how long to wait before the connection is ended; by default for ever.

        Raises:
            ClosedError: none came in time, or what came is no message.
        """
        timer = Timer(seconds, self._give_up) if seconds is not None else None
        if timer:
            timer.daemon = True
            timer.start()
        try:
            line = self.reader.readline(LARGEST)
        except (OSError, ValueError):
            line = b""
        finally:
            if timer:
                timer.cancel()
        if not line:
            raise ClosedError("it is gone")
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            raise ClosedError(UNREADABLE)
        return message

    def end(self) -> None:
        """End the connection, and all that holds it open."""
        for close in (self.hang_up, self.reader.close, self.writer.close):
            with suppress(OSError, ValueError):
                close()

    def _give_up(self) -> None:
        self.is_late = True
        with suppress(OSError):
            self.hang_up()
