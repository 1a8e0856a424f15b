"""What cells of lessons 09 and 11 print is what the text beside them says."""

import re

import pytest

import prepack_lab as lab
from prepack_lab.course.exercises.lesson_11 import tokens_read
from tests.lessons.sources import cells

IMPORTS = {"09_generation": "import torch", "11_prefill_only": "from functools import partial"}


def run_cells(name, *parts):
    """What the cells that contain these parts define, and what each returned; the imports come first."""
    found = {}
    for part in (IMPORTS[name], *parts):
        (source,) = {cell.source for cell in cells(name, "code") if part in cell.source}
        exec(source.replace(f'lab.progress("{name[:2]}")', ""), found)
    return found


def test_positions_that_run_on_show_after_a_decoded_token_only(capsys):
    run_cells("09_generation", "tiny, byte_tokenizer", "running_on")
    lines = capsys.readouterr().out.splitlines()[1:]
    (restart, decoded), (running_on, wrong) = (map(float, re.findall(r"[\d.]{5,}", line)) for line in lines)
    assert max(restart, decoded, running_on) < 1e-5 < 1e-3 < wrong


def test_k_over_r_falls_from_four_to_one():
    rows = run_cells("11_prefill_only", "k_over_r")["rows"]
    assert [row[:2] for row in rows] == [(0, "4.0"), (100, "2.1"), (300, "1.3"), (600, "1.0")]
    for shared, _, read, once, fewer in rows:
        read, once = (float(cell.replace(",", "")) for cell in (read, once))
        assert read - once == 15 * shared and fewer == f"{read / once:.1f}×"


@pytest.mark.parametrize("name", ["score", "lm-eval"])
def test_recordings_are_shown_as_they_are(name):
    found = run_cells("11_prefill_only", f'"prepack-lab bench {name}"')
    recorded = found["recorded"]
    assert recorded.benchmark == name
    if name == "score":
        for way, *seconds in found["rows"]:
            own = [row for row in recorded.results if row["way"] == way]
            assert seconds == [f"{row['seconds'][0]:.1f} s" for row in own] and len(own) == 2
    else:
        for (examples, client, seconds, times, off), row in zip(found["rows"], recorded.results, strict=True):
            assert (examples, client, seconds) == (row["examples"], row["client"], f"{row['seconds'][0]:.1f} s")
            assert float(times[:-1]) == pytest.approx(found["hf"][examples] / row["seconds"][0], abs=0.05)
            assert float(off) == pytest.approx(row["most_off"], rel=0.5)
            assert row["most_off"] < 1e-4 and (client == "hf") == (times == "1.0×")


def test_tokens_are_counted_as_they_are_read(tiny_model):
    """The exercise counts what `lab.score` runs: every token goes through the embedding."""
    beginning, *questions = lab.random_prompts((600, 4, 9, 2), vocab_size=250)
    choices = [lab.random_prompts(lengths, vocab_size=250) for lengths in ((1, 3), (2, 2, 5), (4,))]
    prompts, read = [beginning + question for question in questions], []
    embedding = tiny_model.get_input_embeddings()

    def count(_, given):
        read[-1] += given[0].numel()

    for share in (False, True):
        lab.score(tiny_model, prompts, choices, "padding_free", share)  # what is exact is found out now
        read.append(0)
        hook = embedding.register_forward_pre_hook(count)
        lab.score(tiny_model, prompts, choices, "padding_free", share)
        hook.remove()
    counted = tokens_read(len(beginning), [*map(len, questions)], [[*map(len, own)] for own in choices])
    assert tuple(read) == counted
