"""Prompts over several ranks: every prompt once, like shares, and in two real processes the logits of one.

`torchrun` runs this file as a program, too: see the end.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import prepack_lab as lab
from prepack_lab.examples.sharding import join_ranks, prefill_over_ranks, shard
from prepack_lab.packing import STRATEGIES
from prepack_lab.prefilling import Prefill
from tests.conftest import random_prompts

LENGTHS = {"many": [3, 30, 1, 12, 12, 7, 25, 2, 19, 4, 4, 28, 9], "one": [5]}
ROOT = Path(__file__).parents[2]
ON_THE_CPU = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
LIKE_ALONE = [name for name in STRATEGIES if name not in ("next_fit", "next_fit_decreasing", "optimal")]

lengths = st.lists(st.integers(1, 50), min_size=1, max_size=60)
ranks = st.integers(1, 8)


@given(lengths=lengths, ranks=ranks)
def test_every_prompt_goes_to_one_rank_and_no_rank_waits_for_more_than_a_bin(lengths, ranks):
    shares = shard(lengths, ranks)
    assert len(shares) == ranks
    assert sorted(prompt for share in shares for prompt in share) == [*range(len(lengths))]
    assert all(share == sorted(share) for share in shares)
    loads = [sum(lengths[prompt] for prompt in share) for share in shares]
    assert max(loads) - min(loads) <= max(lab.pack(lengths).bin_lengths)


@given(lengths=lengths, ranks=ranks, strategy=st.sampled_from(LIKE_ALONE))
def test_a_rank_that_packs_its_share_gets_whole_bins_of_the_whole(lengths, ranks, strategy):
    whole = {tuple(sorted(members)) for members in lab.pack(lengths, strategy=strategy).bins}
    for share in shard(lengths, ranks, strategy=strategy):
        if share:
            own = lab.pack([lengths[prompt] for prompt in share], max(lengths), strategy)
            assert {tuple(sorted(share[place] for place in members)) for members in own.bins} <= whole


def test_equal_prompts_are_dealt_out_equally():
    assert [len(share) for share in shard([7] * 12, 4)] == [3, 3, 3, 3]


def test_ranks_without_a_bin_get_nothing():
    assert sorted(shard([4, 4], 4)) == [[], [], [0], [1]]
    with pytest.raises(ValueError, match="ranks is 0; give at least 1"):
        shard([4], 0)


def test_a_process_alone_is_a_rank_alone(tiny_model):
    prompts = random_prompts(LENGTHS["many"])
    with join_ranks() as device:
        assert device.type in ("cpu", "cuda")
        found = prefill_over_ranks(tiny_model, prompts, next_logits, batch_size=2)
    alone = lab.prefill(tiny_model, prompts, "one_by_one").next_token_logits
    torch.testing.assert_close(torch.stack(found), alone, atol=2e-5, rtol=0)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    with pytest.raises(ValueError, match=r"3 processes can't share 2 GPUs.*--nproc-per-node 2"), join_ranks():
        pass


@pytest.mark.slow
def test_two_processes_find_the_logits_of_one(tmp_path):
    """In one of the two cases a rank has nothing to do."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run([*torchrun, __file__, tmp_path / "found.pt"], check=True, timeout=240, env=ON_THE_CPU)
    model, _ = lab.load_model("tiny-llama", device="cpu")
    found = torch.load(tmp_path / "found.pt")
    for name, chosen in LENGTHS.items():
        alone = lab.prefill(model, random_prompts(chosen), "one_by_one").next_token_logits
        torch.testing.assert_close(found[name], alone, atol=2e-5, rtol=0)
    assert found["ranks"] == 2


def next_logits(batch: Prefill) -> torch.Tensor:
    return batch.next_token_logits


def program(out: str) -> None:
    """What each of the two processes does."""
    with join_ranks() as device:
        model, _ = lab.load_model("tiny-llama", device=device)
        found = {
            name: prefill_over_ranks(model, random_prompts(chosen), next_logits, batch_size=2)
            for name, chosen in LENGTHS.items()
        }
        if torch.distributed.get_rank() == 0:
            logits = {name: torch.stack(values) for name, values in found.items()}
            torch.save({**logits, "ranks": torch.distributed.get_world_size()}, out)
        else:
            assert [*found.values()] == [None, None]


if __name__ == "__main__":
    program(sys.argv[1])
