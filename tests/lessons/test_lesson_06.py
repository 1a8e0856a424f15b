"""What lesson 06 says beside its figures: counted, or taken from the paper."""

import pytest
import torch

import prepack_lab as lab
from prepack_lab.measuring import paper
from prepack_lab.measuring.memory import largest_batch, memory_parts
from prepack_lab.measuring.predictors import expected_fewer_rows
from prepack_lab.models.loading import load_sizes
from tests.lessons.sources import run_cell

LESSON = "06_memory"
METHODS = ("full_batching", "length_ordered", "prepacked", "padding_free")


def test_the_papers_table_is_that_of_its_readme():
    table = run_cell(LESSON, "paper.MMLU_64", paper=paper)
    assert table.rows == [
        ("prepacked", "0.441 ± 0.347 s", "4,578 MiB", "91.2 %"),
        ("full_batching", "2.299 ± 1.741 s", "34,600 MiB", "99.7 %"),
        ("length_ordered", "0.658 ± 0.815 s", "22,950 MiB", "97.9 %"),
    ]


def test_the_cache_is_the_largest_part_of_full_batching_and_no_mask_is_large():
    lengths = lab.load_profile("mmlu").sample(64, seed=0)
    parts = memory_parts(load_sizes("sheared-llama-1.3b"), lengths, "full_batching", torch.bfloat16)
    assert max(parts, key=parts.get) == "cache" and parts["mask"] < 0.01 * sum(parts.values())


@pytest.mark.long
def test_prepacking_fits_the_times_as_many_of_the_text(capsys):
    profile, sizes = lab.load_profile("mmlu"), load_sizes("sheared-llama-1.3b")
    known = {"profile": profile, "sizes": sizes, "methods": METHODS, "largest_batch": largest_batch, "torch": torch}
    fit = run_cell(LESSON, "48e9", "fit", **known)
    assert fit["prepacked"] / fit["full_batching"] == pytest.approx(8, abs=0.5)
    assert expected_fewer_rows(profile, 64) == pytest.approx(6, abs=0.5)
    assert f"{fit['full_batching']:,} prompts,  1.0 times" in capsys.readouterr().out
