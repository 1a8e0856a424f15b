"""How busy a GPU is: told where it can be known, and never made up."""

import time

import pytest
import torch

from prepack_lab.measuring import utilization
from prepack_lab.measuring.machine import choose_device
from prepack_lab.measuring.utilization import gpu_utilization, mean_while


def test_without_cuda_nothing_is_told_and_nothing_is_run():
    def never():
        raise AssertionError("it was run")

    assert gpu_utilization(never, "cpu") is None


def test_the_mean_is_that_of_what_was_seen_while_it_ran():
    busy = [False]

    def run():
        busy[0] = True
        time.sleep(0.15)
        busy[0] = False

    assert mean_while(run, lambda: 90.0 if busy[0] else 10.0, seconds=0.3) > 80
    assert mean_while(lambda: None, lambda: 40.0, seconds=0) == 40


def test_a_failure_is_passed_on_and_the_watcher_ends():
    def fails():
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        mean_while(fails, lambda: 0.0, seconds=1)


@pytest.mark.parametrize("missing", [ModuleNotFoundError("pynvml"), RuntimeError("NVML is not there")])
def test_without_nvml_nothing_is_told(monkeypatch, missing):
    def no_nvml(device):
        raise missing

    monkeypatch.setattr(utilization, "choose_device", lambda device: torch.device("cuda", 0))
    monkeypatch.setattr(torch.cuda, "utilization", no_nvml)
    assert gpu_utilization(lambda: None, "cuda") is None


def test_with_nvml_it_is_a_share(monkeypatch):
    monkeypatch.setattr(utilization, "choose_device", lambda device: torch.device("cuda", 0))
    monkeypatch.setattr(torch.cuda, "utilization", lambda device: 75)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    assert gpu_utilization(lambda: None, "cuda", seconds=0.1) == 0.75
    assert choose_device("cpu").type == "cpu"
