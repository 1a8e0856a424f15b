"""Measure what a lesson takes of a shared server: `python notebooks/source/tools/measure_lessons.py [NAME …]`.

Each solved lesson is run from a fresh kernel to its end. Printed is a table for `INSTRUCTOR.md`: seconds, processor
seconds and the largest memory of the kernel, and how many students that makes for a core and for 16 GB.
"""

from __future__ import annotations

import shutil
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import nbformat
import psutil
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from tqdm import tqdm

from prepack_lab.course.lessons import LESSONS
from prepack_lab.measuring.machine import describe_machine

NOTEBOOKS = Path(__file__).parents[2]
SHARED_GB = 16
SERVER_GB = 0.5
"""What the server of one student takes beside the kernel, with room to spare."""


class Followed:
    """The kernel while it runs: the largest memory, and the processor seconds, of it and what it started."""

    def __init__(self, pid: int) -> None:
        self.peak, self.processor_seconds = 0, 0.0
        self._kernel, self._done = psutil.Process(pid), threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._done.wait(0.1):
            try:
                family = [self._kernel, *self._kernel.children(recursive=True)]
                self.peak = max(self.peak, sum(one.memory_info().rss for one in family))
                self.processor_seconds = max(self.processor_seconds, sum(sum(one.cpu_times()[:2]) for one in family))
            except psutil.Error:
                continue

    def stop(self) -> None:
        self._done.set()
        self._thread.join()


def measure(path: Path) -> tuple[float, float, int]:
    """Run a notebook: seconds, processor seconds, bytes at the most."""
    with TemporaryDirectory() as folder:
        copy = Path(shutil.copy(path, folder))
        manager = KernelManager(kernel_name="python3")
        client = NotebookClient(
            nbformat.read(copy, as_version=4), km=manager, timeout=900, resources={"metadata": {"path": folder}}
        )
        began = perf_counter()
        with client.setup_kernel():
            followed = Followed(manager.provisioner.pid)
            for place, cell in enumerate(client.nb.cells):
                client.execute_cell(cell, place)
            followed.stop()
        return perf_counter() - began, followed.processor_seconds, followed.peak


def main() -> None:
    names = sys.argv[1:] or [lesson.name for lesson in LESSONS]
    lines = ["| Lesson | Seconds | Processor seconds | Memory | Students a core | Students in 16 GB |"]
    lines.append("|---|---|---|---|---|---|")
    for lesson in tqdm([one for one in LESSONS if one.name in names], unit="lesson"):
        seconds, processor, peak = measure(NOTEBOOKS / "solutions" / f"{lesson.name}.ipynb")
        processor = round(processor)
        a_core = lesson.minutes * 60 // processor
        in_memory = int(SHARED_GB // (peak / 1e9 + SERVER_GB))
        title = f"{lesson.name[:2]} {lesson.title}"
        lines.append(f"| {title} | {seconds:.0f} | {processor} | {peak / 1e9:.1f} GB | {a_core} | {in_memory} |")
    machine = ", ".join(f"{name} {value}" for name, value in describe_machine("cpu").items())
    print("\n".join([*lines, "", f"{machine}; {datetime.now(UTC):%Y-%m-%d}"]))


if __name__ == "__main__":
    main()
