"""Recorded measurements: what was measured, where, when and how, and how many times as fast it was.

`prepack-lab bench NAME --record` writes a recording into `data/recordings`. A recording is shown as recorded, never as
measured. Each of its results is a row: one batch prefilled by one method, or whatever else the benchmark measures.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from importlib.resources import files
from itertools import chain, count
from pathlib import Path
from statistics import median
from typing import Any

from prepack_lab.measuring.timing import Measurement
from prepack_lab.methods import BASELINE

PREFILLS = tuple(f"prepack-lab bench {name}" for name in ("prefill", "one-batch", "batch-size"))
"""The commands whose records hold seconds of prefills."""

MOST_NAMED = 3
"""More workloads than these are counted, not named."""

FOLDER = Path(str(files("prepack_lab") / "data" / "recordings"))

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Recording:
    """What a benchmark has measured, with all that is needed to repeat it."""

    command: str
    """What repeats it."""
    machine: dict[str, str]
    """The device and the versions it ran on."""
    taken: str
    """When it was done, in UTC."""
    settings: dict[str, Any]
    """Everything that was chosen: model, dtype, workload, seed, …"""
    results: list[dict[str, Any]]
    """The figures, one dictionary per row; seconds and bytes."""

    @property
    def benchmark(self) -> str:
        """Its name, as the command line has it."""
        return self.command.split()[2]

    @property
    def device(self) -> str:
        """The device as its maker calls it."""
        return self.machine["device"]

    @property
    def title(self) -> str:
        """What was measured, on what, and when."""
        what = ", ".join([*self.what_ran, self.settings["model"], self.settings["dtype"]])
        when = self.taken[:16].replace("T", " ")
        return f"{self.benchmark}: {what}, on {self.device}, {when} UTC"

    @property
    def what_ran(self) -> list[str]:
        """Which prompts, and how many in a batch, in words: it differs from other runs of the benchmark in these."""
        names = [self.settings["workload"]] if "workload" in self.settings else [*self.settings.get("workloads", ())]
        if self.settings.get("prompts"):
            names = [Path(self.settings["prompts"]).stem]
        if len(names) > MOST_NAMED:
            names = [f"{len(names)} workloads"]
        sizes = [self.settings["batch_size"]] if "batch_size" in self.settings else self.settings.get("batch_sizes")
        if not sizes:
            return names
        least, most = min(sizes), max(sizes)
        return [*names, f"batches of {least}" if least == most else f"batches of {least} to {most}"]

    @cached_property
    def prefill(self) -> dict[str, dict[str, dict[int, Measurement]]]:
        """Workload → method → batch size → what was measured."""
        found: dict[str, dict[str, dict[int, Measurement]]] = {}
        for row in self.results:
            run = {**self.settings, **row}
            by_batch = found.setdefault(run["workload"], {}).setdefault(run["method"], {})
            measured = Measurement(tuple(run["seconds"]), self.device, run.get("peak_memory_bytes"))
            if before := by_batch.get(run["batch_size"]):  # several draws: the seconds of all, and the highest peak
                peaks = filter(None, (before.peak_memory_bytes, measured.peak_memory_bytes))
                measured = Measurement(before.seconds + measured.seconds, self.device, max(peaks, default=None))
            by_batch[run["batch_size"]] = measured
        return found

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        record = {field.name: getattr(self, field.name) for field in fields(Recording)}
        path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def record(self, folder: Path) -> Path:
        """Write it into a folder of recordings, under a name that says what it is; returns the file.

        Nothing is written over: where the name is taken, it ends in -2, or in -3 and so on.
        """
        chosen = [str(self.settings[name]) for name in ("model", "dtype") if name in self.settings]
        words = [self.benchmark, *self.what_ran, *chosen, self.device, self.taken[:10]]
        name = re.sub(r"[^a-z0-9.]+", "-", "-".join(words).lower())
        endings = chain([""], (f"-{number}" for number in count(2)))
        file = next(file for ending in endings if not (file := folder / f"{name}{ending}.json").exists())
        folder.mkdir(exist_ok=True)
        self.save(file)
        return file


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


def speed_up(rows: Sequence[Row], method: str, **where: Any) -> tuple[float, float, float]:
    """How many times as fast as full batching: over all batches, and in the worst and the best of them.

    Over all batches it is the ratio of their added medians, as the paper compares mean seconds.

    Args:
        rows: of a record, with workload, batch_size, draw, method and seconds.
        method: that is compared with the baseline.
        where: which rows count, such as `workload="mmlu"`.
    """
    by_batch: dict[tuple[Any, ...], dict[str, float]] = {}
    for row in only(rows, **where):
        key = row["workload"], row["batch_size"], row["draw"]
        by_batch.setdefault(key, {})[row["method"]] = median(row["seconds"])
    ratios = [both[BASELINE] / both[method] for both in by_batch.values()]
    total = sum(both[BASELINE] for both in by_batch.values()) / sum(both[method] for both in by_batch.values())
    return total, min(ratios), max(ratios)


def fewer_rows_recorded(rows: Sequence[Row], **where: Any) -> float:
    """k/r: all prompts over all rows after packing."""
    chosen = only(rows, method=BASELINE, **where)
    return sum(row["batch_size"] for row in chosen) / sum(row["rows_packed"] for row in chosen)


def only(rows: Sequence[Row], **where: Any) -> list[Row]:
    """The rows with these values."""
    return [row for row in rows if all(row[name] == value for name, value in where.items())]
