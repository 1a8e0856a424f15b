"""Linux: rooms within the sandbox, one for each notebook, that see neither each other nor what made them."""

from __future__ import annotations

import ctypes
import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

NEW_NAMESPACES = 0x10000000 | 0x20000000 | 0x00020000 | 0x40000000 | 0x08000000 | 0x04000000
"""Of users, processes, mounts, network, System V queues and host name: flags of `unshare(2)`."""
READ_ONLY, NO_SUID, NO_DEVICES, NO_PROGRAMS = 1, 2, 4, 8
"""Flags of `mount(2)`."""
SET_DUMPABLE, NO_NEW_PRIVILEGES = 4, 38
"""Options of `prctl(2)`."""
CAPABILITIES = 0x20080522
"""The version of what `capset(2)` is given."""
PROCESSES, FILES, LARGEST_FILE = 64, 128, 10_000_000
"""Processes and threads; files open at a time; bytes of one."""
FOLDER = 32_000_000
"""Bytes of all files in a room's folder for them."""
PROCESSOR_SECONDS = 600


def become(user: int) -> None:
    """Go on as another user, with no way back."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    _call("prctl", SET_DUMPABLE, 1, 0, 0, 0)  # the maps of a namespace of users belong to root otherwise


def can_make_rooms() -> bool:
    """Whether the system lets this process make namespaces within its own; AppArmor, for one, may forbid it."""
    child = os.fork()
    if child == 0:
        status = 1
        with suppress(OSError):
            status = run_in_room(lambda: None, select.poll(), 0)
        os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def run_in_room(work: Callable[[], None], listener: select.poll, memory_bytes: int) -> int:
    """Run something as the first process of new namespaces, with a folder of its own; all it leaves ends with it.

    Args:
        work: what to run.
        listener: says when nobody listens any more, which ends the room, too.
        memory_bytes: what each process may take, beside what is mapped now.

    Returns:
        The exit code of the process, or minus the signal that ended it.

    Raises:
        OSError: the system does not allow it.
    """
    user, group = os.getuid(), os.getgid()
    _call("unshare", NEW_NAMESPACES)
    for name, words in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path("/proc/self", name).write_text(words)
    first = os.fork()
    if first == 0:
        status = 1
        try:
            _furnish(memory_bytes)
            work()
            status = 0
        finally:
            os._exit(status)
    listener.register(os.pidfd_open(first), select.POLLIN)
    listener.poll()
    os.kill(first, signal.SIGKILL)  # the first process of a namespace takes all others with it
    return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])


def limit(memory_bytes: int) -> None:
    """Limit this process, and what it starts, as far as the system allows it."""
    if resource is None:
        return
    limits = {resource.RLIMIT_CPU: PROCESSOR_SECONDS, resource.RLIMIT_CORE: 0, resource.RLIMIT_NPROC: PROCESSES,
              resource.RLIMIT_NOFILE: FILES, resource.RLIMIT_FSIZE: LARGEST_FILE}  # fmt: skip
    for which, most in limits.items():
        with suppress(OSError, ValueError):
            resource.setrlimit(which, (most, most))
    limit_memory(memory_bytes)


def limit_memory(memory_bytes: int) -> None:
    """Limit what this process may take beside what is mapped now; nothing elsewhere than on Linux."""
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * os.sysconf("SC_PAGE_SIZE") + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _furnish(memory_bytes: int) -> None:
    """A folder for files, limits, nothing to see of other processes, and no rights over the namespaces."""
    os.setsid()  # a signal to the whole group would reach those who made the room
    limit(memory_bytes)
    private = NO_SUID | NO_DEVICES | NO_PROGRAMS
    _cover(gettempdir(), private, f"size={FOLDER},mode=1777")
    _cover("/dev/shm", private | READ_ONLY)
    _cover("/proc", private | READ_ONLY)
    os.chdir(gettempdir())
    _call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    none = (ctypes.c_uint32 * 6)()
    _call("capset", (ctypes.c_uint32 * 2)(CAPABILITIES, 0), none)


def _cover(path: str, flags: int, options: str = "") -> None:
    _call("mount", b"tmpfs", path.encode(), b"tmpfs", flags, options.encode())


def _call(name: str, *arguments: object) -> None:
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    if function(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
