"""`prepack-lab verify`: all is in order here, and whatever is broken turns it red, by name."""

import json
from dataclasses import replace
from functools import partial

import pytest
import torch

from prepack_lab import attention, masks, verification
from prepack_lab.cli import main
from prepack_lab.forward import run_method
from prepack_lab.masks import Slots
from prepack_lab.models.loading import load_model
from prepack_lab.models.zoo import every_class, small_model
from prepack_lab.verification import COMPARED, FAMILIES, Comparison, Timing, compare, kernels_of, verify

ROWS = {"prepacked", "dataset_prepacked"}


def wrong(model="tiny-llama", dtype="float32"):
    """What is off, as method → what."""
    found = {}
    for one in compare(load_model(model, dtype, "cpu")[0], model):
        if not one.in_order:
            found.setdefault(one.method, set()).add(one.what)
    return found


@pytest.mark.long
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("model", ["tiny-llama", "tiny-gpt2"])
def test_everything_is_in_order_here(model, dtype):
    assert wrong(model, dtype) == {}


@pytest.mark.long
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_in_order_here(family):
    assert [str(one) for one in compare(small_model(every_class()[family]), family) if not one.in_order] == []


@pytest.mark.long
def test_all_that_is_compared_is_named():
    done = {(one.method, one.what) for one in compare(load_model("tiny-llama", "bfloat16", "cpu")[0], "m")}
    whats = ("prefill", "decoding")
    native = {(method, what) for method in COMPARED for what in (*whats, "scores")}
    rows = {(method, "decoding from rows") for method in ("prepacked", "padding_free")}
    float32 = {(method, what) for method in COMPARED for what in whats} | rows
    assert done == native | rows | {(method, f"{what} in float32") for method, what in float32}


def without_segments(queries, keys, rule):
    """The mask of packed rows, with the prompts of a row left in sight of each other."""
    alike = (Slots(torch.zeros_like(own.segment_ids), own.position_ids) for own in (queries, keys))
    return masks.visible(*alike, rule)


@pytest.mark.long
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_broken_mask_is_found(monkeypatch, dtype):
    monkeypatch.setattr(attention, "visible", without_segments)
    found = wrong(dtype=dtype)
    assert found.keys() == ROWS | {"padding_free"}
    assert "prefill" in found["prepacked"] and "prefill" in found["dataset_prepacked"]
    assert "prefill" not in found["padding_free"], "its prefill needs no mask"
    assert "decoding from rows" in found["padding_free"]


def test_positions_that_do_not_restart_are_found(monkeypatch):
    def counted_on(model, batch):
        return torch.arange(batch.input_ids.shape[1])[None].expand_as(batch.input_ids)

    monkeypatch.setattr("prepack_lab.forward.batch_positions", counted_on)
    assert ROWS | {"padding_free"} <= wrong("tiny-gpt2").keys()


@pytest.mark.long
def test_what_hides_behind_rounding_is_found(monkeypatch):
    """A thousandth of each logit: less than half precision loses, and more than float32 does."""

    def slightly_off(model, prompts, method, **options):
        passes = run_method(model, prompts, method, **options)
        return [replace(done, next_token_logits=done.next_token_logits * 1.002) for done in passes]

    monkeypatch.setattr(verification, "run_method", slightly_off)
    assert wrong(dtype="bfloat16") == {method: {"prefill in float32"} for method in COMPARED}
    assert wrong(dtype="float32") == {method: {"prefill"} for method in COMPARED}


def test_scores_are_held_against_the_logits_of_each_prompt_alone(monkeypatch):
    def shifted(model, prompts, continuations, method):
        right = real(model, prompts, continuations, method)
        return [replace(one, token_log_likelihoods=one.token_log_likelihoods[::-1]) for one in right]

    real = verification.score
    monkeypatch.setattr(verification, "score", shifted)
    assert wrong() == {method: {"scores"} for method in COMPARED}


