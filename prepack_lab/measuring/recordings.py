"""Measurements that were recorded elsewhere, with where, when and how they were taken: `data/recordings/*.json`.

A recording is the record that `prepack-lab bench NAME --record` writes. It is shown as recorded, never as measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from prepack_lab.measuring.timing import Measurement

PREFILLS = tuple(f"prepack-lab bench {name}" for name in ("prefill", "one-batch", "batch-size"))
"""The commands whose records hold seconds of prefills."""

MOST_NAMED = 3
"""More workloads than these are counted, not named."""

FOLDER = Path(str(files("prepack_lab") / "data" / "recordings"))


@dataclass(frozen=True)
class Recording:
    """One run of a benchmark."""

    command: str
    """What repeats it."""
    machine: dict[str, str]
    taken: str
    """When it was done, in UTC."""
    settings: dict[str, Any]
    results: list[dict[str, Any]]

    @property
    def device(self) -> str:
        """The device as its maker calls it."""
        return self.machine["device"]

    @property
    def title(self) -> str:
        """What was measured, on what, and when."""
        what = ", ".join([*what_ran(self.settings), self.settings["model"], self.settings["dtype"]])
        when = self.taken[:16].replace("T", " ")
        return f"{self.command.split()[2]}: {what}, on {self.device}, {when} UTC"

    @cached_property
    def prefill(self) -> dict[str, dict[str, dict[int, Measurement]]]:
        """Workload → method → batch size → what was measured."""
        found: dict[str, dict[str, dict[int, Measurement]]] = {}
        for row in self.results:
            told = {**self.settings, **row}
            by_batch = found.setdefault(told["workload"], {}).setdefault(told["method"], {})
            one = Measurement(tuple(told["seconds"]), self.device, told.get("peak_memory_bytes"))
            if before := by_batch.get(told["batch_size"]):  # several draws: the seconds of all, and the highest peak
                peak = max(filter(None, (before.peak_memory_bytes, one.peak_memory_bytes)), default=None)
                one = Measurement(before.seconds + one.seconds, self.device, peak)
            by_batch[told["batch_size"]] = one
        return found


def what_ran(settings: Mapping[str, Any]) -> list[str]:
    """What tells a run from others of its benchmark, in words: which prompts, and how many in a batch."""
    names = [settings["workload"]] if "workload" in settings else [*settings.get("workloads", ())]
    if settings.get("prompts"):
        names = [Path(settings["prompts"]).stem]
    if len(names) > MOST_NAMED:
        names = [f"{len(names)} workloads"]
    sizes = [settings["batch_size"]] if "batch_size" in settings else [*settings.get("batch_sizes", ())]
    if not sizes:
        return names
    least, most = min(sizes), max(sizes)
    return [*names, f"batches of {least}" if least == most else f"batches of {least} to {most}"]


def load_recordings(folder: Path = FOLDER, of: tuple[str, ...] = PREFILLS) -> list[Recording]:
    """All recordings of some commands, the latest first; none where none was ever taken.

    Args:
        folder: of the records.
        of: how the commands begin; those of prefills where left out.
    """
    return sorted(_read(folder, of), key=lambda recording: recording.taken, reverse=True)


def _read(folder: Path, of: tuple[str, ...]) -> Iterator[Recording]:
    for file in sorted(folder.glob("*.json")):
        record = json.loads(file.read_text(encoding="utf-8"))
        if record["command"].startswith(of):
            yield Recording(**record)
