"""What was recorded elsewhere: by which command, on which machine, and when."""

from __future__ import annotations

from prepack_lab.recordings import load_recordings
from prepack_lab.tables import Table


def recordings_table() -> Table:
    """The measurements that came with the package, and what repeats each."""
    rows = [(one.device, one.taken[:10], one.command) for one in load_recordings()]
    caption = f"{len(rows)} recorded measurements of prefills" if rows else "No measurement came with this version"
    return Table(("taken on", "day", "repeat with"), rows, caption)
