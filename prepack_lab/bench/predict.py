"""`prepack-lab bench predict`: the speed-up of batches against what predicts it: r/k, k/r and m - L/k."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from prepack_lab.bench.experiments import Predict
from prepack_lab.bench.report import Report
from prepack_lab.bench.speed_ups import measure_batches
from prepack_lab.figures.predictor import draw_predictor
from prepack_lab.measuring import paper
from prepack_lab.measuring.predictors import PREDICTORS, errors_on_unseen, fit_line
from prepack_lab.measuring.recordings import speed_up
from prepack_lab.measuring.table import Table
from prepack_lab.methods import BASELINE


def run_predict(asked: Predict) -> Report:
    model, batches, rows = measure_batches(asked, asked.workloads, [asked.batch_size], (BASELINE, "prepacked"))
    gains = [speed_up(rows, "prepacked", workload=batch.workload, draw=batch.draw)[0] for batch in batches]
    kinds = [batch.workload for batch in batches]
    known = {name: [predictor(batch.lengths) for batch in batches] for name, predictor in PREDICTORS.items()}
    words = [f"{batch.workload}, draw {batch.draw}" for batch in batches]
    figure = draw_predictor(known["k/r"], gains, "k/r", paper.LINES["k/r"] if asked.compare_paper else None, words)
    return asked.report(rows, _table(known, gains, kinds), figure, model)


def _table(known: Mapping[str, Sequence[float]], gains: Sequence[float], kinds: Sequence[str]) -> Table:
    lines = []
    for name, x in known.items():
        fitted = ("–", "–")
        if len(set(x)) > 1:  # else no line goes through them
            line = fit_line(x, gains)
            fitted = (f"{line.intercept:.3g} {line.slope:+.3g} · {name}", f"{line.r_squared:.2f}")
        lines.append((name, *fitted, f"{paper.LINES[name].r_squared:.2f}", _unseen(x, gains, kinds)))
    headings = ("predictor", "speed-up =", "R² here", "R² paper", "off on unseen workloads")
    caption = f"{len(gains)} batches; unseen: each workload predicted from the others, median and largest error"
    return Table(headings, lines, caption)


def _unseen(x: Sequence[float], gains: Sequence[float], kinds: Sequence[str]) -> str:
    """How far a line is off for batches of a workload that it was not fitted to."""
    found = errors_on_unseen(x, gains, kinds)
    errors = [error for of_kind in found.values() for error in of_kind]
    return f"{median(errors):.0%}, {max(errors):.0%}" if len(found) == len(set(kinds)) else "–"
