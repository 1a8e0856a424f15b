"""Batches over several ranks: every batch once, and like shares. `test_running.py` runs two real processes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prepack_lab.runs.ranks import deal, join_ranks, place

windows = st.lists(st.lists(st.integers(1, 50), max_size=20), min_size=1, max_size=5)


@given(windows=windows, ranks=st.integers(1, 8))
def test_every_batch_goes_to_one_rank_and_no_rank_is_ahead_by_more_than_a_batch(windows, ranks):
    loads = [0.0] * ranks
    held = [0] * ranks
    for costs in windows:
        batches = [*range(len(costs))]
        shares = deal(batches, costs, loads)
        assert sorted(batch for share in shares for batch in share) == batches
        held = [before + sum(costs[batch] for batch in share) for before, share in zip(held, shares, strict=True)]
        assert loads == held
    assert max(loads) - min(loads) <= max((cost for costs in windows for cost in costs), default=0)


def test_the_dearest_come_first_and_go_to_who_has_least():
    loads = [0.0, 1.0]
    assert deal(["a", "b", "c"], [1, 5, 3], loads) == [["b"], ["c", "a"]]
    assert loads == [5.0, 5.0]


def test_a_process_alone_is_a_rank_alone(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with join_ranks("cpu") as device:
        assert device == torch.device("cpu")
        assert place() == (0, 1)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    with pytest.raises(ValueError, match=r"3 processes can't share 2 GPUs.*--nproc-per-node 2"), join_ranks():
        pass