def test_what_fails_is_off_and_what_is_no_number_is_too(monkeypatch):
    def failing(model, prompts, method):
        raise RuntimeError("no kernel\nfor this")

    monkeypatch.setattr(verification, "run_method", failing)
    (first, *_) = compare(load_model("tiny-llama", "float32", "cpu")[0], "m")
    assert str(first) == "✗ m in float32, full_batching: prefill failed: RuntimeError: no kernel"
    assert not replace(first, off=float("nan")).in_order and not replace(first, off=0.1).in_order
    assert replace(first, off=first.allowed).in_order


@pytest.mark.long
def test_a_kernel_is_named():
    model = load_model("tiny-llama", "float32", "cpu")[0]
    assert kernels_of(model, "padding_free") == "flash_attention_for_cpu"
    capped = small_model(every_class()["Gemma2ForCausalLM"])
    assert kernels_of(capped, "prepacked") == "plain matrix products"


@pytest.fixture
def quick(monkeypatch):
    """Without the small models, and without the minutes that timing takes."""
    monkeypatch.setattr(verification, "verify", partial(verify, families=("MistralForCausalLM",)))
    monkeypatch.setattr(verification, "time_methods", lambda model, count: [Timing("prepacked", 0.5, 0.25)])


WORDS = ["verify", "--model", "tiny-llama", "--device", "cpu", "--dtype", "float32"]


@pytest.mark.long
def test_the_command_says_what_it_found_and_keeps_it(quick, tmp_path, capsys):
    assert main([*WORDS, "--json", str(tmp_path / "v.json"), "--report", str(tmp_path / "v.md")]) == 0
    said = capsys.readouterr().out
    assert "✓ 34 comparisons, none off" in said and "✗" not in said
    assert (
        "float32  flash_attention_for_cpu  one_by_one, full_batching, length_ordered, prepacked, padding_free" in said
    )
    assert "prepacked  0.500 s   0.250 s    2.00×" in said
    assert (tmp_path / "v.md").read_text().startswith("# prepack-lab verify: ✓ 34 comparisons, none off\n\n```\n")
    assert said.strip() in (tmp_path / "v.md").read_text()
    kept = json.loads((tmp_path / "v.json").read_text())
    assert kept["in_order"] and len(kept["compared"]) == 34 and kept["machine"]["torch"] == torch.__version__
    assert {one["model"] for one in kept["compared"]} == {"tiny-llama", "MistralForCausalLM"}


@pytest.mark.long
def test_what_is_off_turns_the_command_red(quick, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(attention, "visible", without_segments)
    assert main([*WORDS, "--report", str(tmp_path / "v.md")]) == 1
    said = capsys.readouterr().out
    assert "✗ tiny-llama in float32, prepacked: prefill is off by" in said
    assert said.rstrip().endswith(" off") and "none off" not in said
    (line,) = [line for line in said.splitlines() if line.startswith("tiny-llama")]
    assert line.split()[2:] == ["✓", "✓", "✗", "✗", "✗"], COMPARED
    assert "✗ tiny-llama" in (tmp_path / "v.md").read_text()


def test_a_folder_that_is_not_there_is_said_before_anything_runs(monkeypatch, capsys):
    monkeypatch.setattr(verification, "verify", lambda *_: pytest.fail("it ran"))
    assert main(["verify", "--report", "no/such/v.md"]) == 2
    assert "there is no folder no/such" in capsys.readouterr().err


def test_a_model_whose_cost_can_not_be_counted_is_compared_all_the_same(monkeypatch):
    def uncounted(model, count):
        raise ValueError("it chooses experts")

    monkeypatch.setattr(verification, "time_methods", uncounted)
    found = verify("tiny-llama", "cpu", "float32", families=())
    assert found.in_order and found.timings == [] and "not taken, since it chooses experts" in str(found)


def test_a_difference_is_said_in_shares_of_the_spread():
    found = Comparison("m", "float32", "prepacked", "prefill", 0.123, 0.0007)
    assert str(found) == (
        "✗ m in float32, prepacked: prefill is off by 12.30% of the spread of the logits; rounding explains 0.07%"
    )
