"""What the first page says of measurements: the lab's own recordings, and where and when they were taken."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from prepack_lab.measuring.paper import PREFILL_SECONDS
from prepack_lab.measuring.recordings import Recording, fewer_rows_recorded, load_recordings, speed_up
from prepack_lab.sources.lengths import load_profile

PAPER_MODEL = "sheared-llama-1.3b"
NAMES = {
    "one_by_one": "each prompt alone",
    "full_batching": "padded batch",
    "length_ordered": "padded, sorted by length",
    "prepacked": "prepacked",
    "padding_free": "padding-free",
}
"""The methods as this page calls them."""


@dataclass(frozen=True)
class Recorded:
    """Rows of a table, and where its numbers come from."""

    rows: list[tuple[object, ...]]
    source: str
    command: str
    """What repeats them."""


@dataclass(frozen=True)
class Gain:
    """How many times as fast as a padded batch, on one workload."""

    title: str
    fewer_rows: float
    prepacked: float
    worst: float
    best: float
    padding_free: float
    paper: float
    """What the paper measured for prepacking, on a GPU."""


def exactness() -> Recorded:
    """How far every method's log-likelihoods are from those of each prompt alone."""
    recording = _latest("score")
    rows = [row for row in recording.results if row["examples"] == 0 and row["way"] in NAMES]
    return Recorded(
        [(NAMES[row["way"]], _small(row["most_off"]), median(row["seconds"])) for row in rows], *_where(recording)
    )


def gains() -> Recorded:
    """Prefill against a padded batch, by workload, the largest gain first."""
    recording = max(_of("prefill"), key=lambda one: len(one.settings["workloads"]))
    found = []
    for name in recording.settings["workloads"]:
        total, worst, best = speed_up(recording.results, "prepacked", workload=name)
        free, _, _ = speed_up(recording.results, "padding_free", workload=name)
        packed, padded = PREFILL_SECONDS[name][PAPER_MODEL]
        fewer = fewer_rows_recorded(recording.results, workload=name)
        found.append(Gain(load_profile(name).title, fewer, total, worst, best, free, padded / packed))
    return Recorded([(gain,) for gain in sorted(found, key=lambda gain: -gain.prepacked)], *_where(recording))


def larger_batches() -> Recorded:
    """The gain of prepacking as the batch grows."""
    recording = _latest("batch-size")
    sizes = recording.settings["batch_sizes"]
    rows = [(size, speed_up(recording.results, "prepacked", batch_size=size)[0]) for size in sizes]
    return Recorded([*rows], *_where(recording))


def losses() -> Recorded:
    """Multiple-choice questions behind a long beginning, which leave nothing to pack: seconds by method."""
    recording = _latest("score")
    most = max(recording.settings["examples"])
    rows = [(row["way"], median(row["seconds"])) for row in recording.results if row["examples"] == most]
    named = [(NAMES.get(way, way.replace("_", "-")), seconds) for way, seconds in rows if way != "padding_free"]
    where, command = _where(recording)
    return Recorded([*named], f"{most} tokens of examples before each question. {where}", command)


def _of(benchmark: str) -> list[Recording]:
    return load_recordings(of=(f"prepack-lab bench {benchmark} ",))


def _latest(benchmark: str) -> Recording:
    return _of(benchmark)[0]


def _where(recording: Recording) -> tuple[str, str]:
    """Where and when it was taken, and what repeats it."""
    chosen = ", ".join([*recording.what_ran, recording.settings["model"], recording.settings["dtype"]])
    return f"Recorded on {recording.device}, {recording.taken[:10]}: {chosen}", recording.command


def _small(number: float) -> str:
    """0, or a number far below 1 that can be read: 0.00003."""
    return f"{number:.5f}" if number else "0"
