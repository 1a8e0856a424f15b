"""What was recorded elsewhere: what was measured, on which machine, and when."""

from __future__ import annotations

from collections.abc import Sequence

from prepack_lab.measuring.recordings import Recording, load_recordings
from prepack_lab.measuring.table import Table

TAKE_ONE = "prepack-lab bench batch-size --record"


def recordings_table(recordings: Sequence[Recording] | None = None) -> Table:
    """Recorded prefills, and what repeats them.

    Args:
        recordings: those that came with the package, where left out.
    """
    recordings = load_recordings() if recordings is None else recordings
    headings = ("taken on", "day", "workloads", "prompts in a batch", "repeat with")
    if not recordings:
        caption = "No measurement came with this version of the lab. A command takes one where you are:"
        return Table(headings, [("this machine", "–", "mmlu", "–", TAKE_ONE)], caption)
    return Table(headings, [_row(one) for one in recordings], f"{len(recordings)} recorded measurements of prefill")


def _row(recording: Recording) -> tuple[str, ...]:
    sizes = {size for methods in recording.prefill.values() for by_batch in methods.values() for size in by_batch}
    machine = f"{recording.device}, {recording.settings['model']}, {recording.settings['dtype']}"
    prompts = ", ".join(map(str, sorted(sizes)))
    return machine, recording.taken[:10], ", ".join(recording.prefill), prompts, recording.command
