"""The traps are real: the library is wrong where the table says so, and the lab is right."""

import prepack_lab as lab
from prepack_lab.course.reports import families_table, precision_table, restart_trap_table, window_trap_table


def test_restarts_beside_a_cache_leak_and_without_one_do_not():
    model, _ = lab.load_model("tiny-llama", device="cpu")
    verdicts = [row[2] for row in restart_trap_table(model, [[1, 2, 3, 4], [5], [6, 7]]).rows]
    assert [verdict[0] for verdict in verdicts] == ["✗", "✓", "✓"]
    assert verdicts[0].endswith("for prompts 1 and 2"), "the first prompt of the row is right"


def test_a_mask_of_ones_own_loses_the_window_for_prompts_longer_than_it():
    assert [row[2][0] for row in window_trap_table((20, 12, 6)).rows] == ["✗", "✓"]
    assert [row[2][0] for row in window_trap_table((7, 6)).rows] == ["✓", "✓"]


def test_families_are_asked():
    from transformers import BloomConfig, LlamaConfig

    llama, bloom = families_table([LlamaConfig, BloomConfig]).rows
    assert "refused" not in llama and "refused" in bloom


def test_precision_counts_tokens_that_stay():
    model, _ = lab.load_model("tiny-llama", device="cpu")
    table = precision_table({"float32": model}, [[1, 2, 3], [4], [5, 6]])
    assert [row[3] for row in table.rows] == ["3 of 3"] * 3
