"""A gain predicted: what can be counted in a batch, the lines through it, and what a machine's speed is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from prepack_lab.measuring import paper
from prepack_lab.measuring.calibration import Calibration
from prepack_lab.measuring.predictors import PREDICTORS, Line, TimedBatch, fit_line
from prepack_lab.measuring.table import Table
from prepack_lab.packing import pack


def counted_table(batches: Mapping[str, Sequence[int]]) -> Table:
    """What is known of batches before anything is run."""

    def row(words: str, lengths: Sequence[int]) -> tuple[object, ...]:
        counted = [f"{predictor(lengths):.2f}" for name, predictor in PREDICTORS.items() if name != "m - L/k"]
        spread = f"{PREDICTORS['m - L/k'](lengths):.0f}"
        return words, len(lengths), f"{sum(lengths):,}", max(lengths), pack(lengths).num_bins, *counted, spread

    headings = ("batch", "prompts k", "tokens L", "longest m", "rows r", "r/k", "k/r", "m - L/k")
    return Table(headings, [row(*batch) for batch in batches.items()], "Counted from the lengths; nothing was run")


def lines_table(timed: Mapping[str, TimedBatch]) -> Table:
    """The line through the measured batches in each predictor, and the paper's beside it."""
    speed_ups = [batch.speed_up for batch in timed.values()]

    def row(name: str) -> tuple[str, ...]:
        here = fit_line([PREDICTORS[name](batch.lengths) for batch in timed.values()], speed_ups)
        there = paper.LINES[name]
        return name, _words(here, name), f"{here.r_squared:.2f}", _words(there, name), f"{there.r_squared:.2f}"

    headings = ("predictor", "speed-up, fitted here", "R² here", "speed-up, in the paper", "R² in the paper")
    rows = sorted((row(name) for name in PREDICTORS), key=lambda cells: cells[2], reverse=True)
    return Table(headings, rows, f"{len(timed)} batches, {_how_measured(timed)}")


def predicted_table(line: Line, batches: Mapping[str, Sequence[int]]) -> Table:
    """What a line in k/r says of batches, before they are run."""
    rows = []
    for words, lengths in batches.items():
        fewer = PREDICTORS["k/r"](lengths)
        rows.append((words, pack(lengths).num_bins, f"{fewer:.2f}", f"{line.at(fewer):.2f}×"))
    caption = f"Predicted, not yet run: speed-up = {_words(line, 'k/r')}"
    return Table(("batch", "rows r", "k/r", "predicted speed-up"), rows, caption)


def rates_table(calibration: Calibration) -> Table:
    """The three rates of a machine, in milliseconds."""
    rows = [
        ("a: a forward pass, however small", f"{1e3 * calibration.seconds_per_pass:.1f} ms"),
        ("b: a billion operations of the linear layers", f"{1e12 * calibration.seconds_per_linear_flop:.2f} ms"),
        ("c: a billion operations of attention", f"{1e12 * calibration.seconds_per_attention_flop:.2f} ms"),
    ]
    return Table(("rate", "takes"), rows, f"Measured just now on {calibration.device}")


def _words(line: Line, name: str) -> str:
    return f"{line.intercept:.2f} {'+' if line.slope >= 0 else '−'} {abs(line.slope):.3g} · {name.join('()')}"


def _how_measured(timed: Mapping[str, TimedBatch]) -> str:
    every = [measured for batch in timed.values() for measured in (batch.baseline, batch.method)]
    spread = median((one.spread[1] - one.spread[0]) / one.median for one in every)
    return (
        f"medians of {len(every[0].seconds)} runs on {every[0].device}; "
        f"from quartile to quartile, the runs of a batch differ by {spread:.0%}"
    )
