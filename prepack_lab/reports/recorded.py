"""What was recorded elsewhere: what was measured, on which machine, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prepack_lab.measuring.recordings import Recording, load_recordings
from prepack_lab.tables import Table

BASELINE = "full_batching"
TAKE_ONE = "prepack-lab bench batch-size --record"


def recordings_table(recordings: Sequence[Recording] | None = None) -> Table:
    """Recorded prefills: how many times as fast each method was, in the largest batch, and what repeats it.

    Args:
        recordings: those that came with the package, where left out.
    """
    recordings = load_recordings() if recordings is None else recordings
    headings = ("taken on", "day", "workload", "prompts", f"times as fast as {BASELINE}", "repeat with")
    if not recordings:
        caption = "No measurement came with this version of the lab. A command takes one where you are:"
        return Table(headings, [("this machine", "–", "mmlu", "–", "–", TAKE_ONE)], caption)
    rows = [row for one in recordings for row in _rows(one)]
    return Table(headings, rows, f"{len(recordings)} recorded measurements, with {len(rows)} workloads")


def _rows(recording: Recording) -> Iterator[tuple[object, ...]]:
    for workload, by_method in recording.prefill.items():
        padded = by_method.get(BASELINE, {})
        size = max((size for by_size in by_method.values() for size in by_size), default=0)
        gains = [
            f"{method} {padded[size].median / by_size[size].median:.1f}×"
            for method, by_size in by_method.items()
            if method != BASELINE and size in by_size and size in padded
        ]
        machine = f"{recording.device}, {recording.settings['model']}, {recording.settings['dtype']}"
        yield machine, recording.taken[:10], workload, size, ", ".join(gains) or "–", recording.command
