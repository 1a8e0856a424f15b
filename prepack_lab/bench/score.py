"""`prepack-lab bench score`: multiple-choice questions, each choice scored, by every way there is to read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

from transformers import PreTrainedModel

from prepack_lab.bench.batches import fill, load_and_draw, time_under_a_bar
from prepack_lab.bench.experiments import Score
from prepack_lab.bench.report import Report
from prepack_lab.measuring.table import Table
from prepack_lab.methods import BASELINE, known_options
from prepack_lab.scoring.scores import Score as Found
from prepack_lab.scoring.scores import score

WAYS: dict[str, tuple[str, bool]] = {
    "one_by_one": ("one_by_one", False),
    BASELINE: (BASELINE, False),
    "length_ordered": ("length_ordered", False),
    "prepacked": ("prepacked", False),
    "padding_free": ("padding_free", False),
    "prepacked, shared beginnings": ("prepacked", True),
    "padding_free, shared beginnings": ("padding_free", True),
}
"""Name → method, and whether questions and examples are read once for all that goes on from them."""
REFERENCE = "one_by_one"
"""What the others have to find, too."""


def run_score(asked: Score) -> Report:
    model, (drawn,) = load_and_draw(asked, [asked.workload], [asked.count])
    questions = fill(model, drawn.lengths, asked.seed)
    choices = [fill(model, [1] * asked.choices, asked.seed + 1 + index) for index in range(asked.count)]
    rows = []
    for tokens in asked.examples:
        (beginning,) = fill(model, [tokens], asked.seed) if tokens else [[]]
        prompts = [beginning + question for question in questions]
        rows += [{"examples": tokens, **row} for row in _run_all(asked, model, prompts, choices)]
    return asked.report(rows, _table(rows, asked.count, asked.choices), model=model)


def _run_all(
    asked: Score, model: PreTrainedModel, prompts: list[list[int]], choices: list[list[list[int]]]
) -> list[dict[str, Any]]:
    found: dict[str, list[list[Found]]] = {}

    def run(way: str, method: str, share: bool) -> None:
        options = {} if method == REFERENCE else known_options(method, batch_size=asked.batch_size)
        found[way] = score(model, prompts, choices, method, share, **options)

    calls: dict[str, Callable[[], None]] = {way: partial(run, way, *how) for way, how in WAYS.items()}
    for method, share in WAYS.values():  # a small warm-up, which also finds out what is exact
        score(model, prompts[:2], [each[:2] for each in choices[:2]], method, share)
    taken = time_under_a_bar(calls, asked.repeats, str(model.device), warmup=0)
    expected = _flat(found[REFERENCE])
    return [
        {
            "way": way,
            "seconds": [*taken[way].seconds],
            "most_off": max(abs(a - b) for a, b in zip(_flat(found[way]), expected, strict=True)),
        }
        for way in WAYS
    ]


def _flat(found: list[list[Found]]) -> list[float]:
    return [each.log_likelihood for own in found for each in own]


def _table(rows: Sequence[dict[str, Any]], count: int, choices: int) -> Table:
    seconds = {(row["examples"], row["way"]): median(row["seconds"]) for row in rows}
    lines = [
        (
            row["way"],
            f"{row['examples']:,}",
            f"{seconds[row['examples'], row['way']]:.2f} s",
            f"{seconds[row['examples'], BASELINE] / seconds[row['examples'], row['way']]:.2f}×",
            f"{row['most_off']:.1e}",
        )
        for row in rows
    ]
    headings = ("way", "tokens of examples", "seconds", f"× {BASELINE}", f"most off {REFERENCE}")
    return Table(headings, lines, f"{count} questions with {choices} choices of one token each, log-likelihoods")
