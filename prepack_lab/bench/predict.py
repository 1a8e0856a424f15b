"""`prepack-lab bench predict`: the speed-up of batches against what tells it ahead: r/k, k/r and m - L/k."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from prepack_lab.bench.options import command_of
from prepack_lab.bench.report import Report
from prepack_lab.bench.speed_ups import BASELINE, measure_batches, speed_up
from prepack_lab.figures.predictor import draw_predictor
from prepack_lab.forward import run_method
from prepack_lab.measuring import paper
from prepack_lab.measuring.predictors import PREDICTORS, errors_on_unseen, fit_line
from prepack_lab.table import Table


def predict_benchmark(
    model: str = "smollm2-135m",
    workloads: Sequence[str] = ("mmlu", "samsum", "alpaca", "wikitext256"),
    prompts: Path | None = None,
    batch_size: int = 16,
    dtype: str | None = None,
    device: str | None = None,
    draws: int = 6,
    repeats: int = 1,
    seed: int = 0,
    compare_paper: bool = False,
) -> Report:
    """Fit a line for each predictor, and score each on workloads that its line has not seen."""
    asked: dict[str, Any] = {**locals(), "methods": (BASELINE, "prepacked")}
    rows, settings, where, batches = measure_batches(asked, workloads, (batch_size,), run_method)
    del settings["methods"]
    gains = [speed_up(rows, "prepacked", workload=one.workload, draw=one.draw)[0] for one in batches]
    kinds = [one.workload for one in batches]
    known = {name: [tell(one.lengths) for one in batches] for name, tell in PREDICTORS.items()}
    words = [f"{one.workload}, draw {one.draw}" for one in batches]
    figure = draw_predictor(known["k/r"], gains, "k/r", paper.LINES["k/r"] if compare_paper else None, words)
    return Report.now(command_of("predict", settings), where, settings, rows, _table(known, gains, kinds), figure)


def _table(known: dict[str, list[float]], gains: list[float], kinds: list[str]) -> Table:
    lines = []
    for name, x in known.items():
        told = ("–", "–")
        if len(set(x)) > 1:  # else no line goes through them
            line = fit_line(x, gains)
            told = (f"{line.intercept:.3g} {line.slope:+.3g} · {name}", f"{line.r_squared:.2f}")
        lines.append((name, *told, f"{paper.LINES[name].r_squared:.2f}", _unseen(x, gains, kinds)))
    headings = ("predictor", "speed-up =", "R² here", "R² paper", "off on unseen workloads")
    caption = f"{len(gains)} batches; unseen: each workload predicted from the others, median and largest error"
    return Table(headings, lines, caption)


def _unseen(x: Sequence[float], gains: Sequence[float], kinds: Sequence[str]) -> str:
    """How far a line is off for batches of a workload that it was not fitted to."""
    found = errors_on_unseen(x, gains, kinds)
    errors = [error for of_kind in found.values() for error in of_kind]
    return f"{median(errors):.0%}, {max(errors):.0%}" if len(found) == len(set(kinds)) else "–"
