"""The program in the sandbox: it imports torch once, and then runs each notebook in a room of its own.

python -m prepack_lab.course.inside MEMORY          a single notebook, spoken with on standard input and output
python -m prepack_lab.course.inside MEMORY SOCKET   one notebook after the other, each on a socket that is sent to it
"""

from __future__ import annotations

import os
import select
import socket
import sys
from contextlib import suppress

import torch
from IPython.core.interactiveshell import InteractiveShell

from prepack_lab.course.inside import namespaces
from prepack_lab.course.inside.channel import Channel, ClosedError
from prepack_lab.course.inside.notebook import new_shell, serve

BECOME = "PREPACK_LAB_BECOME"
"""A variable of the environment: the number of the user to go on as."""


def main(memory_bytes: int, number: int | None = None) -> None:
    """Wait for notebooks, and run them.

    Args:
        memory_bytes: what each process may take, beside what Python and torch take.
        number: of the socket on which notebooks' sockets come; by default there is one notebook only.
    """
    if BECOME in os.environ:
        namespaces.become(int(os.environ.pop(BECOME)))
    torch.set_num_threads(1)
    sys.dont_write_bytecode = True
    channel = Channel(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    be_silent()
    shell = new_shell()
    if number is None:
        namespaces.limit(memory_bytes)
        if os.getpid() == 1:
            run_while_heard(shell, channel)
        else:
            run(shell, channel)
        return
    channel.end()
    with socket.socket(fileno=number) as control:
        control.send(b"1" if namespaces.can_make_rooms() else b"0")
        while theirs := socket.recv_fds(control, 1, 1)[1]:
            keeper = os.fork()
            if keeper == 0:
                control.close()
                keep(shell, socket.socket(fileno=theirs[0]), memory_bytes)
            os.close(theirs[0])
            os.waitpid(keeper, 0)


def keep(shell: InteractiveShell, theirs: socket.socket, memory_bytes: int) -> None:
    """Run a notebook in a room, until it ends or nobody listens; say how it ended."""
    listener = select.poll()
    listener.register(theirs, select.POLLRDHUP)
    channel = Channel(theirs.makefile("rb"), theirs.makefile("wb"))

    with suppress(OSError, ClosedError):
        channel.send({"ended": namespaces.run_in_room(lambda: run(shell, channel), listener, memory_bytes)})
    os._exit(0)


def run_while_heard(shell: InteractiveShell, channel: Channel) -> None:
    """Run the notebook in a process of its own, until it ends or the other end is gone.

    For the first process of a container: all that the notebook has begun ends with it, also when the grader was killed.
    """
    child = os.fork()
    if child == 0:
        run(shell, channel)
        os._exit(0)
    listener = select.poll()
    listener.register(channel.reader, 0)  # it is told of hanging up without being asked
    listener.register(os.pidfd_open(child), select.POLLIN)
    listener.poll()
    os._exit(0)


def run(shell: InteractiveShell, channel: Channel) -> None:
    """Run the notebook at the other end of a channel."""
    with suppress(ClosedError):
        serve(shell, channel)


def be_silent() -> None:
    """Send all that is printed nowhere, and read nothing."""
    for stream, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        os.dup2(os.open(os.devnull, flags), stream)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
