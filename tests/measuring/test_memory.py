"""The memory of a prefill: estimates against what is measured, and the largest batch that fits."""

import os

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab.forward import run_method
from prepack_lab.measuring import memory
from prepack_lab.measuring.cost import estimate_cost
from prepack_lab.measuring.memory import (
    fits,
    largest_batch,
    largest_that_fits,
    memory_by_batch,
    memory_parts,
    peak_memory,
)
from prepack_lab.methods import METHODS
from prepack_lab.models.loading import load_config
from tests.measuring.test_cost import SMALL

LLAMA = load_config("tiny-llama")


@pytest.mark.long
@pytest.mark.parametrize("method", METHODS)
def test_the_memory_is_about_what_is_measured(method):
    model = lab.load_model("tiny-llama", device="cpu")[0]
    lengths = lab.load_profile("mmlu").sample(12, seed=0)
    prompts = lab.random_prompts(lengths, 256)
    run_method(model, prompts, method)
    measured = peak_memory(lambda: run_method(model, prompts, method), "cpu")
    cost = estimate_cost(model.config, lengths, method, model.dtype)
    assert 0.5 < (cost.cache_bytes + cost.working_bytes) / measured < 2


@settings(max_examples=10)
@given(limit=st.integers(1, 400))
def test_the_largest_batch_fits_and_the_next_does_not(limit):
    lengths, limit = [50] * 40, limit * 100_000
    count = largest_batch(LLAMA, lengths, "full_batching", limit)
    used = memory_by_batch(LLAMA, lengths, "full_batching", range(1, 41))
    assert count == sum(bytes_needed <= limit for bytes_needed in used.values())


def test_the_parts_of_memory_add_up_to_what_a_prefill_takes():

    config, lengths = load_config("tiny-llama"), [30, 5, 9, 12]
    for method in ("full_batching", "prepacked", "padding_free", "one_by_one"):
        parts = memory_parts(config, lengths, method)
        assert sum(parts.values()) == pytest.approx(lab.estimate_cost(config, lengths, method).memory_bytes)
    assert memory_parts(config, lengths, "padding_free")["mask"] == 0
    everywhere = memory_parts(config, lengths, "full_batching", logits_everywhere=True)["logits"]
    assert everywhere == 30 * memory_parts(config, lengths, "full_batching")["logits"]


@pytest.mark.parametrize("most", [0, 1, 2, 7, 8, 9, 99, 100])
def test_the_largest_size_is_found_by_halving(most):
    tried = []

    def fit(size):
        tried.append(size)
        return size <= most

    assert largest_that_fits(fit, 100) == most
    assert len(tried) <= 7 and {*tried} <= {*range(1, 101)}


def test_of_no_sizes_none_fits():
    assert largest_that_fits(lambda size: pytest.fail("tried"), 0) == 0


class TestFits:
    @pytest.fixture
    def model(self):
        return lab.load_model("tiny-llama", device="cpu")[0]

    def test_it_is_estimated_on_a_cpu_and_nothing_is_run(self, model, monkeypatch):
        monkeypatch.setattr(memory, "run_method", lambda *_: pytest.fail("tried"))
        needed = estimate_cost(model.config, [30, 5], "prepacked", model.dtype).pass_bytes
        for free, answer in ((needed / 0.9 + 1, True), (needed / 0.9 - 1, False)):
            monkeypatch.setattr(memory, "free_memory", lambda device, free=free: free)
            assert fits(model, [30, 5], "prepacked") is answer
        monkeypatch.setattr(memory, "USABLE", 1)
        monkeypatch.setattr(memory, "free_memory", lambda device: needed)
        assert fits(model, [30, 5], "prepacked"), "all that may be filled"

    def test_it_is_tried_on_cuda(self, monkeypatch):
        class OnCuda:
            device = torch.device("cuda")

        def run(model, prompts, method):
            if len(prompts) > 2:
                raise torch.cuda.OutOfMemoryError("no room")

        monkeypatch.setattr(memory, "vocabulary_size", lambda model: 9)
        monkeypatch.setattr(memory, "run_method", run)
        assert fits(OnCuda(), [3, 4], "prepacked") is True
        assert fits(OnCuda(), [3, 4, 5], "prepacked") is False


def test_the_parts_by_hand():
    """Prompts of 3 and 5 tokens, 4 bytes a number; `SMALL` says what each costs."""
    parts = {"weights": 4 * 23, "cache": 4 * 10 * 19, "activations": 4 * 270, "mask": 4 * 50, "logits": 4 * 14}
    assert memory_parts(SMALL, [3, 5], "full_batching") == parts
    halved = {part: numbers / 2 for part, numbers in parts.items()}
    assert memory_parts(SMALL, [3, 5], "full_batching", torch.float16) == halved
    by_batch = memory_by_batch(SMALL, [3, 5], "full_batching", [2, 1])
    assert by_batch == {2: sum(parts.values()), 1: 4 * (23 + 3 * 19 + 81 + 7)}
    for limit, count in ((by_batch[2], 2), (by_batch[2] - 1, 1), (by_batch[1] - 1, 0)):
        assert largest_batch(SMALL, [3, 5], "full_batching", limit) == count


def test_on_cuda_the_peak_is_that_of_the_allocator(monkeypatch):
    events = []
    monkeypatch.setattr(memory, "choose_device", lambda device: torch.device("cuda"))
    for name, answer in (
        ("reset_peak_memory_stats", None),
        ("memory_allocated", 100),
        ("synchronize", None),
        ("max_memory_allocated", 1000),
    ):
        monkeypatch.setattr(torch.cuda, name, lambda device, name=name, answer=answer: events.append(name) or answer)
    assert peak_memory(lambda: events.append("run")) == 900
    assert events == ["reset_peak_memory_stats", "memory_allocated", "run", "synchronize", "max_memory_allocated"]
    monkeypatch.setattr(memory, "choose_device", lambda device: torch.device("mps"))
    assert peak_memory(lambda: None) is None


def test_allocations_are_followed_and_what_is_written_meanwhile_is_silent(capfd):
    def allocate():
        os.write(2, b"hidden")
        first = torch.empty(1000, dtype=torch.uint8)
        del first
        return torch.empty(500, dtype=torch.uint8)

    assert 1000 <= peak_memory(allocate, "cpu") < 1200
    assert peak_memory(lambda: None, "cpu") == 0
    os.write(2, b"shown")
    assert capfd.readouterr() == ("", "shown")
