"""What lesson 05 says beside its figures and tables: counted, or taken from the paper, and never timed."""

import pytest

import prepack_lab as lab
from prepack_lab.measuring import paper, recordings
from prepack_lab.measuring.predictors import fewer_rows
from tests.lessons.sources import cell, run_cell

LESSON = "05_live_timing"


def test_the_rows_of_the_batch_are_those_of_the_text():
    lengths = run_cell(LESSON, "draw_rows", lab=lab, figures=lab.figures, name="lengths")
    assert [fewer_rows(lengths[:size]) for size in (2, 4, 8)] == [1, 2, 8 / 3]
    assert max(lengths) < 60, "there is no long one, so that nobody waits"


def test_the_papers_models_gain_alike():
    for by_model in paper.PREFILL_SECONDS.values():
        gains = [full / packed for packed, full in by_model.values()]
        assert max(gains) / min(gains) <= 1.04
    table = run_cell(LESSON, "PREFILL_SECONDS", paper=paper)
    assert table.rows[2] == ("mmlu", "3.33", "3.46", "3.39", "3.38") and table.rows[4][-1] == "–"


def test_the_paper_loses_until_the_first_token_what_the_text_says():
    packed, full = paper.PREFILL_SECONDS["mmlu"]["sheared-llama-1.3b"]
    assert full / packed == pytest.approx(3.33, abs=0.005)
    assert paper.TTFT_SPEED_UP["mmlu"]["sheared-llama-1.3b"] == 2.64


def test_recorded_gains_stand_beside_the_papers():
    table = run_cell(LESSON, "fewer_rows_recorded", paper=paper, recordings=recordings)
    rows = {row[:2]: row[2:] for row in table.rows}
    assert len(table.rows) == 11 and len(rows) == 10, "six workloads, and five batch sizes of one of them"
    latest = next(one for one in recordings.load_recordings() if one.what_ran[0] == "wikitext512")
    gains = [recordings.speed_up(latest.results, method)[0] for method in ("prepacked", "padding_free")]
    counted = recordings.fewer_rows_recorded(latest.results)
    assert rows["wikitext512", 16] == tuple(f"{number:.2f}" for number in (*gains, counted, 2.45))


def test_runs_apart_are_called_a_difference(capsys):
    said = cell(LESSON, "the quartiles overlap")
    words = said[said.index("(_, upper)") : said.index("tables.")]
    for first, second, expected in (((1, 2), (3, 4), "apart"), ((1, 3), (2, 4), "overlap"), ((3, 4), (1, 2), "apart")):
        exec(words, {"alike": {"a": Spread(first), "b": Spread(second)}})
        assert expected in capsys.readouterr().out


class Spread:
    """A measurement of which only the quartiles are looked at."""

    def __init__(self, spread):
        self.spread = spread
