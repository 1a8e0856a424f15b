"""Recorded prefills on batches of sixteen, beside what the paper measured on its GPU."""

from __future__ import annotations

from collections.abc import Sequence

from prepack_lab import paper
from prepack_lab.measuring.ratios import BASELINE, fewer_rows, only, speed_up
from prepack_lab.measuring.recordings import Recording, load_recordings
from prepack_lab.tables import Table

COMPARED = ("prepacked", "padding_free")


def beside_paper_table(recordings: Sequence[Recording] | None = None) -> Table:
    """The latest recorded `bench prefill` and `bench batch-size`: speed-ups, k/r, the paper's, and where they differ.

    A speed-up is the ratio of seconds added up over all batches of a workload, as the paper compares its means.

    Args:
        recordings: those that came with the package, where left out.
    """
    recordings = load_recordings() if recordings is None else recordings
    latest = [_latest(recordings, name) for name in ("prefill", "batch-size")]
    there = [one for one in latest if one is not None]
    rows = [row for one in there for row in _rows(one)]
    headings = ("workload", "prompts", "batches", *COMPARED, "k/r of these batches", "the paper, prepacked", "why")
    if not rows:
        return Table(headings, [("none", *["–"] * 7)], "No recorded prefill came with this version of the lab")
    taken = " and ".join(dict.fromkeys(f"on {one.device}, {one.taken[:10]}" for one in there))
    return Table(headings, rows, f"Times as fast as {BASELINE}, {there[0].settings['model']}, recorded {taken}")


def _latest(recordings: Sequence[Recording], name: str) -> Recording | None:
    """Of this benchmark with all methods, on a workload that the paper has."""
    found = [one for one in recordings if one.command.startswith(f"prepack-lab bench {name} ")]
    return next((one for one in found if {BASELINE, *COMPARED} <= set(one.settings["methods"])), None)


def _rows(recording: Recording) -> list[tuple[object, ...]]:
    kinds = dict.fromkeys((row["workload"], row["batch_size"]) for row in recording.results)
    rows = []
    for workload, size in kinds:
        theirs = paper.SPEED_UP_BY_BATCH.get(workload, {}).get(size)
        if theirs is None:
            continue
        where = {"workload": workload, "batch_size": size}
        gains = [speed_up(recording.results, method, **where)[0] for method in COMPARED]
        counted = fewer_rows(recording.results, **where)
        draws = len(only(recording.results, method=BASELINE, **where))
        cells = (*(f"{gain:.2f}×" for gain in gains), f"{counted:.2f}", f"{theirs:.2f}×", _why(gains, counted, theirs))
        rows.append((workload, size, draws, *cells))
    return rows


def _why(gains: Sequence[float], counted: float, theirs: float) -> str:
    """Where it falls short of the paper, the reason that can be told from the numbers."""
    prepacked, padding_free = gains
    if prepacked >= theirs and padding_free >= theirs:
        return "at least the paper's"
    if counted < theirs:
        return "these batches leave more rows than the paper's did"
    return "slower than its rows: the machine, not the batches"
