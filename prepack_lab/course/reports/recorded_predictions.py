"""The recorded batches of `bench predict`: each workload predicted by the line through the others."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from prepack_lab.measuring.predictors import errors_on_unseen
from prepack_lab.measuring.recordings import BASELINE, FOLDER, Recording, load_recordings, only, speed_up
from prepack_lab.measuring.table import Table

TAKE_ONE = "prepack-lab bench predict"


def recorded_predictions_table(recordings: Sequence[Recording] | None = None) -> Table:
    """How far off k/r was, on workloads that its line had not seen, with the whole model.

    Args:
        recordings: of `bench predict`, the latest first; those that came with the package where left out.
    """
    recordings = load_recordings(FOLDER, of=(TAKE_ONE,)) if recordings is None else recordings
    headings = ("workload", "batches", "speed-ups measured", "k/r was off by, in the median", "at most")
    if not recordings:
        return Table(headings, [("none", *["–"] * 4)], f"Nothing recorded came with this version; {TAKE_ONE} takes it")
    recording = recordings[0]
    batches = only(recording.results, method=BASELINE)
    kinds = [row["workload"] for row in batches]
    counted = [row["batch_size"] / row["rows_packed"] for row in batches]
    gains = [speed_up(recording.results, "prepacked", workload=row["workload"], draw=row["draw"])[0] for row in batches]
    rows = []
    for kind, errors in errors_on_unseen(counted, gains, kinds).items():
        own = [gain for gain, of in zip(gains, kinds, strict=True) if of == kind]
        spread = f"{min(own):.2f}× to {max(own):.2f}×"
        rows.append((kind, len(own), spread, f"{median(errors):.0%}", f"{max(errors):.0%}"))
    return Table(headings, rows, f"Each workload predicted from the others; {recording.title}")
