import pytest
import torch

from prepack_lab.measuring import machine


def test_the_device_is_chosen_from_best_to_plainest(monkeypatch):
    for cuda, mps, expected in [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]:
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: mps)
        assert machine.choose_device() == torch.device(expected)


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"'cuda:1' is not available on this machine; it has: .*cpu"):
        machine.choose_device("cuda:1")
    with pytest.raises(ValueError, match="no device 'gpu'; choose cuda"):
        machine.choose_device("gpu")


def test_the_dtype_follows_the_device():
    assert machine.choose_dtype(None, torch.device("cuda")) == torch.bfloat16
    assert machine.choose_dtype(None, torch.device("cpu")) == torch.float32
    assert machine.choose_dtype("float16", torch.device("cpu")) == torch.float16
    for wrong in ("int8", "nope", torch.int64):
        with pytest.raises(ValueError, match="not a floating-point dtype"):
            machine.choose_dtype(wrong, torch.device("cpu"))


def test_a_containers_limit_counts(monkeypatch):
    monkeypatch.setattr(machine, "_container_memory", lambda: [12345])
    assert machine.free_memory(torch.device("cpu")) == 12345


def test_files_that_were_read_are_no_memory_that_is_taken(monkeypatch):
    told = {"memory.max": "1000\n", "memory.current": "900\n", "memory.stat": "anon 100\ninactive_file 700\n"}
    monkeypatch.setattr(machine.Path, "read_text", lambda path: told[path.name])
    assert machine._container_memory() == [800]
    told["memory.max"] = "max\n"
    assert machine._container_memory() == []


@pytest.mark.parametrize(
    ("limit", "expected"), [("max 100000\n", []), ("150000 100000\n", [2]), ("20000 100000", [1]), ("", [])]
)
def test_a_containers_processor_time_counts_as_cores(monkeypatch, limit, expected):
    monkeypatch.setattr(machine.Path, "read_text", lambda path: limit)
    assert machine._container_cores() == expected
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)
    assert machine.cores() == (expected or [64])[0]


def test_the_stamp_names_device_and_versions():
    stamp = machine.describe_machine("cpu")
    assert stamp["torch"] == torch.__version__
    assert "cores" in stamp["device"]
    assert all(stamp.values())


def test_devices_are_listed_the_best_first(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert machine.list_devices() == ["cuda", "mps", "cpu"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert machine.list_devices() == ["mps", "cpu"]
