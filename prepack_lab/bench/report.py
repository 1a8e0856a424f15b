"""What a benchmark leaves behind: a table for people, and a record that says where, when and how it was taken."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prepack_lab import __version__
from prepack_lab.machine import describe_machine
from prepack_lab.tables import Table


@dataclass(frozen=True)
class Report:
    """The outcome of one experiment."""

    command: str
    """What repeats it."""
    machine: dict[str, str]
    """The device and the versions it ran on."""
    taken: str
    """When it was done, in UTC."""
    settings: dict[str, Any]
    """Everything that was chosen: model, dtype, workload, seed, …"""
    results: list[dict[str, Any]]
    """The figures, one dictionary a row; seconds and bytes."""
    table: Table
    """The same, to read."""

    @classmethod
    def now(
        cls, command: str, device: str, settings: dict[str, Any], results: list[dict[str, Any]], table: Table
    ) -> Report:
        """A report on what has just been measured here."""
        machine = {**describe_machine(device), "prepack_lab": __version__}
        return cls(command, machine, datetime.now(UTC).isoformat(timespec="seconds"), settings, results, table)

    def __str__(self) -> str:
        where = ", ".join(f"{name} {value}" for name, value in self.machine.items() if name != "device")
        return f"{self.table}\n\n{self.machine['device']}; {where}\n{self.taken}; repeat with: {self.command}"

    def save(self, path: Path) -> None:
        """Write the record as JSON."""
        record = {name: value for name, value in vars(self).items() if name != "table"}
        path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
