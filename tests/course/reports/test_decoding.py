"""Tables of lesson 09: every cell by hand."""

from prepack_lab.course import reports
from prepack_lab.course.ablation import Ablation
from prepack_lab.measuring.cost import cost_of_step
from prepack_lab.measuring.token_times import TokenTimes
from prepack_lab.models.loading import load_config


def test_the_worst_error_of_any_prompt():
    found = {"as it should be": Ablation(True, True, (1e-6, 3e-6), (2e-6, 1e-6))}
    assert reports.restart_table(found).rows == [("as it should be", "0.000003", "0.000002")]


def test_first_tokens_and_those_after():
    runs = [TokenTimes(None, ((first, first + 0.2), (2 * first, 2 * first + 0.2))) for first in (0.1, 0.3, 0.2)]
    table = reports.token_times_table({"prepacked": runs}, "a machine")
    assert table.rows == [
        ("prepacked", "300 ms (150 to 450)", "400 ms (200 to 600)", "200 ms (200 to 200)"),
    ]
    assert "3 runs" in table.caption and table.caption.endswith("on a machine")


def test_work_is_told_from_the_cost():
    config = load_config("tiny-llama")
    step = cost_of_step(config, 2, 20)
    ((words, slots, operations, moved, intensity),) = reports.work_table({"a step": step}).rows
    assert (words, slots, moved) == ("a step", "2", f"{step.moved_bytes / 1e9:.2f} GB")
    assert operations == f"{step.flops / 1e9:.1f}" and intensity == f"{step.intensity:.1f}"
