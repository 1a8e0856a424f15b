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
    assert {machine.choose_dtype(None, torch.device(kind)) for kind in ("cpu", "mps")} == {torch.float32}
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
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda pid: set(range(64 + pid)), raising=False)
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


def test_without_a_list_of_cores_all_there_are_count(monkeypatch):
    monkeypatch.setattr(machine, "_container_cores", lambda: [])
    monkeypatch.delattr(machine.os, "sched_getaffinity", raising=False)
    for counted, expected in ((6, 6), (None, 1)):
        monkeypatch.setattr(machine.os, "cpu_count", lambda counted=counted: counted)
        assert machine.cores() == expected


def test_a_processor_has_the_name_that_its_maker_gave_it(monkeypatch):
    monkeypatch.setattr(machine, "cores", lambda: 1)
    monkeypatch.setattr(machine.Path, "read_text", lambda path: "flags : a\nmodel name : Any: 9\nmodel name : B")
    assert machine.device_name(torch.device("cpu")) == "Any: 9, 1 core"
    monkeypatch.setattr(machine, "cores", lambda: 2)
    monkeypatch.setattr(machine.Path, "read_text", lambda path: "no name")
    monkeypatch.setattr(machine.platform, "machine", lambda: "arm64")
    for name, expected in (("arm", "arm, 2 cores"), ("", "arm64, 2 cores")):
        monkeypatch.setattr(machine.platform, "processor", lambda name=name: name)
        assert machine.device_name(torch.device("cpu")) == expected


def test_gpus_are_asked_for_their_names_and_their_free_memory(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (5, 9))
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 9)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 2)
    found = [(machine.device_name(one), machine.free_memory(one)) for one in map(torch.device, ("cuda", "mps"))]
    assert found == [("a GPU", 5), ("Apple GPU (MPS)", 7)]


def test_memory_is_told_in_gigabytes(monkeypatch):
    monkeypatch.setattr(machine, "free_memory", lambda device: 3_460_000_000)
    assert machine.describe_machine("cpu")["free memory"] == "3.5 GB"
    assert machine.GB == 1000 * machine.MB == 10**9


def test_files_that_nobody_counts_are_not_free(monkeypatch):
    told = {"memory.max": "1000", "memory.current": "300", "memory.stat": "anon 100"}
    monkeypatch.setattr(machine.Path, "read_text", lambda path: told[path.name])
    assert machine._container_memory() == [700]
