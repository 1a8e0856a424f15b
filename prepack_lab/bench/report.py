"""What a benchmark leaves behind: a table for people, and a record that says where, when and how it was taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from prepack_lab import __version__
from prepack_lab.figures.style import LabFigure
from prepack_lab.measuring.machine import describe_machine
from prepack_lab.measuring.recordings import Recording
from prepack_lab.measuring.table import Table


@dataclass(frozen=True)
class Report(Recording):
    """What an experiment has measured just now."""

    table: Table
    """The results, to read."""
    figure: LabFigure | None = None
    """The same, to see; None where the table says it better."""

    @classmethod
    def now(
        cls,
        command: str,
        device: str,
        settings: dict[str, Any],
        results: list[dict[str, Any]],
        table: Table,
        figure: LabFigure | None = None,
    ) -> Report:
        """A report on what has just been measured here."""
        machine = {**describe_machine(device), "prepack_lab": __version__}
        return cls(command, machine, datetime.now(UTC).isoformat(timespec="seconds"), settings, results, table, figure)

    def __str__(self) -> str:
        where = ", ".join(f"{name} {value}" for name, value in self.machine.items() if name != "device")
        lines = [f"{self.machine['device']}; {where}", f"{self.taken}; repeat with: {self.command}"]
        if prompts := self.settings.get("prompts"):
            lines.insert(0, f"tokens of {prompts} are counted by the tokenizer of {self.settings['model']}")
        return "\n".join([f"{self.table}\n", *lines])

    def plot(self, path: Path) -> None:
        """Write the figure, as a page (.html) or as an image (.png, .svg; needs kaleido).

        Raises:
            ValueError: there is no figure of this experiment, there is no Chrome to draw an image with, or as for
                `check_plot`.
        """
        if self.figure is None:
            raise ValueError(f"{self.benchmark} has no figure; its table says it all")
        check_plot(path)
        if path.suffix == ".html":
            self.figure.write_html(path)
            return
        try:
            self.figure.write_image(path)
        except RuntimeError as error:  # kaleido found no Chrome
            raise ValueError(f"{path.name} can't be drawn; write it as .html. {' '.join(str(error).split())}") from None


def check_plot(path: Path) -> None:
    """Refuse a file that no figure can be written to: before anything is measured, not after.

    Raises:
        ValueError: the ending is none of .html, .png and .svg, or it is an image and there is no kaleido.
    """
    if path.suffix not in (".html", ".png", ".svg"):
        raise ValueError(f"{path.name} ends in {path.suffix!r}; a figure is written as .html, .png or .svg")
    if path.suffix != ".html" and find_spec("kaleido") is None:
        raise ValueError(f"{path.name} needs kaleido: pip install kaleido, or write the figure as .html")
