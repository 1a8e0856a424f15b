"""Recorded prefills on batches of sixteen, beside what the paper measured on its GPU."""

from __future__ import annotations

from collections.abc import Sequence

from prepack_lab.measuring import paper
from prepack_lab.measuring.recordings import BASELINE, Recording, fewer_rows_recorded, load_recordings, only, speed_up
from prepack_lab.measuring.table import Table

SHOWN = ("prefill", "batch-size")
COMPARED = ("prepacked", "padding_free")


def beside_paper_table(recordings: Sequence[Recording] | None = None) -> Table:
    """Recorded `bench prefill` and `bench batch-size`: speed-ups, k/r, the paper's, and why, where they fall short.

    A speed-up is the ratio of seconds added up over all batches of a workload, as the paper compares its means. Of
    several recordings of the same workload and batch size, the latest counts.

    Args:
        recordings: those that came with the package, where left out.
    """
    recordings = load_recordings() if recordings is None else recordings
    found: dict[tuple[str, str, int], Recording] = {}
    for recording in recordings:  # the latest first
        what = recording.command.split()[2]
        if what in SHOWN and {BASELINE, *COMPARED} <= set(recording.settings["methods"]):
            for row in recording.results:
                if row["batch_size"] in paper.SPEED_UP_BY_BATCH.get(row["workload"], {}):
                    found.setdefault((what, row["workload"], row["batch_size"]), recording)
    rows = [_row(found[kind], *kind[1:]) for kind in sorted(found, key=lambda kind: SHOWN.index(kind[0]))]
    headings = ("workload", "prompts", "batches", *COMPARED, "k/r of these batches", "the paper, prepacked", "why")
    if not rows:
        return Table(headings, [("none", *["–"] * 7)], "No recorded prefill came with this version of the lab")
    used = dict.fromkeys((one.settings["model"], one.device, one.taken[:10]) for one in found.values())
    taken = " and ".join(f"{model} on {device}, {day}" for model, device, day in used)
    return Table(headings, rows, f"Times as fast as {BASELINE}, recorded: {taken}")


def _row(recording: Recording, workload: str, size: int) -> tuple[object, ...]:
    where = {"workload": workload, "batch_size": size}
    theirs = paper.SPEED_UP_BY_BATCH[workload][size]
    gains = [speed_up(recording.results, method, **where)[0] for method in COMPARED]
    counted = fewer_rows_recorded(recording.results, **where)
    draws = len(only(recording.results, method=BASELINE, **where))
    cells = (*(f"{gain:.2f}×" for gain in gains), f"{counted:.2f}", f"{theirs:.2f}×", _why(gains, counted, theirs))
    return workload, size, draws, *cells


def _why(gains: Sequence[float], counted: float, theirs: float) -> str:
    """Where it falls short of the paper, the reason that the numbers show."""
    prepacked, padding_free = gains
    if prepacked >= theirs and padding_free >= theirs:
        return "at least the paper's"
    if counted < theirs:
        return "these batches leave more rows than the paper's did"
    return "slower than its rows: the machine, not the batches"
